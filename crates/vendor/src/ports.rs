//! What this domain needs from the outside.

use grc_kernel::{JournalTx, resource::References};

/// A transaction over this domain's repositories.
pub trait VendorTx: JournalTx + References {}

impl<T: JournalTx + References> VendorTx for T {}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn VendorTx` would mean a shorter
/// life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn VendorTx;
