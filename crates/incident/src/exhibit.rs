//! Exhibits: evidence that belongs to an incident. The file and its custody record are the evidence domain's; here is
//! which of it was collected for what, when, by whom, and with which hash at that time.

use async_trait::async_trait;
use grc_kernel::{
    Access, Ctx, EvidenceId, Fact, Meta, Refusal, Repo, Resource, Rules, StoreResult, list::Scalar, resource,
    shape::Ty, typed_id,
};
use serde_json::json;

use crate::{
    incident::{Incident, IncidentId},
    ports::Tx,
    response, story, timeline,
};

/// The most exhibits that an incident has.
pub const EXHIBITS_MAX: usize = 1_000;

typed_id! {
    /// An exhibit.
    ExhibitId,
}

resource! {
    /// Evidence that was collected for an incident.
    pub struct Exhibit(ExhibitId) as "IncidentEvidence" {
        kind: "incident_evidence", table: "incident_evidence", area: "incident", name: "filename",
        sort: ("created_at", false),
    }
    /// The incident.
    incident_id: IncidentId = Ty::Ref("incident"), computed;
    /// The evidence.
    evidence_id: EvidenceId = Ty::Ref("evidence"), computed;
    /// What its file was called at the time.
    filename: String = Ty::Line(255), computed, sorts, searches;
    /// Its size in bytes.
    size: i64 = Ty::Int(0, i64::MAX), computed;
    /// The SHA-256 of its file at the time, in hex.
    sha256: String = Ty::Line(64), computed, filters;
    /// Why it was collected.
    notes: Option<String> = Ty::Text(20_000), computed, searches;
}

#[async_trait]
impl Rules for Exhibit {
    type Tx = Tx;
}

/// A piece of stored evidence, as its domain describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its id.
    pub id: EvidenceId,
    /// Its file's name.
    pub filename: String,
    /// Its size in bytes.
    pub size: i64,
    /// The SHA-256 of its file, in hex.
    pub sha256: String,
}

/// All exhibits of an incident, in the order in which they were collected.
pub async fn all(ctx: &Ctx, tx: &mut Tx, id: IncidentId) -> StoreResult<Vec<Exhibit>> {
    let query = Exhibit::LIST.query().only("incident_id", vec![Scalar::Id(id.0)]).limited(EXHIBITS_MAX);
    Ok(Repo::<Exhibit>::page(tx, ctx.org, &query).await?.items)
}

/// The incident that evidence is about to be collected for, held; and those of these ids that it does not have yet, each
/// once.
pub async fn missing(
    ctx: &Ctx,
    tx: &mut Tx,
    id: IncidentId,
    wanted: &[EvidenceId],
) -> Result<(Incident, Vec<EvidenceId>), Refusal> {
    ctx.require(Exhibit::permission(Access::Write))?;
    let incident = response::hold(ctx, tx, id).await?;
    let known = all(ctx, tx, id).await?;
    let mut missing: Vec<EvidenceId> = Vec::new();
    for evidence in wanted {
        if !missing.contains(evidence) && !known.iter().any(|exhibit| exhibit.evidence_id == *evidence) {
            missing.push(*evidence);
        }
    }
    if known.len() + missing.len() > EXHIBITS_MAX {
        return Err(Refusal::Conflict(format!("an incident has at most {EXHIBITS_MAX} pieces of evidence")));
    }
    Ok((incident, missing))
}

/// Makes exhibits of stored evidence that [`missing`] named.
pub async fn collect(
    ctx: &Ctx,
    tx: &mut Tx,
    incident: &Incident,
    found: Vec<Found>,
    notes: Option<&str>,
) -> Result<Vec<Exhibit>, Refusal> {
    ctx.require(Exhibit::permission(Access::Write))?;
    let exhibit = |found: Found| {
        let mut exhibit = Exhibit::blank(ctx.new_id(), ctx.org, Meta::new(ctx));
        exhibit.incident_id = incident.id;
        exhibit.evidence_id = found.id;
        exhibit.filename = found.filename;
        exhibit.size = found.size;
        exhibit.sha256 = found.sha256;
        exhibit.notes = notes.map(str::to_owned);
        exhibit
    };
    let made: Vec<Exhibit> = found.into_iter().map(exhibit).collect();
    if made.is_empty() {
        return Ok(made);
    }
    Repo::<Exhibit>::insert_many(tx, &made).await?;
    let names: Vec<String> = made.iter().map(|exhibit| exhibit.filename.clone()).collect();
    let ids: Vec<String> = made.iter().map(|exhibit| exhibit.evidence_id.to_string()).collect();
    timeline::tell(ctx, tx, incident.id, vec![story::collected(&names, &ids, notes)]).await?;
    let fact = Fact {
        revision: Some(incident.meta.revision),
        feed: true,
        ..Fact::note(Incident::KIND, incident.id.0, "evidence_collected")
    };
    tx.journal().record(ctx, fact.with(json!({"evidence_ids": ids, "notes": notes}))).await?;
    Ok(made)
}
