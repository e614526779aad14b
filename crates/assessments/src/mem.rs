//! What this domain keeps in memory beside its records, for tests of this crate and of whoever embeds it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use grc_kernel::{
    AssessmentId, FrameworkId, ListQuery, OrgId, Page, Repo, Resource, StoreError, StoreResult,
    list::{Scalar, page_in_memory},
    resource::InMemory,
    shape::FromJson,
};
use serde_json::Value;

use crate::{
    assessment::ScopeItem,
    control::{Control, ControlFacts, EvidenceFact},
    finding::{Finding, Lifecycle, Tally, Verdict},
    framework::{Framework, Requirement, RequirementId, catalog},
    ports::{Assessing, FrameworkRepo},
};

/// The frameworks, each with its controls and the document that it came from; the built-in ones at first.
#[derive(Clone)]
struct Frameworks(BTreeMap<FrameworkId, (Framework, Vec<Requirement>, String)>);

impl Default for Frameworks {
    fn default() -> Self {
        let all = catalog::builtin().iter();
        Self(all.map(|c| (c.framework.id, (c.framework.clone(), c.requirements.clone(), String::new()))).collect())
    }
}

impl Frameworks {
    fn visible<'a>(&'a self, orgs: &'a [OrgId]) -> impl Iterator<Item = &'a Framework> {
        self.0.values().map(|(framework, ..)| framework).filter(|f| f.org.is_none_or(|org| orgs.contains(&org)))
    }
}

#[async_trait]
impl<T: InMemory> FrameworkRepo for T {
    async fn find(&mut self, orgs: &[OrgId], id: FrameworkId) -> StoreResult<Option<Framework>> {
        Ok(self.tables().keep(|all: &mut Frameworks| all.visible(orgs).find(|framework| framework.id == id).cloned()))
    }

    async fn find_by_key(&mut self, org: OrgId, key: &str) -> StoreResult<Option<Framework>> {
        Ok(self.tables().keep(|all: &mut Frameworks| {
            let orgs = [org];
            let found = all.visible(&orgs).filter(|framework| framework.key == key);
            found.min_by_key(|framework| framework.org.is_none()).cloned()
        }))
    }

    async fn page(&mut self, orgs: &[OrgId], query: &ListQuery) -> StoreResult<Page<Framework>> {
        Ok(self.tables().keep(|all: &mut Frameworks| page_in_memory(all.visible(orgs), query)))
    }

    async fn page_requirements(&mut self, id: FrameworkId, query: &ListQuery) -> StoreResult<Page<Requirement>> {
        Ok(page_in_memory(self.requirements(id).await?.iter(), query))
    }

    async fn find_requirement(
        &mut self,
        id: FrameworkId,
        requirement: RequirementId,
    ) -> StoreResult<Option<Requirement>> {
        Ok(self.requirements(id).await?.into_iter().find(|r| r.id == requirement))
    }

    async fn find_requirement_by_ref(
        &mut self,
        id: FrameworkId,
        control_ref: &str,
    ) -> StoreResult<Option<Requirement>> {
        Ok(self.requirements(id).await?.into_iter().find(|r| r.control_ref == control_ref))
    }

    async fn requirements(&mut self, id: FrameworkId) -> StoreResult<Vec<Requirement>> {
        let of = |all: &mut Frameworks| all.0.get(&id).map(|(_, list, _)| list.clone()).unwrap_or_default();
        Ok(self.tables().keep(of))
    }

    async fn unknown_names(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        let known: BTreeSet<String> = self.tables().keep(|all: &mut Frameworks| {
            let visible = all.0.values().filter(|(framework, ..)| framework.org.is_none_or(|owner| owner == org));
            let names = |(framework, list, _): &(Framework, Vec<Requirement>, String)| {
                list.iter().map(|r| format!("{}:{}", framework.key, r.control_ref)).collect::<Vec<_>>()
            };
            visible.flat_map(names).collect()
        });
        Ok(names.iter().filter(|name| !known.contains(*name)).cloned().collect())
    }

    async fn insert(&mut self, framework: &Framework, requirements: &[Requirement], source: &str) -> StoreResult<()> {
        self.tables().keep(|all: &mut Frameworks| {
            if all.0.values().any(|(f, ..)| f.org == framework.org && f.key == framework.key) {
                return Err(StoreError::Duplicate("key"));
            }
            all.0.insert(framework.id, (framework.clone(), requirements.to_vec(), source.to_owned()));
            Ok(())
        })
    }

    async fn document(&mut self, id: FrameworkId) -> StoreResult<Option<String>> {
        let document = |all: &mut Frameworks| all.0.get(&id).map(|(.., document)| document.clone());
        Ok(self.tables().keep(document).filter(|document| !document.is_empty()))
    }

    async fn delete(&mut self, _org: OrgId, id: FrameworkId) -> StoreResult<()> {
        self.tables().keep(|all: &mut Frameworks| all.0.remove(&id));
        Ok(())
    }
}

/// The scopes of assessments.
#[derive(Clone, Default)]
struct Scopes(BTreeMap<AssessmentId, Vec<ScopeItem>>);

/// What the picture of a piece of stored evidence says.
fn fact(evidence: &Value) -> Option<EvidenceFact> {
    let text = |name: &str| evidence.get(name).and_then(Value::as_str);
    (text("status") == Some("stored")).then_some(())?;
    Some(EvidenceFact {
        filename: text("filename")?.to_owned(),
        rejected: text("review") == Some("rejected"),
        collected_at: evidence.get("collected_at").and_then(FromJson::from_json)?,
        valid_until: evidence.get("valid_until").and_then(FromJson::from_json),
    })
}

async fn findings<T: InMemory>(tx: &mut T, org: OrgId, of: Option<AssessmentId>) -> StoreResult<Vec<Finding>> {
    let mut query = Finding::LIST.query().limited(usize::MAX);
    if let Some(id) = of {
        query = query.only("assessment_id", vec![Scalar::Id(id.0)]);
    }
    Ok(Repo::<Finding>::page(tx, org, &query).await?.items)
}

#[async_trait]
impl<T: InMemory> Assessing for T {
    async fn facts(&mut self, org: OrgId, controls: &[Control]) -> StoreResult<Vec<ControlFacts>> {
        let mut open = findings(self, org, None).await?;
        open.retain(|finding| matches!(finding.lifecycle, Lifecycle::Open | Lifecycle::InProgress));
        let facts = |control: &Control| {
            let named = |f: &Finding| control.requirements.contains(&format!("{}:{}", f.framework_key, f.control_ref));
            let count = |verdict: Verdict| {
                let count = open.iter().filter(|finding| finding.status == verdict && named(finding)).count();
                i64::try_from(count).unwrap_or(i64::MAX)
            };
            let pictures = control.evidence.0.iter().filter_map(|id| self.tables().picture(org, "evidence", id.0));
            ControlFacts {
                evidence: pictures.filter_map(|picture| fact(&picture)).collect(),
                open_failures: count(Verdict::Fail),
                open_partials: count(Verdict::Partial),
            }
        };
        Ok(controls.iter().map(facts).collect())
    }

    /// Transactions in memory run one after the other.
    async fn one_at_a_time(&mut self, _org: OrgId) -> StoreResult<()> {
        Ok(())
    }

    async fn set_scope(&mut self, _org: OrgId, id: AssessmentId, scope: &[ScopeItem]) -> StoreResult<()> {
        self.tables().keep(|all: &mut Scopes| all.0.insert(id, scope.to_vec()));
        Ok(())
    }

    async fn next_scope(&mut self, _org: OrgId, id: AssessmentId, limit: usize) -> StoreResult<Vec<ScopeItem>> {
        Ok(self.tables().keep(|all: &mut Scopes| {
            let scope = all.0.get(&id).into_iter().flatten();
            scope.filter(|item| !item.evaluated).take(limit).cloned().collect()
        }))
    }

    async fn mark_evaluated(&mut self, _org: OrgId, id: AssessmentId, ordinals: &[i32]) -> StoreResult<()> {
        self.tables().keep(|all: &mut Scopes| {
            for item in all.0.entry(id).or_default() {
                item.evaluated |= ordinals.contains(&item.ordinal);
            }
        });
        Ok(())
    }

    async fn drop_results(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<()> {
        self.tables().keep(|all: &mut Scopes| all.0.remove(&id));
        for finding in findings(self, org, Some(id)).await? {
            Repo::<Finding>::delete(self, org, finding.id).await?;
        }
        Ok(())
    }

    async fn insert_new(&mut self, new: &[Finding]) -> StoreResult<usize> {
        let mut count = 0;
        for finding in new {
            let known = findings(self, finding.org, Some(finding.assessment_id)).await?;
            if !known.iter().any(|known| known.control_ref == finding.control_ref) {
                Repo::<Finding>::insert(self, finding).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    async fn tally_findings(&mut self, org: OrgId, assessment: Option<AssessmentId>) -> StoreResult<Vec<Tally>> {
        let mut tallies: Vec<Tally> = Vec::new();
        for finding in findings(self, org, assessment).await? {
            let tally = Tally {
                cited: !finding.citations.is_empty(),
                unassigned: finding.owner_id.is_none(),
                family: finding.family,
                family_title: finding.family_title,
                status: finding.status,
                severity: finding.severity,
                lifecycle: finding.lifecycle,
                needs_review: finding.needs_review,
                count: 0,
            };
            match tallies.iter_mut().find(|known| Tally { count: 0, ..(*known).clone() } == tally) {
                Some(known) => known.count += 1,
                None => tallies.push(Tally { count: 1, ..tally }),
            }
        }
        Ok(tallies)
    }
}
