//! The key that a vendor granted the organization.

use grc_kernel::resource::{Cell, CellRef, Codec, Misfit};

/// The key that a vendor granted the organization for its A2A server. It is never shown; not in a log either.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantedKey(String);

impl GrantedKey {
    /// A key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself, for the call that presents it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for GrantedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GrantedKey")
    }
}

impl Codec for GrantedKey {
    fn blank() -> Self {
        Self(String::new())
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Text(&self.0)
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        String::from_cell(cell).map(Self)
    }
}
