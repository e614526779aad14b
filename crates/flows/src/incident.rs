//! Evidence of incidents: collected from what is stored, exported as a package. The incident's side is its timeline and
//! its exhibits, the evidence's side is its custody record; both change in one transaction.

use grc_evidence::{CustodyEvent, Evidence, EvidenceStatus, handing, model::CUSTODY};
use grc_incident::{
    Exhibit, Incident, IncidentId, Review, ReviewId,
    bundle::Piece,
    exhibit::{self, Found},
    timeline::Head,
};
use grc_kernel::{
    Ctx, EvidenceId, Fact, ListQuery, Page, Refusal, Repo, Resource, StoreResult, kit,
    list::{Filter, Scalar, Test},
};
use grc_uow::Uow;
use serde_json::json;

/// Collects stored evidence for an incident, each piece once; the exhibits of all that were named.
pub async fn collect(
    ctx: &Ctx,
    uow: &mut Uow,
    id: IncidentId,
    wanted: &[EvidenceId],
    notes: Option<&str>,
) -> Result<Vec<Exhibit>, Refusal> {
    let (incident, missing) = exhibit::missing(ctx, uow.incident(), id, wanted).await?;
    if wanted.is_empty() {
        return Err(Refusal::field("evidence_ids", "required", "must name evidence"));
    }
    let place = |id: &EvidenceId| wanted.iter().position(|wanted| wanted == id).unwrap_or_default();
    let named: Vec<(String, EvidenceId)> =
        missing.iter().map(|id| (format!("evidence_ids[{}]", place(id)), *id)).collect();
    let reason = match notes {
        Some(notes) => format!("collected for incident {id}: {notes}"),
        None => format!("collected for incident {id}"),
    };
    let found = handing::link(ctx, uow.evidence(), &named, &reason).await?;
    let found = found.into_iter().map(|evidence| Found {
        id: evidence.id,
        filename: evidence.filename,
        size: evidence.size.unwrap_or_default(),
        sha256: evidence.sha256.unwrap_or_default(),
    });
    exhibit::collect(ctx, uow.incident(), &incident, found.collect(), notes).await?;
    let mut exhibits = exhibit::all(ctx, uow.incident(), id).await?;
    exhibits.retain(|exhibit| wanted.contains(&exhibit.evidence_id));
    Ok(exhibits)
}

/// What an export of an incident's evidence is made of, but for the bytes and what is read page by page.
#[derive(Clone, Debug)]
pub struct Package {
    /// The incident.
    pub incident: Incident,
    /// Its review, where one is written.
    pub review: Option<Review>,
    /// Its exhibits.
    pub exhibits: Vec<Exhibit>,
    /// Their evidence as it is now.
    pub evidence: Vec<Evidence>,
    /// The end of the timeline that is exported.
    pub head: Head,
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedFile {
    /// The evidence.
    pub piece: Piece,
    /// Where its bytes lie, or why they cannot be had.
    pub object_key: Result<String, &'static str>,
    /// Its size on record, in bytes.
    pub size: i64,
}

/// Begins an export: notes it in the custody record and in the journal, and says what belongs into the package.
pub async fn begin_export(ctx: &Ctx, uow: &mut Uow, id: IncidentId) -> Result<Package, Refusal> {
    let incident = kit::get::<Incident>(ctx, uow.incident(), id).await?;
    let review = Repo::<Review>::find(uow.incident(), ctx.org, ReviewId(id.0)).await?;
    let exhibits = exhibit::all(ctx, uow.incident(), id).await?;
    let ids: Vec<EvidenceId> = exhibits.iter().map(|exhibit| exhibit.evidence_id).collect();
    let reason = format!("exported with incident {id}");
    let evidence = handing::export(ctx, uow.evidence(), &ids, &reason).await?;
    let head = Head::of(ctx, uow.incident(), id).await?;
    let fact = Fact::note(Incident::KIND, id.0, "exported").with(json!({"files": exhibits.len()}));
    uow.incident().journal().record(ctx, fact).await?;
    Ok(Package { incident, review, exhibits, evidence, head })
}

impl Package {
    /// The evidence's ids.
    pub fn ids(&self) -> Vec<EvidenceId> {
        self.exhibits.iter().map(|exhibit| exhibit.evidence_id).collect()
    }

    /// The files, in the order in which they were collected.
    pub fn files(&self) -> Vec<PackedFile> {
        let file = |exhibit: &Exhibit| {
            let now = self.evidence.iter().find(|evidence| evidence.id == exhibit.evidence_id);
            let object_key = match now {
                Some(evidence) if evidence.status == EvidenceStatus::Stored => Ok(evidence.object_key.clone()),
                _ => Err("the evidence was deleted"),
            };
            let piece =
                Piece { id: exhibit.evidence_id, filename: exhibit.filename.clone(), sha256: exhibit.sha256.clone() };
            PackedFile { piece, object_key, size: exhibit.size }
        };
        self.exhibits.iter().map(file).collect()
    }
}

/// The first page request of a package's custody record: all that was noted up to the export.
pub fn custody_query(ctx: &Ctx) -> ListQuery {
    let mut query = CUSTODY.query();
    if let Some(field) = CUSTODY.field("timestamp") {
        query.filters.push(Filter { field, test: Test::AtMost(Scalar::Time(ctx.now)) });
    }
    query
}

/// A page of a package's custody record.
pub async fn custody(
    ctx: &Ctx,
    uow: &mut Uow,
    ids: &[EvidenceId],
    query: &ListQuery,
) -> Result<Page<CustodyEvent>, Refusal> {
    handing::custody(ctx, uow.evidence(), ids, query).await
}

/// The first page request of a package's timeline: the entries up to its head, in the order in which they were written.
pub fn timeline_query(package: &Package) -> ListQuery {
    let list = grc_incident::TimelineEntry::LIST;
    let mut query = list.query().only("incident_id", vec![Scalar::Id(package.incident.id.0)]);
    if let Some(field) = list.field("sequence") {
        query.filters.push(Filter { field, test: Test::AtMost(Scalar::Int(package.head.sequence)) });
        query.sort = grc_kernel::list::Sort { field, descending: false };
    }
    query
}

/// A page of a list of the incident's, for a package whose permissions were asked for when it was begun.
pub async fn page<R: Resource>(ctx: &Ctx, uow: &mut Uow, query: &ListQuery) -> StoreResult<Page<R>>
where
    grc_incident::ports::Tx: Repo<R>,
{
    Repo::<R>::page(uow.incident(), ctx.org, query).await
}
