//! Freezes what a report says, from the domains that know it.
//!
//! Loading reads everything in a few statements of one frozen view of the data; composing is a calculation without a
//! transaction, to be carried out on a thread of its own. What one report holds is bounded, and where something is left
//! out the report says so.

mod compliance;
mod continuity;
mod gap;
mod incidents;
mod risks;
mod scenarios;

use std::collections::{BTreeMap, BTreeSet};

use grc_assessments::Finding;
use grc_bcm::{Process, continuity::climate::HazardTable};
use grc_document::{Document, Fact, Section, Tone, Value};
use grc_incident::Incident;
use grc_kernel::{
    Access, AssessmentId, Changes, Ctx, FieldError, ListQuery, ListSpec, Permission, Refusal, Repo, Resource,
    StoreResult, UserId, kit,
    list::{ListRequest, RESERVED, Sort},
};
use grc_reports::{Report, ReportType};
use grc_risk::Entry;
use grc_uow::Uow;
use serde_json::{Map, Value as Json};

/// The most records of one kind that a report holds.
pub const RECORDS_MAX: usize = 10_000;

/// What a report is to be about.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What kind of report.
    pub kind: ReportType,
    /// The assessment, where it is about one.
    pub assessment_id: Option<AssessmentId>,
    /// Its title; one is made where there is none.
    pub title: Option<String>,
    /// Which records it is about, as the parameters of their list.
    pub filters: Map<String, Json>,
}

impl Wanted {
    /// What a report that was requested is to be about.
    pub fn of(report: &Report) -> Self {
        Self {
            kind: report.kind,
            assessment_id: report.assessment_id,
            title: Some(report.title.clone()),
            filters: report.filters.clone().unwrap_or_default(),
        }
    }
}

/// What was read, ready to be composed.
pub type Frozen = Box<dyn FnOnce() -> Result<Document, Refusal> + Send>;

/// Requests a report, whose filters must be those of its records' list.
pub async fn request(ctx: &Ctx, uow: &mut Uow, changes: Changes<Report>) -> Result<Report, Refusal> {
    let made: Report = kit::create(ctx, uow.reports(), changes).await?;
    let wanted = Wanted::of(&made);
    narrowed(&wanted).map_err(|errors| {
        let inside = |error: FieldError| FieldError { field: format!("filters.{}", error.field), ..error };
        Refusal::Invalid(errors.into_iter().map(inside).collect())
    })?;
    Ok(made)
}

/// Reads everything that a report says.
pub async fn freeze(ctx: &Ctx, uow: &mut Uow, wanted: &Wanted, hazards: &HazardTable) -> Result<Frozen, Refusal> {
    for area in wanted.kind.areas() {
        ctx.require(Permission::new(area, Access::Read))?;
    }
    let query = narrowed(wanted).map_err(Refusal::Invalid)?;
    let mut short = Short::default();
    let frozen = match (wanted.kind, wanted.assessment_id) {
        (ReportType::ComplianceSummary, Some(id)) => compliance::load(ctx, uow, id, wanted, query, &mut short).await,
        (ReportType::GapAnalysis, Some(id)) => gap::load(ctx, uow, id, wanted, query, &mut short).await,
        (ReportType::ComplianceSummary | ReportType::GapAnalysis, None) => {
            Err(Refusal::Invalid(vec![FieldError::new("assessment_id", "required", "must be given")]))
        }
        (ReportType::RiskRegister, _) => risks::load(ctx, uow, wanted, query, &mut short).await,
        (ReportType::IncidentSummary, _) => incidents::load(ctx, uow, wanted, query, &mut short).await,
        (ReportType::BcmImpactAnalysis, _) => continuity::load(ctx, uow, wanted, query, hazards, &mut short).await,
    }?;
    Ok(short.told(frozen))
}

/// The kinds of records beside a report's own of which there are more than it holds.
#[derive(Debug, Default)]
struct Short(BTreeSet<&'static str>);

impl Short {
    /// What a report says, with what it leaves out.
    fn told(self, frozen: Frozen) -> Frozen {
        if self.0.is_empty() {
            return frozen;
        }
        Box::new(move || {
            let mut document = frozen()?;
            let kinds: Vec<String> = self.0.iter().map(|kind| kind.replace('_', " ")).collect();
            let said = format!("the first {RECORDS_MAX} of each kind: {}", kinds.join(", "));
            document.facts.push(Fact::new("left_out", "Not all of", Value::text(said)));
            Ok(document)
        })
    }
}

/// The list that the filters of a type narrow.
fn list_of(kind: ReportType) -> &'static ListSpec {
    match kind {
        ReportType::ComplianceSummary | ReportType::GapAnalysis => Finding::LIST,
        ReportType::RiskRegister => Entry::LIST,
        ReportType::IncidentSummary => Incident::LIST,
        ReportType::BcmImpactAnalysis => Process::LIST,
    }
}

/// The records that a report is about, in the order in which they came to be.
fn narrowed(wanted: &Wanted) -> Result<ListQuery, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    for (name, value) in &wanted.filters {
        if RESERVED.contains(&name.as_str()) && name != "q" {
            errors.push(FieldError::new(name, "unknown", "is no filter"));
            continue;
        }
        let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let text = match value {
                Json::String(text) => text.clone(),
                Json::Number(_) | Json::Bool(_) => value.to_string(),
                _ => {
                    errors.push(FieldError::new(
                        name,
                        "type",
                        "must be a text, a number, true or false, or a list of these",
                    ));
                    continue;
                }
            };
            parameters.push((name.clone(), text));
        }
    }
    let spec = list_of(wanted.kind);
    let parsed = ListRequest::parse(spec, &[], &parameters);
    match parsed {
        Ok(request) if errors.is_empty() => {
            let mut query = request.query.limited(RECORDS_MAX + 1);
            if let Some(field) = spec.field("created_at") {
                query.sort = Sort { field, descending: false };
            }
            Ok(query)
        }
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(more);
            Err(errors)
        }
    }
}

/// All records of a list, and whether there are more than a report holds.
async fn all<R: Resource, T: Repo<R> + ?Sized>(
    ctx: &Ctx,
    tx: &mut T,
    query: &ListQuery,
) -> StoreResult<(Vec<R>, bool)> {
    let mut items = Repo::<R>::page(tx, ctx.org, query).await?.items;
    let more = items.len() > RECORDS_MAX;
    items.truncate(RECORDS_MAX);
    Ok((items, more))
}

/// The records of a list that a report's own records are seen beside.
async fn beside<R: Resource, T: Repo<R> + ?Sized>(
    ctx: &Ctx,
    tx: &mut T,
    query: &ListQuery,
    short: &mut Short,
) -> StoreResult<Vec<R>> {
    let (items, more) = all::<R, T>(ctx, tx, query).await?;
    if more {
        short.0.insert(R::KIND);
    }
    Ok(items)
}

/// A list from its beginning, as long as a report holds.
fn whole(spec: &'static ListSpec) -> ListQuery {
    let mut query = spec.query().limited(RECORDS_MAX + 1);
    if let Some(field) = spec.field("created_at") {
        query.sort = Sort { field, descending: false };
    }
    query
}

/// The names of members, by one statement.
async fn names(
    ctx: &Ctx,
    uow: &mut Uow,
    ids: impl Iterator<Item = Option<UserId>>,
) -> StoreResult<BTreeMap<UserId, String>> {
    let ids: BTreeSet<UserId> = ids.flatten().collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = grc_identity::query::MEMBERS.query().limited(RECORDS_MAX);
    let page = uow.identity().members().page(ctx.org, &query).await?;
    let named = page.items.into_iter().map(|member| (member.account.id, member.account.name));
    Ok(named.filter(|(id, _)| ids.contains(id)).collect())
}

/// The organization's name.
async fn organization(ctx: &Ctx, uow: &mut Uow) -> StoreResult<String> {
    let found = uow.identity().organizations().find(ctx.org).await?;
    Ok(found.map(|organization| organization.name).unwrap_or_default())
}

fn name_of(names: &BTreeMap<UserId, String>, id: Option<UserId>) -> Value {
    Value::maybe(id.and_then(|id| names.get(&id)), |name| Value::text(name.as_str()))
}

fn severity(word: &str) -> Value {
    Value::Word(word.to_owned(), Tone::of_severity(word))
}

/// What the filters of a report leave, for its cover.
fn narrowing(filters: &Map<String, Json>) -> Fact {
    let said = filters.iter().map(|(name, value)| match value {
        Json::String(text) => format!("{name} = {text}"),
        Json::Array(values) => {
            let values = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            format!("{name} = {}", values.collect::<Vec<_>>().join(" or "))
        }
        other => format!("{name} = {other}"),
    });
    Fact::new("filters", "Only", Value::text(said.collect::<Vec<_>>().join("; ")))
}

/// A remark where a report does not hold everything.
fn cut(section: Section, more: bool) -> Section {
    if more { section.note(format!("There are more: this report holds the first {RECORDS_MAX}.")) } else { section }
}

/// A count as a value.
fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A moment as a length along an axis, in days since 1970.
fn days(at: time::OffsetDateTime) -> f64 {
    grc_document::num::coordinate(at.unix_timestamp() / 60) / 1_440.0
}
