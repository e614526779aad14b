//! What this domain needs from the outside.

use grc_kernel::{JobsTx, JournalTx, Permission, Repo, resource::References};

use crate::{Link, Task};

/// The kinds of records that there are, of every domain.
pub trait Kinds {
    /// The kind of a name, and what reading its records takes.
    fn kind_named(&self, name: &str) -> Option<(&'static str, Permission)>;
}

/// A transaction over this domain's repositories.
pub trait CoordinationTx: JournalTx + JobsTx + References + Kinds + Repo<Task> + Repo<Link> {}

impl<T> CoordinationTx for T where T: JournalTx + JobsTx + References + Kinds + Repo<Task> + Repo<Link> {}

/// The transaction that the use cases take.
pub type Tx = dyn CoordinationTx;
