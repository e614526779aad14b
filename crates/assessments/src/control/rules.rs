//! How a control stands, from facts.
//!
//! | facts | status |
//! |---|---|
//! | retired, planned or on hold | `unknown` |
//! | no usable evidence, or a failed finding that is still open | `ineffective` |
//! | degraded or in progress, a partial finding still open, or some evidence old, expired or rejected | `partially_effective` |
//! | otherwise | `effective` |
//!
//! Usable evidence is stored, not rejected in review, not past its validity, and collected within a year.

use grc_kernel::wire_enum;
use time::{Duration, OffsetDateTime};

use super::{Control, Status};

/// After how many days evidence is old where it names no validity itself.
pub const FRESH_DAYS: i64 = 365;

wire_enum! {
    /// How a control stands.
    pub enum ComputedStatus {
        /// It works, and evidence shows it.
        Effective = "effective",
        /// It works in part.
        PartiallyEffective = "partially_effective",
        /// Nothing shows that it works.
        Ineffective = "ineffective",
        /// It is not in force.
        Unknown = "unknown",
    }
}

/// What is known of one piece of a control's evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceFact {
    /// Its file name.
    pub filename: String,
    /// Whether a reviewer rejected it.
    pub rejected: bool,
    /// When it was collected.
    pub collected_at: OffsetDateTime,
    /// Until when it is valid.
    pub valid_until: Option<OffsetDateTime>,
}

/// What the standing of a control rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlFacts {
    /// Its stored evidence.
    pub evidence: Vec<EvidenceFact>,
    /// Open findings with status `fail` on its requirements.
    pub open_failures: i64,
    /// Open findings with status `partial` on its requirements.
    pub open_partials: i64,
}

/// Whether evidence is too old to show anything.
pub fn is_stale(collected_at: OffsetDateTime, valid_until: Option<OffsetDateTime>, now: OffsetDateTime) -> bool {
    match valid_until {
        Some(until) => until < now,
        None => now - collected_at > Duration::days(FRESH_DAYS),
    }
}

/// The standing, and the reasons for it.
pub fn computed_status(control: &Control, facts: &ControlFacts, now: OffsetDateTime) -> (ComputedStatus, Vec<String>) {
    if matches!(control.status, Status::Retired | Status::Planned | Status::OnHold) {
        return (ComputedStatus::Unknown, vec![format!("the control is {}", control.status)]);
    }
    let mut reasons = Vec::new();
    let mut usable = 0;
    for item in &facts.evidence {
        if item.rejected {
            reasons.push(format!("{} was rejected in review", item.filename));
        } else if is_stale(item.collected_at, item.valid_until, now) {
            reasons.push(format!("{} is out of date", item.filename));
        } else {
            usable += 1;
        }
    }
    let blemished = !reasons.is_empty();
    if facts.open_failures > 0 {
        reasons.push(format!("{} failed findings on its requirements are open", facts.open_failures));
    }
    if facts.open_partials > 0 {
        reasons.push(format!("{} partial findings on its requirements are open", facts.open_partials));
    }
    if usable == 0 {
        reasons.push("no current evidence shows that it works".to_owned());
    }
    if matches!(control.status, Status::Degraded | Status::InProgress) {
        reasons.push(format!("the control is {}", control.status));
    }
    let status = if usable == 0 || facts.open_failures > 0 {
        ComputedStatus::Ineffective
    } else if blemished || facts.open_partials > 0 || control.status != Status::Active {
        ComputedStatus::PartiallyEffective
    } else {
        reasons.push(format!("{usable} pieces of current evidence, no open finding"));
        ComputedStatus::Effective
    };
    (status, reasons)
}
