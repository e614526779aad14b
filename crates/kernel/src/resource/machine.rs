//! States and the moves between them, declared once: what the use case allows, what the answer offers and what the
//! document shows.

use crate::shape::{Member, Ty, absent, must};

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
#[doc(hidden)]
pub const fn moves(state: &'static Ty, states: usize) -> Member {
    must("available_transitions", Ty::List(state, states), "The states that may follow.").computed()
}

/// The states that a machine's member can have.
#[doc(hidden)]
pub const fn states(machine: &Option<Machine>, members: &[Member]) -> &'static [&'static str] {
    let Some(Machine { field, .. }) = machine else { return &[] };
    let mut rest = members;
    while let [member, more @ ..] = rest {
        if let (true, Ty::Word(words)) = (same(member.name, field), member.ty) {
            return words;
        }
        rest = more;
    }
    &[]
}

/// The members of what creates a record: the state is one of those in which a record may begin.
#[doc(hidden)]
pub const fn beginning<const N: usize>(machine: &Option<Machine>, members: &'static [Member]) -> [Member; N] {
    let mut all = [absent("", Ty::Bool, ""); N];
    let (mut rest, mut free): (&[Member], &mut [Member]) = (members, &mut all);
    while let ([member, more @ ..], [place, left @ ..]) = (rest, free) {
        *place = *member;
        if let Some(Machine { field, initial, .. }) = machine
            && same(member.name, field)
        {
            place.ty = Ty::Word(initial);
        }
        (rest, free) = (more, left);
    }
    all
}

/// Whether two names are the same, for a declaration's constants.
const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}

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
