//! What this domain needs from the outside, beyond what every resource has.

use async_trait::async_trait;
use grc_kernel::{
    AssessmentId, FrameworkId, JobsTx, JournalTx, ListQuery, OrgId, Page, Repo, StoreResult, resource::References,
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
}

/// A transaction that reaches the frameworks.
pub trait FrameworksTx: Send {
    /// Frameworks.
    fn frameworks(&mut self) -> &mut dyn FrameworkRepo;
}

impl<T: FrameworkRepo> FrameworksTx for T {
    fn frameworks(&mut self) -> &mut dyn FrameworkRepo {
        self
    }
}

/// Statements over many records of an organization.
#[async_trait]
pub trait Assessing: Send {
    /// The facts that the computed status of these controls rests on, in their order.
    async fn facts(&mut self, org: OrgId, controls: &[Control]) -> StoreResult<Vec<ControlFacts>>;
    /// Makes whoever else calls this wait until the transaction ends: two executions at the same moment must not both
    /// see room for one.
    async fn one_at_a_time(&mut self, org: OrgId) -> StoreResult<()>;
    /// Stores the snapshot of the controls in scope of an assessment.
    async fn set_scope(&mut self, org: OrgId, id: AssessmentId, scope: &[ScopeItem]) -> StoreResult<()>;
    /// The next controls that are not yet evaluated, in order.
    async fn next_scope(&mut self, org: OrgId, id: AssessmentId, limit: usize) -> StoreResult<Vec<ScopeItem>>;
    /// Marks controls as evaluated.
    async fn mark_evaluated(&mut self, org: OrgId, id: AssessmentId, ordinals: &[i32]) -> StoreResult<()>;
    /// Removes the scope and the findings of an assessment that is about to go.
    async fn drop_results(&mut self, org: OrgId, id: AssessmentId) -> StoreResult<()>;
    /// Stores new findings; a control that has a finding in the assessment already keeps it. How many were new.
    async fn insert_new(&mut self, findings: &[Finding]) -> StoreResult<usize>;
    /// Findings counted by family, status, severity, lifecycle; of one assessment or of all.
    async fn tally_findings(&mut self, org: OrgId, assessment: Option<AssessmentId>) -> StoreResult<Vec<Tally>>;
}

/// A transaction over this domain's repositories.
pub trait AssessmentsTx:
    JournalTx + JobsTx + References + FrameworksTx + Assessing + Repo<Control> + Repo<Assessment> + Repo<Finding>
{
}

impl<T> AssessmentsTx for T where
    T: JournalTx + JobsTx + References + FrameworksTx + Assessing + Repo<Control> + Repo<Assessment> + Repo<Finding>
{
}

/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn AssessmentsTx` would mean a
/// shorter life than the one in [`grc_kernel::Rules::Tx`].)
pub type Tx = dyn AssessmentsTx;
