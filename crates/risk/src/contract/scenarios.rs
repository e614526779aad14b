//! Scenarios: what does not fit together is refused, documents come back the same.

use grc_kernel::{Changes, ControlId, Ctx, Refusal, Uuid, kit};

use super::{Outcome, fields};
use crate::{
    Scenario,
    entry::{Category, named},
    ports::Tx,
    scenario::{Barrier, Consequence, Side, Threat, evaluation},
};

fn barrier(side: Side, on: &str, effectiveness: f64) -> Barrier {
    Barrier { side, on: on.to_owned(), name: format!("Barrier on {on}"), effectiveness, control_id: None }
}

/// The scenarios' part of the suite.
pub(super) async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let risk = kit::create(ctx, tx, named("Data are lost", Category::Cyber, 2, 2)).await?.id;
    let drawn = Changes::with(move |scenario: &mut Scenario| {
        scenario.top_event = "A database is deleted".to_owned();
        scenario.risk_id = Some(risk);
        scenario.threats = vec![Threat { name: "A slip".to_owned(), frequency: 0.3 }];
        scenario.consequences = vec![Consequence { name: "Restore".to_owned(), loss: Some(1e5 / 3.0) }];
        scenario.barriers = vec![barrier(Side::Threat, "A slip", 0.1), barrier(Side::Consequence, "Restore", 1.0)];
    });
    let scenario = kit::create(ctx, tx, drawn).await?;
    assert_eq!(kit::get::<Scenario>(ctx, tx, scenario.id).await?, scenario, "what was stored comes back the same");
    assert!((evaluation::evaluate(&scenario, &[]).top_frequency - 0.27).abs() < 1e-12);

    let apart = Changes::with(|scenario: &mut Scenario| {
        scenario.threats.push(Threat { name: "A slip".to_owned(), frequency: 1.0 });
        scenario.barriers.push(barrier(Side::Threat, "Restore", 0.5));
    });
    let found = fields(kit::amend(ctx, tx, scenario.id, None, apart).await);
    assert_eq!(found, ["threats[1].name repeated", "barriers[2].on unknown_reference"]);
    let outside = Changes::with(|scenario: &mut Scenario| scenario.barriers[0].effectiveness = 1.5);
    assert_eq!(
        fields(kit::amend(ctx, tx, scenario.id, None, outside).await),
        ["barriers[0].effectiveness out_of_range"]
    );
    let nothing = Changes::with(|scenario: &mut Scenario| {
        scenario.barriers[1].control_id = Some(ControlId(Uuid::from_u128(5)));
    });
    let refused: Result<_, Refusal> = kit::amend(ctx, tx, scenario.id, None, nothing).await;
    assert_eq!(fields(refused), ["barriers[1].control_id unknown_reference"]);
    kit::remove::<Scenario>(ctx, tx, scenario.id, None).await?;
    kit::remove::<crate::Entry>(ctx, tx, risk, None).await?;
    Ok(())
}
