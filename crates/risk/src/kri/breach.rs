//! What a change of colour leaves: an event, a breach where things got worse and a clear where they got better.

use async_trait::async_trait;
use grc_kernel::{Ctx, Meta, Rules, resource, shape::Ty, typed_id, wire_enum};
use time::OffsetDateTime;

use super::{
    Kri, KriId,
    colour::{self, Colour},
};
use crate::ports::Tx;

typed_id! {
    /// An event of an indicator.
    BreachId,
}

wire_enum! {
    /// Which way the colour changed.
    pub enum BreachKind {
        /// A threshold is crossed that was not before.
        Breach = "breach",
        /// A threshold is no longer crossed.
        Clear = "clear",
    }
}

resource! {
    /// A change of a key risk indicator's colour.
    pub struct Breach(BreachId) as "KriBreach" {
        kind: "kri_breach", table: "kri_breaches", area: "risk", name: "kri_name", sort: ("occurred_at", true),
    }
    /// The indicator.
    kri_id: KriId = Ty::Ref("kri"), computed;
    /// What it was called then.
    kri_name: String = Ty::Line(200), computed, sorts, searches;
    /// Which way the colour changed.
    kind: BreachKind = Ty::Word(BreachKind::NAMES), computed;
    /// The colour before.
    from_status: Colour = Ty::Word(Colour::NAMES), computed;
    /// The colour since.
    to_status: Colour = Ty::Word(Colour::NAMES), computed;
    /// The reading that changed it.
    value: f64 = super::VALUE, computed, sorts;
    /// The threshold that was crossed, or is no longer.
    threshold: Option<f64> = super::VALUE, computed;
    /// When the reading was taken; where the thresholds were moved, when that was.
    occurred_at: OffsetDateTime = Ty::Time, computed, sorts;
}

#[async_trait]
impl Rules for Breach {
    type Tx = Tx;
}

/// The events between two states of an indicator, given the readings from the former latest on, the earliest first.
pub(super) fn events(ctx: &Ctx, before: Option<&Kri>, after: &Kri, readings: &[(f64, OffsetDateTime)]) -> Vec<Breach> {
    let mut events = Vec::new();
    let mut colour = before.map_or(Colour::Grey, |before| before.status);
    let former = before.and_then(|before| before.recorded_at);
    let corrected = after.recorded_at == former;
    for (value, at) in readings {
        // The former latest is known already, unless it was corrected or the thresholds around it were moved.
        if corrected || former.is_none_or(|former| *at > former) {
            let next = colour::of(after.direction, &after.amber, &after.red, *value);
            let moved = corrected && before.is_some_and(|before| before.value == after.value);
            events.extend(event(ctx, after, (colour, next), *value, if moved { ctx.now } else { *at }));
            colour = next;
        }
    }
    events
}

fn event(
    ctx: &Ctx,
    kri: &Kri,
    (from, to): (Colour, Colour),
    value: f64,
    occurred_at: OffsetDateTime,
) -> Option<Breach> {
    let kind = match from.weight().cmp(&to.weight()) {
        std::cmp::Ordering::Less => BreachKind::Breach,
        std::cmp::Ordering::Greater => BreachKind::Clear,
        std::cmp::Ordering::Equal => return None,
    };
    let crossed = if kind == BreachKind::Breach { to } else { from };
    let threshold = if crossed == Colour::Red { &kri.red } else { &kri.amber };
    Some(Breach {
        id: ctx.new_id(),
        org: ctx.org,
        kri_id: kri.id,
        kri_name: kri.name.clone(),
        kind,
        from_status: from,
        to_status: to,
        value,
        threshold: threshold.nearest(value),
        occurred_at,
        meta: Meta::new(ctx),
    })
}
