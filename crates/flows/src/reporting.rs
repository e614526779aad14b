//! Freezes what a report says, from the domains that know it.

use std::collections::BTreeMap;

use grc_assessments::{
    assessment,
    finding::{self, Finding},
    framework,
};
use grc_evidence::Evidence;
use grc_kernel::{
    AssessmentId, Ctx, EvidenceId, Refusal, Repo, Resource, StoreError, UserId, kit,
    list::{Cursor, Scalar},
    record::timestamp,
};
use grc_reports::snapshot::{CitedFile, ComplianceSnapshot, Counts, Family, FindingRow};
use grc_uow::Uow;

/// The most findings that one report holds.
const FINDINGS_MAX: usize = 10_000;

/// Everything that a compliance summary of an assessment says, at this moment.
pub async fn compliance(
    ctx: &Ctx,
    uow: &mut Uow,
    id: AssessmentId,
    title: Option<&str>,
) -> Result<ComplianceSnapshot, Refusal> {
    let (assessment, summary) = assessment::summary(ctx, uow.assessments(), id).await?;
    let framework = framework::get(uow.assessments(), &[ctx.org], assessment.framework_id).await?;
    let organization = uow.identity().organizations().find(ctx.org).await?;
    let findings = all_findings(ctx, uow, id).await?;
    let owners = owners(ctx, uow, &findings).await?;
    let files = files(ctx, uow, &findings).await?;
    let counts = |c: finding::Counts| Counts {
        pass: c.pass,
        partial: c.partial,
        fail: c.fail,
        not_applicable: c.not_applicable,
        score: c.score(),
    };
    Ok(ComplianceSnapshot {
        title: title.map_or_else(|| format!("Compliance summary: {}", assessment.name), str::to_owned),
        organization: organization.map(|organization| organization.name).unwrap_or_default(),
        assessment_id: assessment.id.to_string(),
        assessment: assessment.name,
        scope: assessment.scope,
        status: assessment.status.as_str().to_owned(),
        evaluator: assessment.evaluator.as_str().to_owned(),
        started_at: assessment.started_at.map(timestamp),
        completed_at: assessment.completed_at.map(timestamp),
        framework_key: framework.key,
        framework: framework.name,
        framework_version: framework.version,
        baseline: assessment.baseline,
        controls_total: assessment.controls_total,
        counts: counts(summary.counts),
        by_family: summary
            .by_family
            .into_iter()
            .map(|family| Family { id: family.family, title: family.title, counts: counts(family.counts) })
            .collect(),
        by_severity: summary.by_severity.into_iter().map(|(s, count)| (s.as_str().to_owned(), count)).collect(),
        with_evidence: summary.with_evidence,
        without_evidence: summary.without_evidence,
        files,
        findings: findings.into_iter().map(|finding| row(finding, &owners)).collect(),
    })
}

async fn all_findings(ctx: &Ctx, uow: &mut Uow, id: AssessmentId) -> Result<Vec<Finding>, Refusal> {
    let mut query = Finding::LIST.query().only("assessment_id", vec![Scalar::Id(id.0)]).limited(1_000);
    let mut findings = Vec::new();
    loop {
        let page = kit::page::<Finding>(ctx, uow.assessments(), &query).await?;
        findings.extend(page.items);
        match page.next_cursor {
            Some(cursor) if findings.len() < FINDINGS_MAX => {
                let after = Cursor::decode(&cursor, &query);
                query.after = Some(after.map_err(|error| StoreError::internal(error.detail))?);
            }
            _ => return Ok(findings),
        }
    }
}

async fn owners(ctx: &Ctx, uow: &mut Uow, findings: &[Finding]) -> Result<BTreeMap<UserId, String>, Refusal> {
    let mut names = BTreeMap::new();
    for owner in findings.iter().filter_map(|finding| finding.owner_id) {
        if let std::collections::btree_map::Entry::Vacant(entry) = names.entry(owner)
            && let Some(member) = uow.identity().members().find(ctx.org, owner).await?
        {
            entry.insert(member.account.name);
        }
    }
    Ok(names)
}

async fn files(ctx: &Ctx, uow: &mut Uow, findings: &[Finding]) -> Result<Vec<CitedFile>, Refusal> {
    let mut controls: BTreeMap<EvidenceId, Vec<String>> = BTreeMap::new();
    for finding in findings {
        for citation in &finding.citations {
            let cited = controls.entry(citation.evidence_id).or_default();
            if !cited.contains(&finding.control_ref) {
                cited.push(finding.control_ref.clone());
            }
        }
    }
    let mut files = Vec::new();
    for (id, controls) in controls {
        if let Some(evidence) = Repo::<Evidence>::find(uow.evidence(), ctx.org, id).await? {
            files.push(CitedFile {
                filename: evidence.filename,
                sha256: evidence.sha256.unwrap_or_default(),
                collected_at: timestamp(evidence.collected_at),
                controls,
            });
        }
    }
    files.sort_by(|a, b| a.filename.cmp(&b.filename).then_with(|| a.sha256.cmp(&b.sha256)));
    Ok(files)
}

fn row(finding: Finding, owners: &BTreeMap<UserId, String>) -> FindingRow {
    let mut cited: Vec<String> = finding.citations.into_iter().map(|citation| citation.filename).collect();
    cited.sort();
    cited.dedup();
    FindingRow {
        control_ref: finding.control_ref,
        title: finding.control_title,
        family: finding.family,
        status: finding.status.as_str().to_owned(),
        severity: finding.severity.as_str().to_owned(),
        confidence: finding.confidence,
        rationale: finding.rationale,
        evaluated_by: finding.evaluated_by.as_str().to_owned(),
        needs_review: finding.needs_review,
        owner: finding.owner_id.and_then(|owner| owners.get(&owner).cloned()),
        due_date: finding.due_date.map(|date| date.to_string()),
        remediation: finding.remediation_notes,
        cited,
    }
}
