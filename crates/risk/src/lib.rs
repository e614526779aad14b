//! The risk domain: what may happen, how bad it would be, what is done about it, and how much is borne.
//!
//! Reading order: [`matrix`] (from likelihood and impact to a level), [`appetite`] (how much is borne), [`entry`]
//! (the register), [`treatment`] and [`acceptance`] (what is done about an entry), [`heatmap`], [`ports`].
//!
//! Terms and process are those of ISO 31000:2018: inherent risk is that before treatment, residual risk that after
//! it. Scores are products of two ordinal numbers and rank only roughly (Cox 2008), so the level comes from a matrix
//! that the organization decides on, not from the product.

pub mod acceptance;
pub mod appetite;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod dashboard;
pub mod entry;
pub mod fair;
pub mod heatmap;
pub mod kri;
pub mod matrix;
pub mod mem;
pub mod picture;
pub mod ports;
pub mod scenario;
pub mod treatment;

use grc_kernel::resource::Declared;

pub use acceptance::{Acceptance, AcceptanceId};
pub use appetite::Appetite;
pub use entry::{Entry, EntryId};
pub use fair::{Analysis, AnalysisId};
pub use kri::{Breach, Kri, KriId, Reading};
pub use matrix::Matrix;
pub use ports::{Indicators, Overview, Register, RiskTx, Simulations};
pub use scenario::{Scenario, ScenarioId};
pub use treatment::{Treatment, TreatmentId};

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[
    Declared::of::<Entry>(),
    Declared::of::<Treatment>(),
    Declared::of::<Acceptance>(),
    Declared::of::<Matrix>(),
    Declared::of::<Appetite>(),
    Declared::of::<Kri>(),
    Declared::of::<Reading>(),
    Declared::of::<Breach>(),
    Declared::of::<Analysis>(),
    Declared::of::<fair::Run>(),
    Declared::of::<Scenario>(),
];

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, OrgId, Uuid, resource::MemTables};

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tables = MemTables::default();
        tables.members.insert((ctx.org, ctx.actor.id));
        futures::executor::block_on(crate::contract::suite(&ctx, &mut tables)).unwrap();
    }
}
