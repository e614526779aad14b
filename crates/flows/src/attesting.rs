//! What an organization attests of itself, from the domains that know it: its last completed assessments, and the
//! evidence that a reviewer approved. Whatever the number of frameworks, it is three statements to the store.

use std::collections::{BTreeMap, BTreeSet};

use grc_assessments::{
    Assessment, Finding,
    finding::{Counts, Verdict},
    framework::{self, Framework},
};
use grc_attest::{Absence, Exhibit, Missing, Statement, Subject};
use grc_evidence::Evidence;
use grc_kernel::{
    Access, Changes, Checker, Ctx, Permission, Refusal, Repo, Resource, StoreResult, Uuid,
    list::{ListQuery, Scalar, Sort},
    resource::Cell,
};
use grc_uow::Uow;
use grc_vendor::a2a::{
    grant::{self, AREA, Grant},
    issued::{self, Issued, IssuedId},
};
use time::Duration;

/// How many frameworks, or pieces of evidence, one question may name.
pub const ASKED_MAX: usize = 50;
/// How many exhibits a statement names for one thing that was asked for.
const EXHIBITS_MAX: usize = 20;
/// How many records are looked through.
const LOOKED_THROUGH: usize = 1_000;
/// For how long an organization's word about itself holds where no grant says so.
const VALID_DAYS: i64 = 90;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The keys of frameworks.
    pub frameworks: Vec<String>,
    /// The names of evidence.
    pub requested_evidence: Vec<String>,
    /// For whom the answer is to be made.
    pub audience: Option<String>,
    /// What it has to repeat.
    pub nonce: Option<String>,
}

/// Signs statements. It holds the key; nothing here sees it.
pub trait Sealer: Send + Sync {
    /// Who signs.
    fn issuer(&self) -> String;
    /// The signed statement.
    fn seal(&self, statement: &Statement) -> Result<String, Refusal>;
}

/// Lets a partner ask about frameworks that there are.
pub async fn let_ask(
    ctx: &Ctx,
    uow: &mut Uow,
    changes: Changes<Grant>,
    random: [u8; 32],
) -> Result<(Grant, String), Refusal> {
    ctx.require(Grant::granting())?;
    if let Some(Cell::Texts(keys)) = changes.value("frameworks") {
        let found = named(ctx, uow, keys).await?;
        let mut check = Checker::new();
        for (i, key) in keys.iter().enumerate().filter(|(_, key)| !found.iter().any(|f| f.key == **key)) {
            check.note(format!("frameworks[{i}]"), "unknown_reference", format!("there is no framework {key}"));
        }
        check.finish()?;
    }
    grant::issue(ctx, uow.vendor(), changes, random).await
}

/// How the organization stands with each framework that the asker may ask about, assessed or not.
pub async fn offered(
    ctx: &Ctx,
    uow: &mut Uow,
    grant: Option<&Grant>,
) -> Result<Vec<(Framework, Option<Subject>)>, Refusal> {
    admit(ctx, grant)?;
    let keys = grant.map(|grant| grant.frameworks.clone());
    let standings = standings(ctx, uow, keys.as_deref()).await?;
    let known = match &keys {
        Some(keys) => named(ctx, uow, keys).await?,
        None => {
            let query = framework::LIST.query().limited(LOOKED_THROUGH);
            uow.assessments().frameworks().page(&[ctx.org], &query).await?.items
        }
    };
    let offered = known.into_iter().map(|framework| {
        let standing = standings.iter().find(|subject| subject.key == framework.key).cloned();
        (framework, standing)
    });
    Ok(offered.collect())
}

/// Makes and signs a statement for a partner, or for the organization itself, and records that it was made.
pub async fn attest(
    ctx: &Ctx,
    uow: &mut Uow,
    grant: Option<&Grant>,
    ask: Ask,
    sealer: &dyn Sealer,
) -> Result<(Issued, String), Refusal> {
    admit(ctx, grant)?;
    let ask = checked(ask)?;
    let granted = |key: &String| grant.is_none_or(|grant| grant.frameworks.contains(key));
    let (may, may_not): (Vec<String>, Vec<String>) = ask.frameworks.into_iter().partition(granted);
    let frameworks = standings(ctx, uow, Some(&may)).await?;
    let mut missing: Vec<Missing> = Vec::new();
    missing.extend(may_not.into_iter().map(|asked| Missing { asked, reason: Absence::NotGranted }));
    let unassessed = may.into_iter().filter(|key| !frameworks.iter().any(|subject| subject.key == *key));
    missing.extend(unassessed.map(|asked| Missing { asked, reason: Absence::NotAssessed }));
    if frameworks.is_empty() {
        let all: Vec<String> = missing.iter().map(|one| format!("{} is {}", one.asked, one.reason.as_str())).collect();
        return Err(Refusal::Conflict(format!("there is nothing to attest: {}", all.join(", "))));
    }
    let evidence = exhibits(ctx, uow, &frameworks, &ask.requested_evidence).await?;
    let absent = ask.requested_evidence.into_iter().filter(|name| !evidence.iter().any(|one| one.request == *name));
    missing.extend(absent.map(|asked| Missing { asked, reason: Absence::NoEvidence }));
    let organization = uow.identity().organizations().find(ctx.org).await?;
    let id: Uuid = ctx.new_id();
    let days = grant.map_or(VALID_DAYS, |grant| grant.valid_days);
    let statement = Statement {
        id,
        issuer: sealer.issuer(),
        subject: format!("urn:uuid:{}", ctx.org.0),
        organization: organization.map(|organization| organization.name).unwrap_or_default(),
        audience: ask.audience,
        nonce: ask.nonce,
        issued_at: ctx.now,
        expires_at: ctx.now + Duration::days(days),
        frameworks,
        evidence,
        missing,
    };
    let token = sealer.seal(&statement)?;
    let issued = issued::record(ctx, uow.vendor(), grant, &statement).await?;
    Ok((issued, token))
}

/// Whether the organization issued an attestation of an id.
pub async fn was_issued(ctx: &Ctx, uow: &mut Uow, id: Uuid) -> StoreResult<bool> {
    Ok(Repo::<Issued>::find(uow.vendor(), ctx.org, IssuedId(id)).await?.is_some())
}

/// A partner needs its grant; a member of the organization what it takes to make one.
fn admit(ctx: &Ctx, grant: Option<&Grant>) -> Result<(), Refusal> {
    match grant {
        Some(grant) if grant.org == ctx.org && grant.works_at(ctx.now) => {
            Ok(ctx.require(Permission::new(AREA, Access::Read))?)
        }
        Some(_) => Err(Refusal::Credentials),
        None => Ok(ctx.require(Grant::granting())?),
    }
}

/// A question within its limits, each thing asked once.
fn checked(ask: Ask) -> Result<Ask, Refusal> {
    let mut check = Checker::new();
    let mut list = |field: &str, texts: Vec<String>| {
        check.count(field, texts.len(), ASKED_MAX);
        let mut seen = BTreeSet::new();
        let mut list = Vec::new();
        for (i, text) in texts.into_iter().take(ASKED_MAX).enumerate() {
            let text = check.line(&format!("{field}[{i}]"), &text, 100);
            if seen.insert(text.clone()) {
                list.push(text);
            }
        }
        list
    };
    let frameworks = list("frameworks", ask.frameworks);
    let requested_evidence = list("requested_evidence", ask.requested_evidence);
    let audience = ask.audience.map(|text| check.line("audience", &text, 500));
    let nonce = ask.nonce.map(|text| check.line("nonce", &text, 200));
    check.ensure(!frameworks.is_empty(), "frameworks", "required", "must name a framework at least");
    check.finish()?;
    Ok(Ask { frameworks, requested_evidence, audience, nonce })
}

fn texts(values: &[String]) -> Vec<Scalar> {
    values.iter().cloned().map(Scalar::Text).collect()
}

/// The frameworks of these keys that the organization sees.
async fn named(ctx: &Ctx, uow: &mut Uow, keys: &[String]) -> StoreResult<Vec<Framework>> {
    let query = framework::LIST.query().only("key", texts(keys)).limited(LOOKED_THROUGH);
    Ok(uow.assessments().frameworks().page(&[ctx.org], &query).await?.items)
}

/// How the organization stands with frameworks, by the last completed assessment of each; with all where none is named.
async fn standings(ctx: &Ctx, uow: &mut Uow, keys: Option<&[String]>) -> StoreResult<Vec<Subject>> {
    let mut query = newest_first(Assessment::LIST.query().only("status", vec![Scalar::Text("completed".to_owned())]));
    if let Some(keys) = keys {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        query = query.only("framework_key", texts(keys));
    }
    let mut latest: BTreeMap<String, Assessment> = BTreeMap::new();
    for assessment in Repo::<Assessment>::page(uow.assessments(), ctx.org, &query).await?.items {
        latest.entry(assessment.framework_key.clone()).or_insert(assessment);
    }
    if latest.is_empty() {
        return Ok(Vec::new());
    }
    let ids = latest.values().map(|assessment| Scalar::Id(assessment.id.0)).collect();
    let of = Finding::LIST.query().only("assessment_id", ids);
    let groups = Repo::<Finding>::tally(uow.assessments(), ctx.org, &of, &["assessment_id", "status"]).await?;
    let mut counts: BTreeMap<Uuid, Counts> = BTreeMap::new();
    for (group, count) in groups {
        if let [Cell::Id(assessment), Cell::Text(status)] = group.as_slice() {
            let counts = counts.entry(*assessment).or_default();
            match Verdict::parse(status) {
                Some(Verdict::Pass) => counts.pass += count,
                Some(Verdict::Partial) => counts.partial += count,
                Some(Verdict::Fail) => counts.fail += count,
                Some(Verdict::NotApplicable) => counts.not_applicable += count,
                None => {}
            }
        }
    }
    let keys: Vec<String> = latest.keys().cloned().collect();
    let frameworks = named(ctx, uow, &keys).await?;
    let subjects = latest.into_values().filter_map(|assessment| {
        let framework = frameworks.iter().find(|framework| framework.id == assessment.framework_id)?;
        let counts = counts.get(&assessment.id.0).copied().unwrap_or_default();
        Some(Subject {
            key: framework.key.clone(),
            name: framework.name.clone(),
            version: framework.version.clone(),
            assessed_at: assessment.completed_at?,
            pass: counts.pass,
            partial: counts.partial,
            fail: counts.fail,
            not_applicable: counts.not_applicable,
            score: counts.score(),
        })
    });
    Ok(subjects.collect())
}

fn newest_first(mut query: ListQuery) -> ListQuery {
    if let Some(field) = query.spec.field("completed_at") {
        query.sort = Sort { field, descending: true };
    }
    query.limited(LOOKED_THROUGH)
}

/// The approved evidence that has every word of a name in its own, and speaks to a framework that is attested: what
/// speaks to others only is none of the asker's business.
async fn exhibits(ctx: &Ctx, uow: &mut Uow, subjects: &[Subject], names: &[String]) -> StoreResult<Vec<Exhibit>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let word = |text: &str| vec![Scalar::Text(text.to_owned())];
    let query = Evidence::LIST.query().only("status", word("stored")).only("review", word("approved"));
    let found = Repo::<Evidence>::page(uow.evidence(), ctx.org, &query.limited(LOOKED_THROUGH)).await?.items;
    let speaks = |evidence: &Evidence| {
        evidence
            .control_refs
            .iter()
            .any(|name| name.split_once(':').is_some_and(|(key, _)| subjects.iter().any(|subject| subject.key == key)))
    };
    let in_force = |evidence: &Evidence| evidence.valid_until.is_none_or(|until| until > ctx.now);
    let usable: Vec<(Evidence, BTreeSet<String>)> = found
        .into_iter()
        .filter(|evidence| in_force(evidence) && speaks(evidence))
        .map(|evidence| {
            let words = words(&evidence.filename);
            (evidence, words)
        })
        .collect();
    let mut exhibits = Vec::new();
    for name in names {
        let wanted = words(name);
        let fitting = usable.iter().filter(|(_, words)| !wanted.is_empty() && wanted.is_subset(words));
        exhibits.extend(fitting.take(EXHIBITS_MAX).filter_map(|(evidence, _)| {
            Some(Exhibit {
                request: name.clone(),
                name: evidence.filename.clone(),
                sha256: evidence.sha256.clone()?,
                collected_at: evidence.collected_at,
                valid_until: evidence.valid_until,
            })
        }));
    }
    Ok(exhibits)
}

/// The words of a name, as file names and handles separate them.
fn words(name: &str) -> BTreeSet<String> {
    let parts = name.split(|c: char| !c.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_words() {
        assert!(words("audit_report").is_subset(&words("Audit-Report 2026.pdf")));
        assert!(!words("audit_report").is_subset(&words("audit-log.csv")));
        assert!(words("--__").is_empty());
    }

    #[test]
    fn a_question_keeps_its_limits() {
        let ask = |count: usize| Ask { frameworks: vec!["SOC2_TYPE2".to_owned(); count], ..Ask::default() };
        assert_eq!(checked(ask(3)).unwrap().frameworks, ["SOC2_TYPE2"]);
        assert!(checked(ask(0)).is_err());
        assert!(checked(ask(ASKED_MAX + 1)).is_err());
        assert!(checked(Ask { nonce: Some("a\u{0}b".to_owned()), ..ask(1) }).is_err());
        assert!(checked(Ask { audience: Some("x".repeat(501)), ..ask(1) }).is_err());
    }
}
