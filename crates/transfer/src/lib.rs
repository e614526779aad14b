//! Tables in and out: what cells mean, how files are read, which column is which member, and imports as they are kept.
//!
//! Nothing here knows a register. What a row stands for is said by the members of the resource that it is of; who carries
//! it out is the caller's matter.
//!
//! Reading order: [`cell`] (values and cells), [`table`] (files), [`columns`] (headings and members), [`model`] and
//! [`service`] (an import, and how far it is), [`ports`].

pub mod cell;
pub mod columns;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod model;
pub mod ports;
pub mod service;
pub mod table;

use grc_kernel::resource::Declared;

pub use model::{Import, ImportId, ImportRow};
pub use ports::TransferTx;

/// The resources of this domain.
pub const RESOURCES: &[Declared] = &[Declared::of::<Import>(), Declared::of::<ImportRow>()];

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, OrgId, Uuid, resource::MemTables};

    #[test]
    fn memory_keeps_the_contract() {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut tables = MemTables::default();
        futures::executor::block_on(crate::contract::suite(&ctx, &mut tables)).unwrap();
    }
}
