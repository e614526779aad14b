//! A step of a running assessment: the plan from the assessments domain, the evidence from its own, the
//! judgement, and the settlement, in one transaction.

use grc_assessments::{
    evaluator::{Corpus, Evaluator, EvidenceItem},
    execution::{self, Step},
};
use grc_evidence::{Evidence, Review};
use grc_kernel::{Ctx, Job, Refusal};
use grc_uow::Uow;

/// How many controls a step judges: their findings are committed together.
pub const BATCH: usize = 25;

/// Takes one step. A crash before its commit leaves nothing of it; the next worker takes the same step again.
pub async fn step(ctx: &Ctx, uow: &mut Uow, job: &Job, evaluator: &dyn Evaluator) -> Result<Step, Refusal> {
    let Some(plan) = execution::plan(ctx, uow.assessments(), job, BATCH).await? else { return Ok(Step::Stopped) };
    let found = uow.evidence().with_texts(ctx.org, &plan.names(), &plan.evidence()).await?;
    let corpus = Corpus::new(found.into_iter().map(item).collect());
    let findings = plan.judge(ctx, evaluator, &corpus);
    execution::settle(ctx, uow.assessments(), job, plan, findings).await
}

fn item((evidence, text): (Evidence, Option<String>)) -> EvidenceItem {
    EvidenceItem {
        id: evidence.id,
        filename: evidence.filename,
        control_refs: evidence.control_refs,
        approved: evidence.review == Review::Approved,
        rejected: evidence.review == Review::Rejected,
        collected_at: evidence.collected_at,
        valid_until: evidence.valid_until,
        sha256: evidence.sha256.unwrap_or_default(),
        text,
    }
}
