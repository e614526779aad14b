//! The repositories in memory, for tests of this crate and of whoever embeds it.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use grc_kernel::{
    AssessmentId, ControlId, EvidenceId, FindingId, FrameworkId, JobQueue, JobsTx, Journal, JournalTx, ListQuery,
    OrgId, Page, StoreError, StoreResult, UserId, job::MemJobs, journal::MemJournal, list::page_in_memory,
};

use crate::{
    assessment::{Assessment, AssessmentStatus, ScopeItem},
    control::{Control, ControlFacts, EvidenceFact},
    finding::{Finding, Lifecycle, Tally, Verdict},
    framework::{Framework, Requirement, RequirementId, catalog},
    ports::{AssessmentRepo, AssessmentsTx, ControlRepo, FindingRepo, FrameworkRepo, References},
};

/// All records of this domain, and what it knows of others'.
#[derive(Clone, Debug, Default)]
pub struct Store {
    frameworks: BTreeMap<FrameworkId, (Framework, Vec<Requirement>, String)>,
    controls: BTreeMap<ControlId, Control>,
    assessments: BTreeMap<AssessmentId, Assessment>,
    scopes: BTreeMap<AssessmentId, Vec<ScopeItem>>,
    findings: BTreeMap<FindingId, Finding>,
    /// Active members, of the identity domain.
    pub members: BTreeSet<(OrgId, UserId)>,
    /// Stored evidence, of the evidence domain.
    pub evidence: BTreeMap<(OrgId, EvidenceId), EvidenceFact>,
}

impl Store {
    /// A store that holds the built-in frameworks.
    pub fn with_builtin() -> Self {
        let frameworks = catalog::builtin()
            .iter()
            .map(|c| (c.framework.id, (c.framework.clone(), c.requirements.clone(), String::new())))
            .collect();
        Self { frameworks, ..Self::default() }
    }

    fn visible<'a>(&'a self, orgs: &'a [OrgId]) -> impl Iterator<Item = &'a Framework> {
        self.frameworks
            .values()
            .map(|(framework, ..)| framework)
            .filter(|f| f.org.is_none_or(|org| orgs.contains(&org)))
    }
}

#[async_trait]
impl FrameworkRepo for Store {
    async fn find(&mut self, orgs: &[OrgId], id: FrameworkId) -> StoreResult<Option<Framework>> {
        Ok(self.visible(orgs).find(|framework| framework.id == id).cloned())
    }

    async fn find_by_key(&mut self, org: OrgId, key: &str) -> StoreResult<Option<Framework>> {
        let orgs = [org];
        let mut found: Vec<&Framework> = self.visible(&orgs).filter(|framework| framework.key == key).collect();
        found.sort_by_key(|framework| framework.org.is_none());
        Ok(found.first().map(|framework| (*framework).clone()))
    }

    async fn page(&mut self, orgs: &[OrgId], query: &ListQuery) -> StoreResult<Page<Framework>> {
        Ok(page_in_memory(self.visible(orgs), query))
    }

    async fn page_requirements(&mut self, id: FrameworkId, query: &ListQuery) -> StoreResult<Page<Requirement>> {
        Ok(page_in_memory(
            self.frameworks.get(&id).map(|(_, list, _)| list.as_slice()).unwrap_or_default().iter(),
            query,
        ))
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
        Ok(self.frameworks.get(&id).map(|(_, list, _)| list.clone()).unwrap_or_default())
    }

    async fn unknown_names(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>> {
        let mut known = BTreeSet::new();
        for (framework, requirements, _) in self.frameworks.values() {
            if framework.org.is_none_or(|owner| owner == org) {
                known.extend(requirements.iter().map(|r| format!("{}:{}", framework.key, r.control_ref)));
            }
        }
        Ok(names.iter().filter(|name| !known.contains(*name)).cloned().collect())
    }

    async fn insert(&mut self, framework: &Framework, requirements: &[Requirement], source: &str) -> StoreResult<()> {
        if self.frameworks.values().any(|(f, ..)| f.org == framework.org && f.key == framework.key) {
            return Err(StoreError::Duplicate("key"));
        }
        self.frameworks.insert(framework.id, (framework.clone(), requirements.to_vec(), source.to_owned()));
        Ok(())
    }

    async fn document(&mut self, id: FrameworkId) -> StoreResult<Option<String>> {
        Ok(self.frameworks.get(&id).map(|(.., document)| document.clone()).filter(|document| !document.is_empty()))
    }

    async fn delete(&mut self, _org: OrgId, id: FrameworkId) -> StoreResult<()> {
        self.frameworks.remove(&id);
        Ok(())
    }

    async fn in_use(&mut self, org: OrgId, id: FrameworkId) -> StoreResult<bool> {
        Ok(self.assessments.values().any(|a| a.org == org && a.framework_id == id))
    }
}

#[async_trait]
impl ControlRepo for Store {
    async fn find(&mut self, org: OrgId, id: ControlId) -> StoreResult<Option<Control>> {
        Ok(self.controls.get(&id).filter(|control| control.org == org).cloned())
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Control>> {
        Ok(page_in_memory(self.controls.values().filter(|control| control.org == org), query))
    }

    async fn insert(&mut self, control: &Control) -> StoreResult<()> {
        self.controls.insert(control.id, control.clone());
        Ok(())
    }

    async fn update(&mut self, control: &Control, seen: i64) -> StoreResult<()> {
        match self.controls.get_mut(&control.id) {
            Some(stored) if stored.meta.revision == seen => {
                *stored = control.clone();
                Ok(())
            }
            _ => Err(StoreError::Stale),
        }
    }

    async fn delete(&mut self, _org: OrgId, id: ControlId) -> StoreResult<()> {
        self.controls.remove(&id);
        Ok(())
    }

    async fn for_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<Control>> {
        let names_one =
            |control: &&Control| control.org == org && control.requirements.iter().any(|r| names.contains(r));
        Ok(self.controls.values().filter(names_one).cloned().collect())
    }

    async fn facts(&mut self, org: OrgId, controls: &[Control]) -> StoreResult<Vec<ControlFacts>> {
        let facts = |control: &Control| {
            let open = |finding: &&Finding| {
                let name = format!("{}:{}", finding.framework_key, finding.control_ref);
                finding.org == org
                    && control.requirements.contains(&name)
                    && matches!(finding.lifecycle, Lifecycle::Open | Lifecycle::InProgress)
            };
            let count = |verdict: Verdict| {
                let count = self.findings.values().filter(open).filter(|f| f.status == verdict).count();
                i64::try_from(count).unwrap_or(i64::MAX)
            };
            ControlFacts {
                evidence: control.evidence.iter().filter_map(|id| self.evidence.get(&(org, *id)).cloned()).collect(),
                open_failures: count(Verdict::Fail),
                open_partials: count(Verdict::Partial),
            }
        };
        Ok(controls.iter().map(facts).collect())
    }
}

#[async_trait]
impl AssessmentRepo for Store {
    async fn find(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<Assessment>> {
        Ok(self.assessments.get(&id).filter(|assessment| assessment.org == org).cloned())
    }

    async fn lock(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<Assessment>> {
        AssessmentRepo::find(self, org, id).await
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Assessment>> {
        Ok(page_in_memory(self.assessments.values().filter(|assessment| assessment.org == org), query))
    }

    async fn insert(&mut self, assessment: &Assessment) -> StoreResult<()> {
        self.assessments.insert(assessment.id, assessment.clone());
        Ok(())
    }

    async fn update(&mut self, assessment: &Assessment, seen: i64) -> StoreResult<()> {
        match self.assessments.get_mut(&assessment.id) {
            Some(stored) if stored.meta.revision == seen => {
                *stored = assessment.clone();
                Ok(())
            }
            _ => Err(StoreError::Stale),
        }
    }

    async fn delete(&mut self, _org: OrgId, id: AssessmentId) -> StoreResult<()> {
        self.assessments.remove(&id);
        self.scopes.remove(&id);
        self.findings.retain(|_, finding| finding.assessment_id != id);
        Ok(())
    }

    async fn count_running(&mut self, org: OrgId) -> StoreResult<i64> {
        let running = |a: &&Assessment| a.org == org && a.status == AssessmentStatus::InProgress;
        Ok(i64::try_from(self.assessments.values().filter(running).count()).unwrap_or(i64::MAX))
    }

    async fn set_scope(&mut self, _org: OrgId, id: AssessmentId, scope: &[ScopeItem]) -> StoreResult<()> {
        self.scopes.insert(id, scope.to_vec());
        Ok(())
    }

    async fn next_scope(&mut self, _org: OrgId, id: AssessmentId, limit: usize) -> StoreResult<Vec<ScopeItem>> {
        let scope = self.scopes.get(&id).map(Vec::as_slice).unwrap_or_default();
        Ok(scope.iter().filter(|item| !item.evaluated).take(limit).cloned().collect())
    }

    async fn mark_evaluated(&mut self, _org: OrgId, id: AssessmentId, ordinals: &[i32]) -> StoreResult<()> {
        for item in self.scopes.entry(id).or_default() {
            item.evaluated |= ordinals.contains(&item.ordinal);
        }
        Ok(())
    }
}

#[async_trait]
impl FindingRepo for Store {
    async fn find(&mut self, org: OrgId, id: FindingId) -> StoreResult<Option<Finding>> {
        Ok(self.findings.get(&id).filter(|finding| finding.org == org).cloned())
    }

    async fn of_controls(&mut self, org: OrgId, id: AssessmentId, refs: &[String]) -> StoreResult<Vec<Finding>> {
        let wanted = |f: &&Finding| f.org == org && f.assessment_id == id && refs.contains(&f.control_ref);
        Ok(self.findings.values().filter(wanted).cloned().collect())
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Finding>> {
        Ok(page_in_memory(self.findings.values().filter(|finding| finding.org == org), query))
    }

    async fn insert_new(&mut self, findings: &[Finding]) -> StoreResult<usize> {
        let mut new = 0;
        for finding in findings {
            let same = |f: &Finding| f.assessment_id == finding.assessment_id && f.control_ref == finding.control_ref;
            if !self.findings.values().any(same) {
                self.findings.insert(finding.id, finding.clone());
                new += 1;
            }
        }
        Ok(new)
    }

    async fn update(&mut self, finding: &Finding, seen: i64) -> StoreResult<()> {
        match self.findings.get_mut(&finding.id) {
            Some(stored) if stored.meta.revision == seen => {
                *stored = finding.clone();
                Ok(())
            }
            _ => Err(StoreError::Stale),
        }
    }

    async fn tally(&mut self, org: OrgId, assessment: Option<AssessmentId>) -> StoreResult<Vec<Tally>> {
        let wanted = |f: &&Finding| f.org == org && assessment.is_none_or(|id| f.assessment_id == id);
        let mut tallies: Vec<Tally> = Vec::new();
        for finding in self.findings.values().filter(wanted) {
            let tally = Tally {
                family: finding.family.clone(),
                family_title: finding.family_title.clone(),
                status: finding.status,
                severity: finding.severity,
                lifecycle: finding.lifecycle,
                cited: !finding.citations.is_empty(),
                needs_review: finding.needs_review,
                unassigned: finding.owner_id.is_none(),
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

#[async_trait]
impl References for Store {
    async fn is_member(&mut self, org: OrgId, user: UserId) -> StoreResult<bool> {
        Ok(self.members.contains(&(org, user)))
    }

    async fn missing_evidence(&mut self, org: OrgId, ids: &[EvidenceId]) -> StoreResult<Vec<EvidenceId>> {
        Ok(ids.iter().copied().filter(|id| !self.evidence.contains_key(&(org, *id))).collect())
    }
}

/// A transaction over a store of its own.
#[derive(Clone, Debug, Default)]
pub struct MemTx {
    /// The records.
    pub store: Store,
    /// The journal.
    pub journal: MemJournal,
    /// The queue.
    pub jobs: MemJobs,
}

impl JournalTx for MemTx {
    fn journal(&mut self) -> &mut dyn Journal {
        &mut self.journal
    }
}

impl JobsTx for MemTx {
    fn jobs(&mut self) -> &mut dyn JobQueue {
        &mut self.jobs
    }
}

impl AssessmentsTx for MemTx {
    fn frameworks(&mut self) -> &mut dyn FrameworkRepo {
        &mut self.store
    }
    fn controls(&mut self) -> &mut dyn ControlRepo {
        &mut self.store
    }
    fn assessment_repo(&mut self) -> &mut dyn AssessmentRepo {
        &mut self.store
    }
    fn findings(&mut self) -> &mut dyn FindingRepo {
        &mut self.store
    }
    fn references(&mut self) -> &mut dyn References {
        &mut self.store
    }
}
