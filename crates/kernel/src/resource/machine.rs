//! States and the moves between them, declared once: what the use case allows, what the answer offers and what the
//! document shows.

use crate::shape::{Member, Ty, must};

/// The states of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The member that holds the state.
    pub field: &'static str,
    /// The states in which a record may be created; the first where nothing is said.
    pub initial: &'static [&'static str],
    /// From each state, the states that may follow.
    pub moves: &'static [(&'static str, &'static [&'static str])],
}

/// The member of the answer that names the moves.
pub const MEMBERS: &[Member] =
    &[must("available_transitions", Ty::List(&Ty::Line(50), 50), "The states that may follow.").computed()];

impl Machine {
    /// The states that may follow one.
    pub fn from(&self, state: &str) -> &'static [&'static str] {
        self.moves.iter().find(|(from, _)| *from == state).map_or(&[], |(_, to)| to)
    }

    /// Whether a move is legal. Staying is.
    pub fn allows(&self, from: &str, to: &str) -> bool {
        from == to || self.from(from).contains(&to)
    }
}
