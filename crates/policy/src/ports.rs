//! What this domain needs from the outside.

use grc_kernel::{JournalTx, Repo, resource::References};

use crate::{Applied, Decision, Input, Policy, Version};

/// A transaction over this domain's repositories.
pub trait PolicyTx:
    JournalTx + References + Repo<Policy> + Repo<Version> + Repo<Decision> + Repo<Input> + Repo<Applied>
{
}

impl<T> PolicyTx for T where
    T: JournalTx + References + Repo<Policy> + Repo<Version> + Repo<Decision> + Repo<Input> + Repo<Applied>
{
}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn PolicyTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn PolicyTx;
