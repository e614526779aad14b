//! Treatment plans: what is done about an entry, by whom and until when.

use async_trait::async_trait;
use grc_kernel::{
    Rules, UserId, resource,
    resource::Machine,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use time::Date;

use crate::{entry::EntryId, ports::Tx};

typed_id! {
    /// A treatment plan.
    TreatmentId,
}

wire_enum! {
    /// How far it is.
    pub enum TreatmentStatus {
        /// Not begun.
        Planned = "planned",
        /// Under way.
        InProgress = "in_progress",
        /// Done.
        Done = "done",
        /// Given up.
        Cancelled = "cancelled",
    }
}

/// The moves of a treatment plan.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["planned", "in_progress"],
    moves: &[
        ("planned", &["in_progress", "done", "cancelled"]),
        ("in_progress", &["planned", "done", "cancelled"]),
        ("done", &["in_progress"]),
        ("cancelled", &["planned"]),
    ],
};

resource! {
    /// What is done about a risk.
    pub struct Treatment(TreatmentId) as "Treatment" {
        kind: "risk_treatment", table: "risk_treatments", area: "risk", name: "title", sort: ("created_at", false),
        machine: MACHINE,
    }
    /// The risk.
    risk_id: EntryId = Ty::Ref("risk"), computed;
    /// What is done.
    title: String = Ty::Line(200), required, sorts, searches;
    /// How.
    description: Option<String> = Ty::Text(20_000), searches;
    /// Who does it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// How far it is.
    status: TreatmentStatus = Ty::Word(TreatmentStatus::NAMES), preset(Preset::Text("planned"));
    /// Until when.
    due_date: Option<Date> = Ty::Date, sorts;
    /// What it costs a year, in the organization's currency.
    cost: Option<f64> = Ty::Number(0.0, 1e15);
    /// The residual score expected of it.
    expected_residual: Option<i64> = Ty::Int(1, 100);
}

#[async_trait]
impl Rules for Treatment {
    type Tx = Tx;
}
