//! What this domain needs from the outside: its repositories, and narrow looks at other domains.

use async_trait::async_trait;
use grc_kernel::{
    AssessmentId, ControlId, EvidenceId, FindingId, FrameworkId, JobsTx, JournalTx, ListQuery, OrgId, Page,
    StoreResult, UserId,
};

use crate::{
    assessment::{Assessment, ScopeItem},
    control::{Control, ControlFacts},
    finding::{Finding, Tally},
    framework::{Framework, Requirement, RequirementId},
};

/// Frameworks: the built-in ones, which everybody sees, and an organization's own.
#[async_trait]
pub trait FrameworkRepo: Send {
    /// By id: built in, or of one of these organizations.
    async fn find(&mut self, orgs: &[OrgId], id: FrameworkId) -> StoreResult<Option<Framework>>;
    /// By key: the organization's own first, then the built-in one.
    async fn find_by_key(&mut self, org: OrgId, key: &str) -> StoreResult<Option<Framework>>;
    /// A page of the built-in ones and those of these organizations.
    async fn page(&mut self, orgs: &[OrgId], query: &ListQuery) -> StoreResult<Page<Framework>>;
    /// A page of a framework's controls.
    async fn page_requirements(&mut self, id: FrameworkId, query: &ListQuery) -> StoreResult<Page<Requirement>>;
    /// One control of a framework.
    async fn find_requirement(
        &mut self,
        id: FrameworkId,
        requirement: RequirementId,
    ) -> StoreResult<Option<Requirement>>;
    /// One control of a framework by its ref.
    async fn find_requirement_by_ref(&mut self, id: FrameworkId, control_ref: &str)
    -> StoreResult<Option<Requirement>>;
    /// All controls of a framework, in its order.
    async fn requirements(&mut self, id: FrameworkId) -> StoreResult<Vec<Requirement>>;
    /// Those of these `KEY:ref` names that no framework visible to the organization has.
    async fn unknown_names(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<String>>;
    /// Stores a framework and its controls; `Duplicate("key")`.
    async fn insert(&mut self, framework: &Framework, requirements: &[Requirement], source: &str) -> StoreResult<()>;
    /// The document that a framework was imported from; none for a built-in one.
    async fn document(&mut self, id: FrameworkId) -> StoreResult<Option<String>>;
    /// Removes a framework and its controls.
    async fn delete(&mut self, org: OrgId, id: FrameworkId) -> StoreResult<()>;
    /// Whether an assessment uses it.
    async fn in_use(&mut self, org: OrgId, id: FrameworkId) -> StoreResult<bool>;
}

/// The controls that an organization runs.
#[async_trait]
pub trait ControlRepo: Send {
    /// By id.
    async fn find(&mut self, org: OrgId, id: ControlId) -> StoreResult<Option<Control>>;
    /// A page.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Control>>;
    /// Stores a new one.
    async fn insert(&mut self, control: &Control) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, control: &Control, seen: i64) -> StoreResult<()>;
    /// Removes one.
    async fn delete(&mut self, org: OrgId, id: ControlId) -> StoreResult<()>;
    /// Those that name any of these requirements (`KEY:ref`).
    async fn for_requirements(&mut self, org: OrgId, names: &[String]) -> StoreResult<Vec<Control>>;
    /// The facts that the computed status of these controls rests on, in their order.
    async fn facts(&mut self, org: OrgId, controls: &[Control]) -> StoreResult<Vec<ControlFacts>>;
}

/// Assessments and their scope.
#[async_trait]
pub trait AssessmentRepo: Send {
    /// By id.
    async fn find(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<Assessment>>;
    /// By id, locked until the transaction ends.
    async fn lock(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<Option<Assessment>>;
    /// A page.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Assessment>>;
    /// Stores a new one.
    async fn insert(&mut self, assessment: &Assessment) -> StoreResult<()>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, assessment: &Assessment, seen: i64) -> StoreResult<()>;
    /// Removes one with its scope and findings.
    async fn delete(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<()>;
    /// How many are in progress. Concurrent callers wait for each other, so that a limit holds.
    async fn count_running(&mut self, org: OrgId) -> StoreResult<i64>;
    /// Stores the snapshot of the controls in scope.
    async fn set_scope(&mut self, org: OrgId, id: AssessmentId, scope: &[ScopeItem]) -> StoreResult<()>;
    /// The next controls that are not yet evaluated, in order.
    async fn next_scope(&mut self, org: OrgId, id: AssessmentId, limit: usize) -> StoreResult<Vec<ScopeItem>>;
    /// Marks controls as evaluated.
    async fn mark_evaluated(&mut self, org: OrgId, id: AssessmentId, ordinals: &[i32]) -> StoreResult<()>;
}

/// Findings.
#[async_trait]
pub trait FindingRepo: Send {
    /// By id.
    async fn find(&mut self, org: OrgId, id: FindingId) -> StoreResult<Option<Finding>>;
    /// The finding of a control in an assessment.
    async fn of_controls(&mut self, org: OrgId, id: AssessmentId, refs: &[String]) -> StoreResult<Vec<Finding>>;
    /// A page.
    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<Finding>>;
    /// Stores new ones; a control that has a finding in the assessment already keeps it. How many were new.
    async fn insert_new(&mut self, findings: &[Finding]) -> StoreResult<usize>;
    /// Stores a change; `Stale` unless the stored revision is `seen`.
    async fn update(&mut self, finding: &Finding, seen: i64) -> StoreResult<()>;
    /// Findings counted by family, status, severity, lifecycle; of one assessment or of all.
    async fn tally(&mut self, org: OrgId, assessment: Option<AssessmentId>) -> StoreResult<Vec<Tally>>;
}

/// Looks at other domains' records: whether an id that a client gave names something of the organization.
#[async_trait]
pub trait References: Send {
    /// Whether this is an active member.
    async fn is_member(&mut self, org: OrgId, user: UserId) -> StoreResult<bool>;
    /// Those of these pieces of evidence that do not exist.
    async fn missing_evidence(&mut self, org: OrgId, ids: &[EvidenceId]) -> StoreResult<Vec<EvidenceId>>;
}

/// A transaction over this domain's repositories.
pub trait AssessmentsTx: JournalTx + JobsTx {
    /// Frameworks.
    fn frameworks(&mut self) -> &mut dyn FrameworkRepo;
    /// Implemented controls.
    fn controls(&mut self) -> &mut dyn ControlRepo;
    /// Assessments.
    fn assessment_repo(&mut self) -> &mut dyn AssessmentRepo;
    /// Findings.
    fn findings(&mut self) -> &mut dyn FindingRepo;
    /// Other domains' records.
    fn references(&mut self) -> &mut dyn References;
}
