//! What is done: the controls that an organization runs, each meeting requirements of any frameworks.
//!
//! Its computed status comes from facts (evidence, findings), so that a control whose evidence grows old
//! loses its standing by itself.

pub mod rules;

use grc_kernel::{
    Access, Checker, ControlId, Ctx, EvidenceId, Fact, Field, Kind, ListQuery, ListSpec, Meta, OrgId, Page, Patch,
    Permission, Record, UserId, record::with_meta, wire_enum,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub use rules::{ControlFacts, EvidenceFact};

use crate::{
    error::{AssessmentsError, unchanged},
    ports::AssessmentsTx,
};

const AREA: &str = "control";

wire_enum! {
    /// What kind of measure it is.
    pub enum Category {
        /// A rule.
        Policy = "policy",
        /// A practice.
        Process = "process",
        /// A technical measure.
        Technical = "technical",
        /// A physical one.
        Physical = "physical",
    }
}

wire_enum! {
    /// The function of NIST CSF 2.0 that it serves.
    pub enum CsfFunction {
        /// GV
        Govern = "govern",
        /// ID
        Identify = "identify",
        /// PR
        Protect = "protect",
        /// DE
        Detect = "detect",
        /// RS
        Respond = "respond",
        /// RC
        Recover = "recover",
    }
}

wire_enum! {
    /// How far it is.
    pub enum Status {
        /// Not begun.
        Planned = "planned",
        /// Being built.
        InProgress = "in_progress",
        /// In force.
        Active = "active",
        /// Suspended.
        OnHold = "on_hold",
        /// In force, but not as it should be.
        Degraded = "degraded",
        /// Given up.
        Retired = "retired",
    }
}

wire_enum! {
    /// How often it is carried out.
    pub enum Frequency {
        /// All the time.
        Continuous = "continuous",
        /// Every day.
        Daily = "daily",
        /// Every week.
        Weekly = "weekly",
        /// Every month.
        Monthly = "monthly",
        /// Every quarter.
        Quarterly = "quarterly",
        /// Every half-year.
        SemiAnnual = "semi_annual",
        /// Every year.
        Annual = "annual",
    }
}

/// How well a control works: efficacy x coverage x reliability (FAIR-CAM), each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effectiveness {
    /// How well it works where it works.
    pub efficacy: f64,
    /// The share of the assets that it covers.
    pub coverage: f64,
    /// The share of the time that it works as intended.
    pub reliability: f64,
}

/// A control that the organization runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Its id.
    pub id: ControlId,
    /// Its organization.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// The organization's own number for it.
    pub ref_id: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// What kind of measure it is.
    pub category: Category,
    /// The CSF function that it serves.
    pub csf_function: Option<CsfFunction>,
    /// How far it is.
    pub status: Status,
    /// Who answers for it.
    pub owner_id: Option<UserId>,
    /// How often it is carried out.
    pub frequency: Option<Frequency>,
    /// The requirements that it meets, `KEY:ref`.
    pub requirements: Vec<String>,
    /// The evidence for it.
    pub evidence: Vec<EvidenceId>,
    /// How well it works.
    pub effectiveness: Option<Effectiveness>,
    /// Bookkeeping.
    pub meta: Meta,
}

impl Record for Control {
    const TYPE: &'static str = "control";

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn revision(&self) -> i64 {
        self.meta.revision
    }

    fn snapshot(&self) -> Value {
        let evidence: Vec<String> = self.evidence.iter().map(ToString::to_string).collect();
        let effectiveness = self
            .effectiveness
            .map(|e| json!({"efficacy": e.efficacy, "coverage": e.coverage, "reliability": e.reliability}));
        let value = json!({
            "id": self.id.to_string(),
            "org_id": self.org.to_string(),
            "name": self.name,
            "ref_id": self.ref_id,
            "description": self.description,
            "category": self.category.as_str(),
            "csf_function": self.csf_function.map(CsfFunction::as_str),
            "status": self.status.as_str(),
            "owner_id": self.owner_id.map(|id| id.to_string()),
            "frequency": self.frequency.map(Frequency::as_str),
            "requirements": self.requirements,
            "evidence": evidence,
            "effectiveness": effectiveness,
        });
        with_meta(value, &self.meta)
    }
}

/// What the list of controls can do.
pub static LIST: ListSpec = ListSpec {
    resource: "controls",
    fields: &[
        Field::new("name", Kind::Text).sorts().searches(),
        Field::new("ref_id", Kind::Text).sorts().searches().optional(),
        Field::new("description", Kind::Text).searches().optional(),
        Field::new("category", Kind::Choice(Category::NAMES)),
        Field::new("csf_function", Kind::Choice(CsfFunction::NAMES)).optional(),
        Field::new("status", Kind::Choice(Status::NAMES)),
        Field::new("frequency", Kind::Choice(Frequency::NAMES)).optional(),
        Field::new("owner_id", Kind::Id).optional(),
        Field::new("requirements", Kind::Texts),
        Field::new("evidence", Kind::Ids),
        Field::new("created_at", Kind::Time).sorts(),
        Field::new("updated_at", Kind::Time).sorts(),
        Field::new("created_by", Kind::Id),
    ],
    default_sort: ("created_at", false),
    stored: false,
};

/// What a client may set; on creation `name` and `category` must be.
#[derive(Clone, Debug, Default)]
pub struct ControlInput {
    /// Its name.
    pub name: Patch<String>,
    /// The organization's own number for it.
    pub ref_id: Patch<String>,
    /// What it does.
    pub description: Patch<String>,
    /// By its wire name.
    pub category: Patch<String>,
    /// By its wire name.
    pub csf_function: Patch<String>,
    /// By its wire name.
    pub status: Patch<String>,
    /// Who answers for it.
    pub owner_id: Patch<UserId>,
    /// By its wire name.
    pub frequency: Patch<String>,
    /// `KEY:ref` of any visible framework.
    pub requirements: Patch<Vec<String>>,
    /// Evidence of the organization.
    pub evidence: Patch<Vec<EvidenceId>>,
    /// How well it works.
    pub effectiveness: Patch<Effectiveness>,
}

/// A control with the standing that the facts give it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The control.
    pub control: Control,
    /// effective, partially_effective, ineffective, unknown.
    pub computed_status: rules::ComputedStatus,
    /// Why.
    pub reasons: Vec<String>,
}

/// Adds a control.
pub async fn open(ctx: &Ctx, tx: &mut dyn AssessmentsTx, input: ControlInput) -> Result<Standing, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Write))?;
    let mut control = Control {
        id: ctx.new_id(),
        org: ctx.org,
        name: String::new(),
        ref_id: None,
        description: None,
        category: Category::Process,
        csf_function: None,
        status: Status::Planned,
        owner_id: None,
        frequency: None,
        requirements: Vec::new(),
        evidence: Vec::new(),
        effectiveness: None,
        meta: Meta::new(ctx),
    };
    let mut check = Checker::new();
    check.ensure(!input.name.is_keep(), "name", "required", "must be given");
    check.ensure(!input.category.is_keep(), "category", "required", "must be given");
    apply(ctx, tx, &mut control, input, check).await?;
    tx.controls().insert(&control).await?;
    tx.journal().record(ctx, Fact::created(&control)).await?;
    with_standing(ctx, tx, control).await
}

/// One control.
pub async fn get(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: ControlId) -> Result<Standing, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    let control = find(ctx, tx, id).await?;
    with_standing(ctx, tx, control).await
}

/// A page of controls, each with its standing.
pub async fn page(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    query: &ListQuery,
) -> Result<Page<Standing>, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Read))?;
    let page = tx.controls().page(ctx.org, query).await?;
    let facts = tx.controls().facts(ctx.org, &page.items).await?;
    let mut facts = facts.into_iter();
    Ok(page.map(|control| standing(ctx, control, facts.next().unwrap_or_default())))
}

/// Changes a control.
pub async fn amend(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: ControlId,
    if_match: Option<i64>,
    input: ControlInput,
) -> Result<Standing, AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Write))?;
    let before = find(ctx, tx, id).await?;
    unchanged(if_match, before.meta.revision)?;
    let mut after = before.clone();
    apply(ctx, tx, &mut after, input, Checker::new()).await?;
    after.meta.touch(ctx);
    tx.controls().update(&after, before.meta.revision).await?;
    tx.journal().record(ctx, Fact::updated(&before, &after)).await?;
    with_standing(ctx, tx, after).await
}

/// Removes a control.
pub async fn delete(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    id: ControlId,
    if_match: Option<i64>,
) -> Result<(), AssessmentsError> {
    ctx.require(Permission::new(AREA, Access::Write))?;
    let control = find(ctx, tx, id).await?;
    unchanged(if_match, control.meta.revision)?;
    tx.controls().delete(ctx.org, id).await?;
    tx.journal().record(ctx, Fact::deleted(&control)).await?;
    Ok(())
}

async fn find(ctx: &Ctx, tx: &mut dyn AssessmentsTx, id: ControlId) -> Result<Control, AssessmentsError> {
    tx.controls().find(ctx.org, id).await?.ok_or(AssessmentsError::NotFound("control"))
}

async fn with_standing(ctx: &Ctx, tx: &mut dyn AssessmentsTx, control: Control) -> Result<Standing, AssessmentsError> {
    let facts = tx.controls().facts(ctx.org, std::slice::from_ref(&control)).await?;
    Ok(standing(ctx, control, facts.into_iter().next().unwrap_or_default()))
}

fn standing(ctx: &Ctx, control: Control, facts: ControlFacts) -> Standing {
    let (computed_status, reasons) = rules::computed_status(&control, &facts, ctx.now);
    Standing { control, computed_status, reasons }
}

async fn apply(
    ctx: &Ctx,
    tx: &mut dyn AssessmentsTx,
    control: &mut Control,
    input: ControlInput,
    mut check: Checker,
) -> Result<(), AssessmentsError> {
    if let Some(name) = check.required("name", input.name) {
        control.name = check.name("name", &name);
    }
    input.ref_id.map(|text| check.line("ref_id", &text, 100)).apply(&mut control.ref_id);
    input.description.map(|text| check.text("description", &text)).apply(&mut control.description);
    if let Some(word) = check.required("category", input.category) {
        control.category = check.word("category", &word, Category::parse, Category::NAMES, control.category);
    }
    input
        .csf_function
        .map(|word| check.word("csf_function", &word, CsfFunction::parse, CsfFunction::NAMES, CsfFunction::Govern))
        .apply(&mut control.csf_function);
    if let Some(word) = check.required("status", input.status) {
        control.status = check.word("status", &word, Status::parse, Status::NAMES, control.status);
    }
    input
        .frequency
        .map(|word| check.word("frequency", &word, Frequency::parse, Frequency::NAMES, Frequency::Annual))
        .apply(&mut control.frequency);
    input
        .effectiveness
        .map(|e| Effectiveness {
            efficacy: check.range("effectiveness.efficacy", e.efficacy, 0.0, 1.0),
            coverage: check.range("effectiveness.coverage", e.coverage, 0.0, 1.0),
            reliability: check.range("effectiveness.reliability", e.reliability, 0.0, 1.0),
        })
        .apply(&mut control.effectiveness);
    if let Patch::Set(owner) = &input.owner_id {
        let known = tx.references().is_member(ctx.org, *owner).await?;
        check.ensure(known, "owner_id", "unknown_reference", "is not an active member of the organization");
    }
    input.owner_id.apply(&mut control.owner_id);
    match input.requirements {
        Patch::Keep => {}
        Patch::Clear => control.requirements.clear(),
        Patch::Set(names) => {
            check.count("requirements", names.len(), grc_kernel::check::LIST_MAX);
            let unknown = tx.frameworks().unknown_names(ctx.org, &names).await?;
            for (i, name) in names.iter().enumerate().filter(|(_, name)| unknown.contains(name)) {
                check.note(
                    format!("requirements[{i}]"),
                    "unknown_reference",
                    format!("no framework has a control {name}"),
                );
            }
            control.requirements = distinct(names);
        }
    }
    match input.evidence {
        Patch::Keep => {}
        Patch::Clear => control.evidence.clear(),
        Patch::Set(ids) => {
            check.count("evidence", ids.len(), grc_kernel::check::LIST_MAX);
            let missing = tx.references().missing_evidence(ctx.org, &ids).await?;
            for (i, _) in ids.iter().enumerate().filter(|(_, id)| missing.contains(id)) {
                check.note(format!("evidence[{i}]"), "unknown_reference", "there is no such evidence");
            }
            control.evidence = distinct(ids);
        }
    }
    Ok(check.finish()?)
}

/// Each entry once, in the order given.
fn distinct<T: Clone + Ord>(entries: Vec<T>) -> Vec<T> {
    let mut seen = std::collections::BTreeSet::new();
    entries.into_iter().filter(|entry| seen.insert(entry.clone())).collect()
}
