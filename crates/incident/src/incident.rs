//! Incidents: what happened, how far the response is, and the times that are kept of it.
//!
//! Clients move the phase; status, kept times and clocks follow from it, whichever use case moves it. What was said of a
//! move (`notes`) belongs to that move: one without notes leaves none. Every change is told in the timeline.

use async_trait::async_trait;
use grc_kernel::{
    Access, Changes, Checker, Ctx, Refusal, Resource, Role, Rules, UserId, Uuid, resource,
    resource::{Cell, Nested},
    shape::{Member, Preset, Ty, must},
    typed_id, wire_enum,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::{
    phase::{MACHINE, Move, Phase, Status},
    ports::Tx,
    response,
    sla::{self, REPLACED_MAX, ReplacedLimit},
    story, timeline,
};

/// By how much a client's clock may be ahead of ours.
pub const SKEW: Duration = Duration::minutes(5);

typed_id! {
    /// An incident.
    IncidentId,
}

wire_enum! {
    /// What kind of incident it is.
    pub enum Category {
        /// Malware, ransomware among it.
        MaliciousCode = "malicious_code",
        /// Somebody was where they had no business.
        UnauthorizedAccess = "unauthorized_access",
        /// Data came to somebody it was not meant for.
        DataBreach = "data_breach",
        /// A service was kept from serving.
        DenialOfService = "denial_of_service",
        /// Somebody was deceived into giving something away.
        Phishing = "phishing",
        /// Somebody of the organization's own.
        InsiderThreat = "insider_threat",
        /// Premises or things.
        Physical = "physical",
        /// None of these.
        Other = "other",
    }
}

wire_enum! {
    /// How grave it is, the gravest first.
    pub enum Severity {
        /// The organization cannot do what it is there for.
        Critical = "critical",
        /// It is badly hindered.
        High = "high",
        /// Some are hindered.
        Medium = "medium",
        /// Hardly anybody notices.
        Low = "low",
        /// Worth knowing.
        Info = "info",
    }
}

const MAPPING: grc_kernel::shape::Shape = grc_kernel::shape::Shape {
    name: "IncidentPhaseMapping",
    doc: "What frameworks call the phase.",
    members: &[&[
        must("nist_csf_2", Ty::List(&Ty::Line(20), 10), "Its categories in NIST CSF 2.0."),
        must("nist_sp_800_61_r2", Ty::Line(100), "Its phase in NIST SP 800-61 r2."),
    ]],
    view: grc_kernel::shape::View::Plain,
};

/// What an answer shows beyond the members.
pub const BESIDES: &[Member] = &[
    must("sla", Ty::Object(&sla::SHAPE), "The clocks of the response.").computed(),
    must("phase_mapping", Ty::Object(&MAPPING), "What frameworks call the phase.").computed(),
];

resource! {
    /// An incident.
    pub struct Incident(IncidentId) as "Incident" {
        kind: "incident", table: "incidents", area: "incident", name: "title", sort: ("created_at", true),
        machine: MACHINE, delete: Access::Admin, extra: BESIDES,
    }
    /// What happened, in a line.
    title: String = Ty::Line(200), required, sorts, searches;
    /// What happened.
    description: Option<String> = Ty::Text(20_000), searches;
    /// What kind of incident it is.
    category: Category = Ty::Word(Category::NAMES), required;
    /// How grave it is; `informational` is taken for `info`.
    severity: Severity = Ty::Word(Severity::NAMES), required;
    /// The systems concerned.
    affected_systems: Vec<String> = Ty::List(&Ty::Line(200), 1_000);
    /// How many records of data are concerned.
    affected_records: Option<i64> = Ty::Int(0, i64::MAX);
    /// Who or what noticed it.
    source: Option<String> = Ty::Line(200), filters;
    /// Who leads the response: an active member.
    commander_id: Option<UserId> = Ty::Ref("user");
    /// When it began, where that is known.
    occurred_at: Option<OffsetDateTime> = Ty::Time, sorts;
    /// When it was noticed; now where a new incident does not say.
    detected_at: OffsetDateTime = Ty::Time, preset(Preset::Now), sorts;
    /// How far the response is. Going back, to the end before containment, or past a phase needs notes.
    phase: Phase = Ty::Word(Phase::NAMES), preset(Preset::Text("detection"));
    /// What was said of the last move of the phase, or since.
    notes: Option<String> = Ty::Text(20_000);
    /// What it shows to others; follows from the phase.
    status: Status = Ty::Word(Status::NAMES), computed;
    /// Whether it was ended before there was anything to contain: a false alarm, a duplicate.
    dismissed: bool = Ty::Bool, computed;
    /// When somebody took it on.
    acknowledged_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// Who did.
    acknowledged_by: Option<Uuid> = Ty::Id, computed;
    /// When it first no longer spread: the first entry to eradication.
    contained_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// When it was over: the entry to post_incident. Opening it again clears it.
    resolved_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// When it was closed. Opening it again clears it.
    closed_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// When the time to acknowledge it runs out.
    acknowledge_due_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// When the time to contain it runs out.
    contain_due_at: Option<OffsetDateTime> = Ty::Time, computed;
    /// When the time to resolve it runs out.
    resolve_due_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// The limits that no longer hold, the oldest first.
    replaced_limits: Vec<ReplacedLimit> = Ty::List(&Ty::Object(ReplacedLimit::SHAPE), REPLACED_MAX), computed;
}

#[async_trait]
impl Rules for Incident {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        _: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        after.in_order(ctx.now, check);
        let step = before.map_or(Move::Stay, |before| Move::between(before.phase, after.phase));
        if step.needs_reason() {
            let said = after.notes.as_ref().is_some_and(|notes| !notes.trim().is_empty());
            check.ensure(said, "notes", "required", format!("must say why the phase goes to {}", after.phase));
        }
        after.enter(step, ctx.now);
        after.status = after.phase.status(after.closed_at.is_some());
        after.set_clocks(before, ctx.now);
        Ok(())
    }

    async fn follow(ctx: &Ctx, tx: &mut Tx, before: Option<&Self>, after: &Self) -> Result<(), Refusal> {
        timeline::tell(ctx, tx, after.id, story::of_incident(before, after)).await
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        response::hold(ctx, tx, record.id).await?;
        timeline::tell(ctx, tx, record.id, vec![story::removed(record)]).await
    }
}

impl Incident {
    /// The times that clients set lie in the order of what happened.
    fn in_order(&self, now: OffsetDateTime, check: &mut Checker) {
        check.ensure(self.detected_at <= now + SKEW, "detected_at", "out_of_range", "lies in the future");
        let began = self.occurred_at.is_none_or(|began| began <= self.detected_at);
        check.ensure(began, "occurred_at", "out_of_order", "lies after the detection");
        for (name, at) in [
            ("acknowledged_at", self.acknowledged_at),
            ("contained_at", self.contained_at),
            ("resolved_at", self.resolved_at),
        ] {
            // A detection that a client's clock put a little ahead of ours is not after what we kept.
            let later = at.is_none_or(|at| self.detected_at <= at + SKEW);
            check.ensure(later, "detected_at", "out_of_order", format!("lies after {name}"));
        }
    }

    /// Keeps the times of a move.
    fn enter(&mut self, step: Move, now: OffsetDateTime) {
        match step {
            Move::Stay | Move::Regression | Move::Illegal => {}
            Move::Forward | Move::Skip => {
                if self.phase >= Phase::Eradication {
                    self.contained_at.get_or_insert(now);
                }
            }
            Move::Dismissal => self.dismissed = true,
            Move::Reopening => {
                self.dismissed = false;
                self.resolved_at = None;
                self.closed_at = None;
            }
        }
        if step != Move::Stay && self.phase == Phase::PostIncident {
            self.resolved_at = Some(now);
        }
    }

    /// What an answer shows beyond the members, at a time.
    pub fn extra(&self, now: OffsetDateTime) -> Vec<(&'static str, Value)> {
        let mapping = self.phase.row().map(|row| json!({"nist_csf_2": row.csf, "nist_sp_800_61_r2": row.sp800_61}));
        vec![("sla", self.clocks(now)), ("phase_mapping", mapping.unwrap_or_default())]
    }

    /// Refuses whoever does not lead the response.
    pub(crate) fn led_by(&self, ctx: &Ctx, what: &str) -> Result<(), Refusal> {
        let commands = self.commander_id.is_some() && self.commander_id == ctx.actor.user_id();
        if commands || ctx.actor.role == Some(Role::Admin) {
            Ok(())
        } else {
            Err(Refusal::Duty(format!("only an admin or the commander may {what}")))
        }
    }

    /// A refusal of what its state does not allow.
    pub(crate) fn refuse(&self, detail: String) -> Refusal {
        Refusal::Illegal { detail, available: self.available_transitions().unwrap_or_default().to_vec() }
    }
}

/// An incident that Rust code opens: what a client says in JSON, said in types.
pub fn named(title: &str, category: Category, severity: Severity) -> Changes<Incident> {
    let title = title.to_owned();
    Changes::with(move |incident: &mut Incident| {
        incident.title = title;
        incident.category = category;
        incident.severity = severity;
    })
}

/// A move of the phase that Rust code makes.
pub fn moved(to: Phase, notes: Option<&str>) -> Changes<Incident> {
    let notes = notes.map_or(Cell::Null, |notes| Cell::Text(notes.to_owned()));
    Changes::none().set("phase", Cell::Text(to.as_str().to_owned())).set("notes", notes)
}
