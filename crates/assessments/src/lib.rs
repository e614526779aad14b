//! From evidence to findings: frameworks and their controls, the controls an organization runs, assessments,
//! and the evaluator that judges each control in scope.
//!
//! Reading order: [`framework`] (what is asked), [`control`] (what is done), [`assessment`] (the state machine),
//! [`evaluator`] (the judgement), [`execution`] (one step of a running assessment), [`finding`] (its results).
//!
//! Evidence belongs to another domain; the evaluator sees it as [`evaluator::EvidenceItem`], which the caller
//! brings.

pub mod assessment;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod control;
pub mod evaluator;
pub mod execution;
pub mod finding;
pub mod framework;
pub mod mem;
pub mod ports;

use grc_kernel::resource::Declared;

pub use assessment::{Assessment, AssessmentStatus, ScopeItem};
pub use control::Control;
pub use finding::Finding;
pub use framework::{Framework, Requirement, RequirementId};
pub use ports::AssessmentsTx;

/// The resources of this domain.
pub const RESOURCES: &[Declared] =
    &[Declared::of::<Control>(), Declared::of::<Assessment>(), Declared::of::<Finding>()];
