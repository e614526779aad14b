//! Bow-tie scenarios: what leads to an event, what follows from it, and what the barriers hold back.

use grc_document::{
    Chart, Data, Section, Table, Value,
    chart::End,
    num::{short, trimmed},
};
use grc_kernel::{Access, Ctx, Permission, Refusal, Resource};
use grc_risk::{
    Scenario,
    scenario::{Side, evaluation::evaluate},
};
use grc_uow::Uow;

use super::{Short, beside, count, whole};

/// How many scenarios have their pictures.
const PICTURED: usize = 3;

/// The organization's scenarios.
pub(super) async fn load(ctx: &Ctx, uow: &mut Uow, short: &mut Short) -> Result<Vec<Scenario>, Refusal> {
    ctx.require(Permission::new("risk", Access::Read))?;
    Ok(beside::<Scenario, _>(ctx, uow.risk(), &whole(Scenario::LIST), short).await?)
}

/// What a report says of them; nothing where there are none.
pub(super) fn sections(scenarios: &[Scenario]) -> Vec<Section> {
    if scenarios.is_empty() {
        return Vec::new();
    }
    let mut evaluated: Vec<_> = scenarios.iter().map(|scenario| (scenario, evaluate(scenario, &[]))).collect();
    evaluated.sort_by(|(a, x), (b, y)| {
        let key = |loss: Option<f64>| loss.unwrap_or(-1.0);
        key(y.annual_loss)
            .total_cmp(&key(x.annual_loss))
            .then(y.top_frequency.total_cmp(&x.top_frequency))
            .then(a.id.0.cmp(&b.id.0))
    });
    let columns = [
        ("top_event", "Event"),
        ("frequency", "Times a year"),
        ("annual_loss", "Loss a year"),
        ("threats", "Threats"),
        ("consequences", "Consequences"),
        ("barriers", "Barriers"),
    ];
    let rows = evaluated.iter().map(|(scenario, worth)| {
        vec![
            Value::text(scenario.top_event.as_str()),
            Value::number(worth.top_frequency, 4),
            Value::maybe(worth.annual_loss, |loss| Value::number(loss, 0)),
            count(scenario.threats.len()),
            count(scenario.consequences.len()),
            count(scenario.barriers.len()),
        ]
    });
    let table = Table::new("scenarios", "", &columns).strong("top_event").rows(rows.collect::<Vec<_>>());
    let mut section = Section::new("scenarios", "Scenarios").table(table);
    for ((scenario, worth), place) in evaluated.iter().take(PICTURED).zip(1..) {
        let barriers = |side: Side, name: &str| {
            scenario.barriers_on(side, name).map(|barrier| (barrier.name.clone(), barrier.effectiveness)).collect()
        };
        let left = worth.threats.iter().map(|threat| End {
            label: threat.name.clone(),
            note: format!("{} a year", trimmed(threat.frequency, 3)),
            barriers: barriers(Side::Threat, &threat.name),
        });
        let right = worth.consequences.iter().map(|end| End {
            label: end.name.clone(),
            note: match end.annual_loss {
                Some(loss) => format!("{} a year, loss {}", trimmed(end.frequency, 3), short(loss)),
                None => format!("{} a year", trimmed(end.frequency, 3)),
            },
            barriers: barriers(Side::Consequence, &end.name),
        });
        let data = Data::BowTie { event: scenario.top_event.clone(), left: left.collect(), right: right.collect() };
        let alt =
            "Threats on the left, the event in the middle, consequences on the right, barriers on the ways between";
        section = section.chart(Chart::new(&format!("bow_tie_{place}"), &scenario.top_event, alt, data));
    }
    vec![section]
}
