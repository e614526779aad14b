//! What this domain needs from the outside.

use grc_kernel::{JobsTx, JournalTx, Repo, resource::References};

use crate::{Import, ImportRow};

/// A transaction over this domain's repositories.
pub trait TransferTx: JournalTx + JobsTx + References + Repo<Import> + Repo<ImportRow> {}

impl<T> TransferTx for T where T: JournalTx + JobsTx + References + Repo<Import> + Repo<ImportRow> {}

/// The transaction that the use cases take.
pub type Tx = dyn TransferTx;
