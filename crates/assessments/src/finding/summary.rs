//! Counts and the score.
//!
//! `score = (pass + 0.5 x partial) / (pass + partial + fail)`, as a percentage with one decimal; what does not
//! apply is left out, and where nothing counts there is no score.

use super::{Lifecycle, Severity, Verdict};

/// Findings that agree in these respects, counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// The family.
    pub family: String,
    /// Its title.
    pub family_title: String,
    /// The verdict.
    pub status: Verdict,
    /// The severity.
    pub severity: Severity,
    /// The lifecycle.
    pub lifecycle: Lifecycle,
    /// Whether the verdict cites evidence.
    pub cited: bool,
    /// Whether a person should look.
    pub needs_review: bool,
    /// Whether nobody answers for it.
    pub unassigned: bool,
    /// How many.
    pub count: i64,
}

/// Findings by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Met.
    pub pass: i64,
    /// Not met.
    pub fail: i64,
    /// Met in part.
    pub partial: i64,
    /// Not applicable.
    pub not_applicable: i64,
}

impl Counts {
    /// Adds so many of a verdict.
    pub fn add(&mut self, verdict: Verdict, count: i64) {
        match verdict {
            Verdict::Pass => self.pass += count,
            Verdict::Fail => self.fail += count,
            Verdict::Partial => self.partial += count,
            Verdict::NotApplicable => self.not_applicable += count,
        }
    }

    /// All of them.
    pub fn total(self) -> i64 {
        self.pass + self.fail + self.partial + self.not_applicable
    }

    /// The score in percent, one decimal, rounded half up.
    pub fn score(self) -> Option<f64> {
        let applicable = self.pass + self.partial + self.fail;
        if applicable == 0 {
            return None;
        }
        // In tenths of a percent, as whole numbers, so that rounding is exact.
        let tenths = (2 * (2 * self.pass + self.partial) * 1_000 + 2 * applicable) / (4 * applicable);
        i32::try_from(tenths).ok().map(|tenths| f64::from(tenths) / 10.0)
    }
}

/// The results of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyResult {
    /// The family.
    pub family: String,
    /// Its title.
    pub title: String,
    /// Its counts.
    pub counts: Counts,
}

/// The results of an assessment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All findings.
    pub counts: Counts,
    /// By family, in alphabetical order.
    pub by_family: Vec<FamilyResult>,
    /// Findings that fail or pass in part, by severity, the gravest first.
    pub by_severity: Vec<(Severity, i64)>,
    /// Findings that cite evidence.
    pub with_evidence: i64,
    /// Findings that cite none.
    pub without_evidence: i64,
    /// Findings that a person should look at.
    pub needs_review: i64,
}

impl Summary {
    /// The summary of tallies.
    pub fn of(tallies: &[Tally]) -> Self {
        let mut summary = Self { by_severity: Severity::ALL.iter().map(|s| (*s, 0)).collect(), ..Self::default() };
        for tally in tallies {
            summary.counts.add(tally.status, tally.count);
            match summary.by_family.iter_mut().find(|family| family.family == tally.family) {
                Some(family) => family.counts.add(tally.status, tally.count),
                None => {
                    let mut counts = Counts::default();
                    counts.add(tally.status, tally.count);
                    let (family, title) = (tally.family.clone(), tally.family_title.clone());
                    summary.by_family.push(FamilyResult { family, title, counts });
                }
            }
            if matches!(tally.status, Verdict::Fail | Verdict::Partial) {
                for (_, count) in summary.by_severity.iter_mut().filter(|(severity, _)| *severity == tally.severity) {
                    *count += tally.count;
                }
            }
            if tally.cited {
                summary.with_evidence += tally.count;
            } else {
                summary.without_evidence += tally.count;
            }
            if tally.needs_review {
                summary.needs_review += tally.count;
            }
        }
        summary.by_family.sort_by(|a, b| a.family.cmp(&b.family));
        summary
    }
}

/// Counts over findings, for a dashboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// All.
    pub total: i64,
    /// By verdict.
    pub by_status: Vec<(Verdict, i64)>,
    /// By severity, of those that fail or pass in part.
    pub by_severity: Vec<(Severity, i64)>,
    /// By lifecycle.
    pub by_lifecycle: Vec<(Lifecycle, i64)>,
    /// That a person should look at.
    pub needs_review: i64,
    /// That nobody answers for.
    pub unassigned: i64,
}

impl Stats {
    /// The stats of tallies.
    pub fn of(tallies: &[Tally]) -> Self {
        let sum = |keep: &dyn Fn(&Tally) -> bool| tallies.iter().filter(|t| keep(t)).map(|t| t.count).sum::<i64>();
        let summary = Summary::of(tallies);
        Self {
            total: sum(&|_| true),
            by_status: Verdict::ALL.iter().map(|v| (*v, sum(&|t| t.status == *v))).collect(),
            by_severity: summary.by_severity,
            by_lifecycle: Lifecycle::ALL.iter().map(|l| (*l, sum(&|t| t.lifecycle == *l))).collect(),
            needs_review: summary.needs_review,
            unassigned: sum(&|t| t.unassigned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_halves_partials_and_leaves_out_what_does_not_apply() {
        let score = |pass, partial, fail| Counts { pass, partial, fail, not_applicable: 7 }.score();
        assert_eq!(score(0, 0, 0), None);
        assert_eq!(score(1, 0, 0), Some(100.0));
        assert_eq!(score(0, 0, 3), Some(0.0));
        assert_eq!(score(1, 1, 1), Some(50.0));
        assert_eq!(score(2, 0, 1), Some(66.7));
        assert_eq!(score(29, 10, 22), Some(55.7));
        assert_eq!(score(1, 0, 7), Some(12.5));
        assert_eq!(score(1, 0, 1_999), Some(0.1), "0.05 rounds up");
    }
}
