//! The phases of a response, the moves between them, and the status that follows from a phase.
//!
//! The six phases are those of NIST SP 800-61 r2, split; [`defaults`] holds what each is called
//! in NIST CSF 2.0. Going on by one is free. Going back, ending an incident before there is anything to contain
//! (it was none, it is known already) and leaving phases out all need a reason; leaving phases out is besides for
//! those who lead the response, and so is opening it again.

use grc_kernel::{resource::Machine, wire_enum};

use crate::defaults::{PhaseRow, defaults};

wire_enum! {
    /// How far the response is.
    pub enum Phase {
        /// Somebody noticed something.
        Detection = "detection",
        /// It is found out what happened.
        Analysis = "analysis",
        /// It is kept from spreading.
        Containment = "containment",
        /// What caused it is removed.
        Eradication = "eradication",
        /// Operations are restored.
        Recovery = "recovery",
        /// It is over; what can be learned from it is written down.
        PostIncident = "post_incident",
    }
}

wire_enum! {
    /// What an incident shows to those who do not respond to it; follows from its phase.
    pub enum Status {
        /// Nobody looks into it yet.
        Open = "open",
        /// It is looked into.
        Investigating = "investigating",
        /// It no longer spreads.
        Contained = "contained",
        /// It is over.
        Resolved = "resolved",
        /// It is over, reviewed, and nothing is left to do.
        Closed = "closed",
    }
}

/// The moves, as the declaration of incidents shows them; a test holds them to the data.
pub const MACHINE: Machine = Machine {
    field: "phase",
    initial: &["detection"],
    moves: &[
        ("detection", &["analysis", "post_incident"]),
        ("analysis", &["containment", "detection", "post_incident"]),
        ("containment", &["eradication", "analysis"]),
        ("eradication", &["recovery", "containment", "analysis"]),
        ("recovery", &["post_incident", "eradication", "containment", "analysis"]),
        ("post_incident", &["analysis"]),
    ],
};

/// What a change of phase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// None.
    Stay,
    /// To the next phase.
    Forward,
    /// To the end before there was anything to contain.
    Dismissal,
    /// Back to an earlier phase.
    Regression,
    /// Back from the end.
    Reopening,
    /// Forward, with phases left out: only where those who lead the response say so.
    Skip,
    /// Nowhere that may be gone.
    Illegal,
}

impl Move {
    /// What going from one phase to another is.
    pub fn between(from: Phase, to: Phase) -> Self {
        let legal = MACHINE.from(from.as_str()).contains(&to.as_str());
        match (legal, from.cmp(&to)) {
            (_, std::cmp::Ordering::Equal) => Self::Stay,
            (true, std::cmp::Ordering::Less) if from.next() == Some(to) => Self::Forward,
            (true, std::cmp::Ordering::Less) => Self::Dismissal,
            (true, std::cmp::Ordering::Greater) if from == Phase::PostIncident => Self::Reopening,
            (true, std::cmp::Ordering::Greater) => Self::Regression,
            (false, std::cmp::Ordering::Less) => Self::Skip,
            (false, std::cmp::Ordering::Greater) => Self::Illegal,
        }
    }

    /// Whether it must be said why.
    pub fn needs_reason(self) -> bool {
        matches!(self, Self::Dismissal | Self::Regression | Self::Reopening | Self::Skip)
    }

    /// Whether only those who lead the response may make it: admins and the commander.
    pub fn needs_lead(self) -> bool {
        matches!(self, Self::Reopening | Self::Skip)
    }

    /// Whether it goes back.
    pub fn is_back(self) -> bool {
        matches!(self, Self::Regression | Self::Reopening)
    }
}

impl Phase {
    /// The phase after it.
    pub fn next(self) -> Option<Self> {
        Self::ALL.iter().copied().find(|phase| *phase > self)
    }

    /// What the data says of it.
    pub fn row(self) -> Option<&'static PhaseRow> {
        defaults().phases.get(&self)
    }

    /// The status of an incident in this phase.
    pub fn status(self, closed: bool) -> Status {
        if closed { Status::Closed } else { self.row().map_or(Status::Open, |row| row.status) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_the_datas() {
        for phase in Phase::ALL {
            let next: Vec<&str> = phase.row().unwrap().next.iter().map(|phase| phase.as_str()).collect();
            assert_eq!(MACHINE.from(phase.as_str()), next, "{phase}");
        }
        assert_eq!(MACHINE.moves.len(), Phase::ALL.len());
    }

    #[test]
    fn every_change_of_phase_is_what_the_table_says() {
        // A row for each phase that is left, a column for each that is entered.
        let table = [
            ("detection", ". F S S S D"),
            ("analysis", "R . F S S D"),
            ("containment", "X R . F S S"),
            ("eradication", "X R R . F S"),
            ("recovery", "X R R R . F"),
            ("post_incident", "X O X X X ."),
        ];
        for (from, row) in table {
            for (to, sign) in Phase::ALL.iter().zip(row.split(' ')) {
                let expected = match sign {
                    "." => Move::Stay,
                    "F" => Move::Forward,
                    "D" => Move::Dismissal,
                    "R" => Move::Regression,
                    "O" => Move::Reopening,
                    "S" => Move::Skip,
                    _ => Move::Illegal,
                };
                assert_eq!(Move::between(Phase::parse(from).unwrap(), *to), expected, "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_status_follows_from_the_phase() {
        let shown: Vec<&str> = Phase::ALL.iter().map(|phase| phase.status(false).as_str()).collect();
        assert_eq!(shown, ["open", "investigating", "investigating", "contained", "contained", "resolved"]);
        assert_eq!(Phase::PostIncident.status(true), Status::Closed);
    }
}
