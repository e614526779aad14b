//! Entries of the register.
//!
//! Rules: the residual risk is not above the inherent one, unless `residual_reason` says why. Likelihoods and
//! impacts lie within the organization's matrix. An entry whose treatment is to accept it reaches `accepted` only
//! with an approved acceptance that has not expired.

use async_trait::async_trait;
use grc_kernel::{
    Changes, Checker, Ctx, Refusal, Repo, Resource, Rules, UserId,
    list::{Filter, Scalar, Test},
    resource,
    resource::Machine,
    shape::{Preset, Ty},
    typed_id, wire_enum,
};
use time::Date;

use crate::{acceptance, appetite, matrix, ports::Tx};

typed_id! {
    /// An entry of the risk register.
    EntryId,
}

wire_enum! {
    /// What kind of risk it is.
    pub enum Category {
        /// People, processes and systems that fail.
        Operational = "operational",
        /// Money.
        Financial = "financial",
        /// Duties that are not met.
        Compliance = "compliance",
        /// The organization's course.
        Strategic = "strategic",
        /// Suppliers and partners.
        ThirdParty = "third_party",
        /// Attacks on and failures of information systems.
        Cyber = "cyber",
        /// What others think.
        Reputational = "reputational",
    }
}

wire_enum! {
    /// What is to be done about it (ISO 31000:2018, 6.5).
    pub enum TreatmentKind {
        /// It is borne.
        Accept = "accept",
        /// It is made less likely or less bad.
        Mitigate = "mitigate",
        /// Somebody else bears it: an insurer, a contractor.
        Transfer = "transfer",
        /// What it comes from is given up.
        Avoid = "avoid",
    }
}

wire_enum! {
    /// Where it stands.
    pub enum Status {
        /// Somebody thought of it.
        Identified = "identified",
        /// Its likelihood and impact are agreed.
        Assessed = "assessed",
        /// Something is being done about it.
        Treating = "treating",
        /// It is borne.
        Accepted = "accepted",
        /// It is over.
        Closed = "closed",
    }
}

/// The moves of an entry.
pub const MACHINE: Machine = Machine {
    field: "status",
    initial: &["identified", "assessed"],
    moves: &[
        ("identified", &["assessed", "closed"]),
        ("assessed", &["treating", "accepted", "identified", "closed"]),
        ("treating", &["assessed", "accepted", "closed"]),
        ("accepted", &["assessed", "treating", "closed"]),
        ("closed", &["identified"]),
    ],
};

resource! {
    /// A risk in the register.
    pub struct Entry(EntryId) as "Risk" {
        kind: "risk", table: "risks", area: "risk", name: "title", sort: ("created_at", true), machine: MACHINE,
    }
    /// The organization's own number for it.
    ref_id: Option<String> = Ty::Line(100), sorts, searches, unique;
    /// What may happen.
    title: String = Ty::Line(200), required, sorts, searches;
    /// Cause, event and consequence.
    description: Option<String> = Ty::Text(20_000), searches;
    /// What kind of risk it is.
    category: Category = Ty::Word(Category::NAMES), required;
    /// How likely it is before treatment, from 1 (very low) to 5 (very high), or as far as the matrix goes.
    likelihood: i64 = Ty::Int(1, 10), required, sorts;
    /// How bad it would be before treatment, likewise.
    impact: i64 = Ty::Int(1, 10), required, sorts;
    /// How likely it is with the treatment in force.
    residual_likelihood: Option<i64> = Ty::Int(1, 10);
    /// How bad it would be with the treatment in force.
    residual_impact: Option<i64> = Ty::Int(1, 10);
    /// Why the residual risk is above the inherent one, where it is.
    residual_reason: Option<String> = Ty::Text(20_000);
    /// The likelihood aimed at.
    target_likelihood: Option<i64> = Ty::Int(1, 10);
    /// The impact aimed at.
    target_impact: Option<i64> = Ty::Int(1, 10);
    /// Who answers for it: an active member.
    owner_id: Option<UserId> = Ty::Ref("user");
    /// What is to be done about it.
    treatment: TreatmentKind = Ty::Word(TreatmentKind::NAMES), preset(Preset::Text("mitigate"));
    /// Where it stands.
    status: Status = Ty::Word(Status::NAMES), preset(Preset::Text("identified"));
    /// When it is looked at again.
    review_date: Option<Date> = Ty::Date, sorts;
    /// Words to find it by.
    tags: Vec<String> = Ty::List(&Ty::Line(100), 1_000);
    /// Likelihood times impact, before treatment.
    inherent_score: i64 = Ty::Int(1, 100), computed, sorts;
    /// Likelihood times impact, with treatment; none without both.
    residual_score: Option<i64> = Ty::Int(1, 100), computed, sorts;
    /// The score that stands: the residual one, or the inherent one without it.
    score: i64 = Ty::Int(1, 100), computed, sorts;
    /// The matrix's level before treatment.
    inherent_level: String = Ty::Line(50), computed, filters;
    /// The matrix's level with treatment.
    residual_level: Option<String> = Ty::Line(50), computed, filters;
    /// Whether the residual score (the inherent one without it) is above the category's appetite.
    above_appetite: bool = Ty::Bool, computed;
    /// The same of the category's tolerance.
    above_tolerance: bool = Ty::Bool, computed;
}

#[async_trait]
impl Rules for Entry {
    type Tx = Tx;

    async fn settle(
        ctx: &Ctx,
        tx: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        let matrix = matrix::current(ctx, tx).await?;
        let appetite = appetite::current(ctx, tx).await?;
        after.within(&matrix, check);
        after.residual_is_lower(check);
        if !check.is_clean() {
            return Ok(());
        }
        after.assess(&matrix, &appetite);
        let accepting = after.status == Status::Accepted && before.is_none_or(|b| b.status != Status::Accepted);
        if accepting && after.treatment == TreatmentKind::Accept && !acceptance::holds(ctx, tx, after.id).await? {
            return Err(Refusal::Illegal {
                detail: "a risk whose treatment is accept needs an approved acceptance that has not expired".to_owned(),
                available: before
                    .and_then(Resource::available_transitions)
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .filter(|state| *state != Status::Accepted.as_str())
                    .collect(),
            });
        }
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        if acceptance::holds(ctx, tx, record.id).await? {
            return Err(Refusal::Conflict("the risk has an acceptance in force: revoke it first".to_owned()));
        }
        Ok(tx.forget_risk(ctx, record.id).await?)
    }
}

impl Entry {
    /// The level that stands: the residual one, or the inherent one without it.
    pub fn level(&self) -> &str {
        self.residual_level.as_ref().unwrap_or(&self.inherent_level)
    }

    fn within(&self, matrix: &crate::Matrix, check: &mut Checker) {
        let likelihoods = [
            ("likelihood", Some(self.likelihood)),
            ("residual_likelihood", self.residual_likelihood),
            ("target_likelihood", self.target_likelihood),
        ];
        let impacts = [
            ("impact", Some(self.impact)),
            ("residual_impact", self.residual_impact),
            ("target_impact", self.target_impact),
        ];
        for (fields, max) in [(likelihoods, matrix.likelihoods()), (impacts, matrix.impacts())] {
            for (field, value) in fields {
                if let Some(value) = value {
                    check.range(field, value, 1, max);
                }
            }
        }
        for (one, other, a, b) in [
            ("residual_likelihood", "residual_impact", self.residual_likelihood, self.residual_impact),
            ("target_likelihood", "target_impact", self.target_likelihood, self.target_impact),
        ] {
            let (missing, given) = if a.is_none() { (one, other) } else { (other, one) };
            check.ensure(a.is_some() == b.is_some(), missing, "required", format!("belongs to {given}"));
        }
    }

    fn residual_is_lower(&self, check: &mut Checker) {
        let residual = self.residual_likelihood.zip(self.residual_impact).map(|(l, i)| l * i);
        if residual.is_some_and(|residual| residual > self.likelihood * self.impact) {
            let explained = self.residual_reason.as_ref().is_some_and(|reason| !reason.trim().is_empty());
            check.ensure(
                explained,
                "residual_reason",
                "required",
                "must say why the residual risk is above the inherent one",
            );
        }
    }

    /// Computes what follows from the members, the matrix and the appetite.
    fn assess(&mut self, matrix: &crate::Matrix, appetite: &crate::Appetite) {
        self.inherent_score = self.likelihood * self.impact;
        self.residual_score = self.residual_likelihood.zip(self.residual_impact).map(|(l, i)| l * i);
        self.score = self.residual_score.unwrap_or(self.inherent_score);
        let (inherent, residual) = matrix::levels(matrix, self);
        self.inherent_level = inherent.unwrap_or_default();
        self.residual_level = residual;
        (self.above_appetite, self.above_tolerance) = appetite.weigh(self.category, self.score);
    }
}

/// How many entries have a likelihood or impact (of any side) above a bound.
pub(crate) async fn count_above(ctx: &Ctx, tx: &mut Tx, member: &str, bound: i64) -> Result<i64, Refusal> {
    let mut most = 0;
    for side in ["", "residual_", "target_"] {
        let name = format!("{side}{member}");
        let mut query = Entry::LIST.query();
        let Some(field) = Entry::LIST.field(&name) else { continue };
        query.filters.push(Filter { field, test: Test::AtLeast(Scalar::Int(bound.saturating_add(1))) });
        let groups = Repo::<Entry>::tally(tx, ctx.org, &query, &[]).await?;
        most = most.max(groups.first().map_or(0, |(_, count)| *count));
    }
    Ok(most)
}

/// An entry that Rust code opens: what a client says in JSON, said in types.
pub fn named(title: &str, category: Category, likelihood: i64, impact: i64) -> Changes<Entry> {
    let title = title.to_owned();
    Changes::with(move |entry: &mut Entry| {
        entry.title = title;
        entry.category = category;
        entry.likelihood = likelihood;
        entry.impact = impact;
    })
}
