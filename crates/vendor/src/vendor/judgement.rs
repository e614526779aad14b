//! What follows from a vendor's members: its tier, its scores, its next review.

use grc_kernel::{
    Checker,
    resource::{One, Words},
};
use time::{Date, OffsetDateTime};

use super::{TierSource, Vendor};
use crate::rules::{
    assurance, codes,
    tiering::{FORMULA, Floor, Tier, moved_review, plus_months},
};

impl Vendor {
    /// The vendor as it stands at a time: assurance fades, and with it the residual score rises.
    #[must_use]
    pub fn at(mut self, now: OffsetDateTime) -> Self {
        self.weigh(now);
        self
    }

    pub(super) fn verify(&mut self, check: &mut Checker) {
        if let Some(country) = &mut self.country {
            codes::country("country", country, check);
        }
        if let Some(lei) = &mut self.lei {
            codes::lei("lei", lei, check);
        }
        let both = self.registration_id.is_some() == self.registration_type.is_some();
        let missing = if self.registration_id.is_none() { "registration_id" } else { "registration_type" };
        check.ensure(both, missing, "required", "registration_id and registration_type belong together");
        let sendable = self.a2a_key.as_ref().is_none_or(|key| key.reveal().bytes().all(|byte| byte.is_ascii_graphic()));
        check.ensure(sendable, "a2a_key", "invalid", "may hold only printable ASCII characters, and no spaces");
    }

    /// Why the tier is at least high; services of the vendor may say so too.
    pub(super) fn floors(&self, critical_service: bool) -> Vec<Floor> {
        let all = [
            (Floor::CriticalFunction, self.supports_critical_function || critical_service),
            (Floor::MissionCriticalProcess, self.mission_critical_dependency),
            (Floor::RegulatedData, self.holds_regulated_data),
        ];
        all.into_iter().filter(|(_, holds)| *holds).map(|(floor, _)| floor).collect()
    }

    pub(super) fn tier_of_answers(&self) -> Tier {
        self.computed_tier.unwrap_or(self.risk_tier)
    }

    /// Computes what follows from the members: tier, scores, band.
    pub(super) fn judge(&mut self, critical_service: bool, now: OffsetDateTime) {
        self.has_a2a_key = self.a2a_key.is_some();
        if let Some(One(tiering)) = &self.tiering {
            let floors = self.floors(critical_service);
            let computed = tiering.tier(&floors);
            self.inherent_score = Some(tiering.inherent());
            self.computed_tier = Some(computed);
            self.tiering_formula = Some(FORMULA.to_owned());
            self.tier_overrides = Words(floors);
            // Whoever gives the tier that follows anyway, and argues for no other, agrees with the formula.
            if self.tier_source == TierSource::Formula || (self.risk_tier == computed && self.tier_reason.is_none()) {
                self.risk_tier = computed;
                self.tier_source = TierSource::Formula;
            }
        } else {
            self.inherent_score = None;
            self.computed_tier = None;
            self.tiering_formula = None;
            self.tier_overrides = Words(Vec::new());
            self.tier_source = TierSource::Given;
        }
        self.weigh(now);
    }

    pub(super) fn weigh(&mut self, now: OffsetDateTime) {
        self.residual_score = match (self.assurance, self.last_assessed_at) {
            (Some(assured), Some(assessed)) => {
                let inherent = self.inherent_score.unwrap_or_else(|| self.risk_tier.middle());
                Some(assurance::residual(inherent, assurance::at(assured, assessed, now)))
            }
            _ => self.inherent_score,
        };
        let rating = self.risk_rating.and_then(|rating| i32::try_from(rating).ok()).map(f64::from);
        self.rating_band = rating.or(self.residual_score).map(Tier::of);
    }

    /// When the tier calls for a review.
    pub(super) fn due(&self) -> Date {
        let since = self.last_assessed_at.unwrap_or(self.meta.created_at);
        plus_months(since.date(), self.risk_tier.review_months())
    }

    pub(super) fn schedule(&mut self, before: Option<&Self>, check: &mut Checker) {
        let due = self.due();
        let said = before.is_none_or(|before| before.next_review_date != self.next_review_date);
        match (said, self.next_review_date, before) {
            (true, Some(date), _) => check.ensure(
                date <= due,
                "next_review_date",
                "out_of_range",
                format!("may not be later than {due}, when the tier calls for a review"),
            ),
            (false, planned, Some(before)) if before.due() != due => {
                self.next_review_date = Some(moved_review(planned, before.due(), due));
            }
            (true, None, _) => self.next_review_date = Some(due),
            _ => {}
        }
    }
}
