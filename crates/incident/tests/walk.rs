//! Incidents that go wherever a random walk takes them: what follows from the phase must hold after every step.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use futures::executor::block_on;
use grc_incident::{
    Incident, Phase, Status, TimelineEntry,
    incident::{Category, Severity, moved, named},
    phase::Move,
    response, timeline,
};
use grc_kernel::{Changes, Ctx, OrgId, Refusal, Repo, Resource, Uuid, kit, list::Scalar, resource::MemTables};
use proptest::prelude::*;
use time::Duration;

fn story(ctx: &Ctx, tables: &mut MemTables, incident: &Incident) -> Vec<TimelineEntry> {
    let query = TimelineEntry::LIST.query().only("incident_id", vec![Scalar::Id(incident.id.0)]).limited(1_000);
    let mut entries = block_on(Repo::<TimelineEntry>::page(tables, ctx.org, &query)).unwrap().items;
    entries.sort_by_key(|entry| entry.sequence);
    entries
}

proptest! {
    #[test]
    fn what_follows_from_the_phase_follows_wherever_it_goes(
        steps in proptest::collection::vec((0_usize..6, any::<bool>(), any::<bool>(), 0_i64..600), 0..25)
    ) {
        let mut ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tables = MemTables::default();
        let mut incident = block_on(kit::create::<Incident>(&ctx, &mut tables, named("Walk", Category::Other, Severity::High))).unwrap();
        let mut moves = 0;
        let mut contained = None;
        for (to, said, force, minutes) in steps {
            ctx.now += Duration::minutes(minutes);
            let to = Phase::ALL[to];
            let step = Move::between(incident.phase, to);
            let changes = moved(to, said.then_some("Because."));
            let outcome = block_on(response::amend(&ctx, &mut tables, incident.id, None, force, changes));
            match (step, outcome) {
                (Move::Illegal, Err(Refusal::Illegal { available, .. })) => {
                    prop_assert_eq!(Some(available), incident.available_transitions().map(<[_]>::to_vec));
                }
                (Move::Skip, Err(Refusal::Illegal { .. })) => prop_assert!(!force),
                (step, Err(Refusal::Invalid(errors))) => {
                    prop_assert!(step.needs_reason() && !said, "{:?}", step);
                    prop_assert_eq!(errors[0].field.as_str(), "notes");
                }
                (step, Ok(after)) => {
                    prop_assert!(step != Move::Illegal && (step != Move::Skip || force));
                    prop_assert!(said || !step.needs_reason());
                    prop_assert_eq!(after.phase, to);
                    moves += i32::from(step != Move::Stay);
                    if matches!(step, Move::Forward | Move::Skip) && to >= Phase::Eradication {
                        contained = contained.or(Some(ctx.now));
                    }
                    incident = after;
                }
                (step, Err(other)) => panic!("{step:?}: {other}"),
            }
            prop_assert_eq!(incident.status, incident.phase.status(false));
            prop_assert_eq!(incident.resolved_at.is_some(), incident.phase == Phase::PostIncident);
            prop_assert_eq!(incident.contained_at, contained);
            prop_assert!(!incident.dismissed || incident.status == Status::Resolved);
        }
        let entries = story(&ctx, &mut tables, &incident);
        prop_assert_eq!(timeline::first_bad(&entries), None);
        let told = entries.iter().filter(|entry| entry.event_type.starts_with("phase_")).count();
        prop_assert_eq!(i32::try_from(told).unwrap(), moves);
        prop_assert_eq!(i64::try_from(entries.len()).unwrap(), incident.meta.revision, "one word a change");
        let journal = tables.journal.entries.len();
        prop_assert_eq!(i64::try_from(journal).unwrap(), incident.meta.revision, "one entry a change");
    }
}

#[test]
fn a_change_made_by_rust_code_is_no_change_only_where_it_says_nothing() {
    let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
    let mut tables = MemTables::default();
    let incident =
        block_on(kit::create::<Incident>(&ctx, &mut tables, named("Typed", Category::Other, Severity::High))).unwrap();
    let said = Changes::with(|incident: &mut Incident| incident.affected_records = Some(5));
    let after = block_on(response::amend(&ctx, &mut tables, incident.id, None, false, said)).unwrap();
    assert_eq!((after.affected_records, after.meta.revision), (Some(5), 2));
    let same = block_on(response::amend(&ctx, &mut tables, incident.id, None, false, Changes::none())).unwrap();
    assert_eq!(same, after);
}
