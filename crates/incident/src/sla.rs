//! The clocks of a response: how long may it take until somebody takes an incident on, until it is contained, until it
//! is over.
//!
//! They run from the detection, and how much time they have depends on the severity. Where an incident turns out to be
//! graver its running clocks have less, counted from the detection still; what they had is kept. One that turns out to
//! be less grave has more, except where a clock ran out already: that is not undone. What was done by then was done
//! under the old limit and is judged by it.

use grc_kernel::{
    nested,
    record::timestamp_value,
    resource::Nested,
    shape::{Shape, Ty, View, must, null},
    wire_enum,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    defaults::defaults,
    incident::{Incident, Severity},
};

/// The most limits that an incident keeps of earlier severities; the timeline has all of them.
pub const REPLACED_MAX: usize = 100;

wire_enum! {
    /// A clock.
    pub enum Clock {
        /// Until somebody takes the incident on.
        Acknowledge = "acknowledge",
        /// Until it no longer spreads.
        Contain = "contain",
        /// Until it is over.
        Resolve = "resolve",
    }
}

wire_enum! {
    /// How a clock stands.
    pub enum ClockState {
        /// There is time left.
        OnTrack = "on_track",
        /// Three quarters of the time are used.
        AtRisk = "at_risk",
        /// It ran out, or what it waits for came too late.
        Breached = "breached",
        /// What it waits for came in time.
        Met = "met",
    }
}

nested! {
    /// A limit that no longer holds.
    pub struct ReplacedLimit as "IncidentReplacedLimit" {
        /// The clock.
        clock: Clock = Ty::Word(Clock::NAMES), required;
        /// The severity that called for it.
        severity: Severity = Ty::Word(Severity::NAMES), required;
        /// When it would have run out.
        due_at: Option<OffsetDateTime> = Ty::Time;
        /// When it was replaced.
        replaced_at: OffsetDateTime = Ty::Time, required;
    }
}

const CLOCK: Shape = Shape {
    name: "IncidentClock",
    doc: "A clock of the response.",
    members: &[&[
        null("due_at", Ty::Time, "When it runs out; null where there is no limit."),
        must("state", Ty::Word(ClockState::NAMES), "How it stands; at risk from three quarters of the time."),
        null("stopped_at", Ty::Time, "When what it waits for came."),
        must(
            "replaced",
            Ty::List(&Ty::Object(ReplacedLimit::SHAPE), REPLACED_MAX),
            "The limits that it had before the severity changed, the oldest first.",
        ),
    ]],
    view: View::Plain,
};

/// The clocks as an answer shows them.
pub const SHAPE: Shape = Shape {
    name: "IncidentClocks",
    doc: "The clocks of the response, which run from the detection.",
    members: &[&[
        must("acknowledge", Ty::Object(&CLOCK), "Until somebody takes the incident on."),
        must("contain", Ty::Object(&CLOCK), "Until it no longer spreads."),
        must("resolve", Ty::Object(&CLOCK), "Until it is over."),
    ]],
    view: View::Plain,
};

/// When a clock runs out; none where it has no limit.
pub fn due(severity: Severity, clock: Clock, detected_at: OffsetDateTime) -> Option<OffsetDateTime> {
    detected_at.checked_add(*defaults().limits.get(&(severity, clock))?)
}

/// How a clock stands at a time.
pub fn state(
    started: OffsetDateTime,
    due: Option<OffsetDateTime>,
    stopped: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> ClockState {
    match (due, stopped) {
        (None, None) => ClockState::OnTrack,
        (None, Some(_)) => ClockState::Met,
        (Some(due), Some(stopped)) if stopped <= due => ClockState::Met,
        (Some(_), Some(_)) => ClockState::Breached,
        (Some(due), None) if now > due => ClockState::Breached,
        (Some(due), None) if now >= started + (due - started) * 3 / 4 => ClockState::AtRisk,
        (Some(_), None) => ClockState::OnTrack,
    }
}

impl Incident {
    /// When a clock runs out.
    pub fn due_at(&self, clock: Clock) -> Option<OffsetDateTime> {
        match clock {
            Clock::Acknowledge => self.acknowledge_due_at,
            Clock::Contain => self.contain_due_at,
            Clock::Resolve => self.resolve_due_at,
        }
    }

    fn due_at_mut(&mut self, clock: Clock) -> &mut Option<OffsetDateTime> {
        match clock {
            Clock::Acknowledge => &mut self.acknowledge_due_at,
            Clock::Contain => &mut self.contain_due_at,
            Clock::Resolve => &mut self.resolve_due_at,
        }
    }

    /// When what a clock waits for came. With the end of an incident nothing is waited for any more.
    pub fn stopped_at(&self, clock: Clock) -> Option<OffsetDateTime> {
        match clock {
            Clock::Acknowledge => self.acknowledged_at.or(self.resolved_at),
            Clock::Contain => self.contained_at.or(self.resolved_at),
            Clock::Resolve => self.resolved_at,
        }
    }

    /// How a clock stands at a time.
    pub fn clock(&self, clock: Clock, now: OffsetDateTime) -> ClockState {
        state(self.detected_at, self.due_at(clock), self.stopped_at(clock), now)
    }

    /// Sets the clocks of a changed (or new) incident.
    pub(crate) fn set_clocks(&mut self, before: Option<&Self>, now: OffsetDateTime) {
        for clock in Clock::ALL.iter().copied() {
            let wanted = due(self.severity, clock, self.detected_at);
            let Some(before) = before else {
                *self.due_at_mut(clock) = wanted;
                continue;
            };
            let was = before.due_at(clock);
            // A detection that is corrected moves every limit with it.
            let moved = was.map(|at| at.saturating_add(self.detected_at - before.detected_at));
            // No change of severity undoes a breach, not even two of them.
            let later = wanted.is_none_or(|wanted| moved.is_some_and(|moved| wanted > moved));
            let undone = later && before.clock(clock, now) == ClockState::Breached;
            let kept = self.severity == before.severity || before.stopped_at(clock).is_some() || undone;
            let next = if kept { moved } else { wanted };
            if next != was {
                self.replaced_limits.push(ReplacedLimit {
                    clock,
                    severity: before.severity,
                    due_at: was,
                    replaced_at: now,
                });
                *self.due_at_mut(clock) = next;
            }
        }
        let too_many = self.replaced_limits.len().saturating_sub(REPLACED_MAX);
        self.replaced_limits.drain(..too_many);
    }

    /// The clocks at a time, as an answer shows them.
    pub fn clocks(&self, now: OffsetDateTime) -> Value {
        let shown = |clock: Clock| {
            let replaced = self.replaced_limits.iter().filter(|limit| limit.clock == clock);
            let replaced: Vec<Value> = replaced.map(Nested::to_json).collect();
            json!({
                "due_at": timestamp_value(self.due_at(clock)),
                "state": self.clock(clock, now).as_str(),
                "stopped_at": timestamp_value(self.stopped_at(clock)),
                "replaced": replaced,
            })
        };
        Value::Object(Clock::ALL.iter().map(|clock| (clock.as_str().to_owned(), shown(*clock))).collect())
    }
}

#[cfg(test)]
mod tests {
    use grc_kernel::{Ctx, Meta, OrgId, Resource, Uuid};
    use proptest::prelude::*;
    use time::{Duration, macros::datetime};

    use super::*;

    const START: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn at(minutes: i64) -> OffsetDateTime {
        START + Duration::minutes(minutes)
    }

    fn opened(severity: Severity) -> Incident {
        let ctx = Ctx::for_tests(OrgId(Uuid::from_u128(1)));
        let mut incident = Incident::blank(ctx.new_id(), ctx.org, Meta::new(&ctx));
        incident.severity = severity;
        incident.detected_at = START;
        incident.set_clocks(None, START);
        incident
    }

    /// The incident after a change at a minute.
    fn changed(before: &Incident, minute: i64, change: impl FnOnce(&mut Incident)) -> Incident {
        let mut after = before.clone();
        change(&mut after);
        after.set_clocks(Some(before), at(minute));
        after
    }

    #[test]
    fn the_limits_are_the_tables() {
        for (severity, limits) in [
            (Severity::Critical, [Some(15), Some(240), Some(1_440)]),
            (Severity::High, [Some(60), Some(480), Some(4_320)]),
            (Severity::Medium, [Some(240), Some(1_440), Some(10_080)]),
            (Severity::Low, [Some(1_440), Some(4_320), Some(43_200)]),
            (Severity::Info, [Some(4_320), None, None]),
        ] {
            let incident = opened(severity);
            for (clock, limit) in Clock::ALL.iter().zip(limits) {
                assert_eq!(incident.due_at(*clock), limit.map(at), "{severity} {clock}");
            }
        }
    }

    #[test]
    fn a_clock_stands_as_the_table_says() {
        let due = Some(at(60));
        for (limit, stopped, now, expected) in [
            (due, None, 0, ClockState::OnTrack),
            (due, None, 44, ClockState::OnTrack),
            (due, None, 45, ClockState::AtRisk),
            (due, None, 60, ClockState::AtRisk),
            (due, None, 61, ClockState::Breached),
            (due, Some(60), 500, ClockState::Met),
            (due, Some(61), 61, ClockState::Breached),
            (None, None, 9_999, ClockState::OnTrack),
            (None, Some(9_999), 9_999, ClockState::Met),
        ] {
            assert_eq!(state(START, limit, stopped.map(at), at(now)), expected, "{stopped:?} at {now}");
        }
    }

    #[test]
    fn a_graver_incident_has_less_time_from_its_detection() {
        let high = opened(Severity::High);
        let critical = changed(&high, 30, |i| i.severity = Severity::Critical);
        assert_eq!(critical.contain_due_at, Some(at(240)));
        assert_eq!(critical.clock(Clock::Acknowledge, at(30)), ClockState::Breached);
        let kept: Vec<_> = critical.replaced_limits.iter().map(|l| (l.clock, l.severity, l.due_at)).collect();
        let expected = [(Clock::Acknowledge, 60), (Clock::Contain, 480), (Clock::Resolve, 4_320)];
        assert_eq!(kept, expected.map(|(clock, due)| (clock, Severity::High, Some(at(due)))));

        let taken = changed(&high, 30, |i| i.acknowledged_at = Some(at(30)));
        let critical = changed(&taken, 40, |i| i.severity = Severity::Critical);
        assert_eq!(critical.clock(Clock::Acknowledge, at(40)), ClockState::Met, "it was taken on in time, as it stood");
        assert_eq!(critical.resolve_due_at, Some(at(1_440)));
    }

    #[test]
    fn a_less_grave_incident_has_more_time_unless_it_ran_out() {
        let critical = opened(Severity::Critical);
        let low = changed(&critical, 20, |i| i.severity = Severity::Low);
        assert_eq!(low.acknowledge_due_at, Some(at(15)), "the breach stays");
        assert_eq!((low.contain_due_at, low.resolve_due_at), (Some(at(4_320)), Some(at(43_200))));
        let info = changed(&low, 30, |i| i.severity = Severity::Info);
        assert_eq!((info.contain_due_at, info.clock(Clock::Contain, at(99_999))), (None, ClockState::OnTrack));
        let again = changed(&info, 40, |i| i.severity = Severity::High);
        assert_eq!(again.contain_due_at, Some(at(480)));
    }

    #[test]
    fn a_corrected_detection_moves_every_limit() {
        let taken = changed(&opened(Severity::High), 30, |i| i.acknowledged_at = Some(at(30)));
        let earlier = changed(&taken, 50, |i| i.detected_at = at(-40));
        assert_eq!((earlier.acknowledge_due_at, earlier.contain_due_at), (Some(at(20)), Some(at(440))));
        assert_eq!(earlier.clock(Clock::Acknowledge, at(50)), ClockState::Breached);
    }

    proptest! {
        /// Whatever happens, a clock never gets worse by waiting less, a breach is not undone by easing, and the kept
        /// limits stay few.
        #[test]
        fn clocks_only_run_forward(severities in proptest::collection::vec(0_usize..5, 1..140), step in 1_i64..400) {
            let mut incident = opened(Severity::Medium);
            let mut now = 0;
            for severity in severities {
                now += step;
                let before = incident.clone();
                incident = changed(&before, now, |i| i.severity = Severity::ALL[severity]);
                for clock in Clock::ALL {
                    let (was, is) = (before.clock(*clock, at(now)), incident.clock(*clock, at(now)));
                    prop_assert!(was != ClockState::Breached || is == ClockState::Breached);
                    prop_assert!(incident.clock(*clock, at(now + 10)) >= is);
                }
            }
            prop_assert!(incident.replaced_limits.len() <= REPLACED_MAX);
        }
    }
}
