//! Asking a vendor in the background: the question is read in one transaction, asked in none, and what came of it kept in
//! another.

use actix_web::web::Data;
use grc_kernel::{Ctx, Job};
use grc_vendor::a2a::attestation::{self, Outcome};

use super::inquiry::{Inquiry, inquire};
use crate::{adapters::clock, http::problem::Problem, serve::App};

/// Carries out a question.
pub async fn carry_out(app: &Data<App>, ctx: &Ctx, job: &Job) -> Result<(), Problem> {
    let question = app.db.read(job.org, async |uow| attestation::begin(ctx, uow.vendor(), job).await).await?;
    let Some(question) = question else {
        return Ok(app.db.write(job.org, async |uow| uow.vendor().jobs().complete(job).await).await?);
    };
    let asked = question.attestation;
    let inquiry = Inquiry {
        endpoint: asked.endpoint,
        key: question.key.map(|key| key.reveal().to_owned()),
        frameworks: asked.frameworks,
        requested_evidence: asked.requested_evidence,
        audience: asked.audience,
        nonce: asked.nonce,
    };
    let answer = inquire(&app.a2a.outbound, &inquiry, clock::now).await;
    let outcome = answer.outcome.clone();
    // The answer was a while in coming: what is kept is of now.
    let ctx = ctx.clone().at(clock::now());
    let kept = app.db.write(job.org, async |uow| attestation::finish(&ctx, uow.vendor(), job, answer).await).await?;
    if kept.is_some() {
        match outcome {
            Outcome::Verified(_) => app.a2a.meter.verified(),
            Outcome::Rejected(rejection) => app.a2a.meter.rejected(rejection.reason.as_str()),
            Outcome::Failed(silence, _) => app.a2a.meter.failed(silence.as_str()),
        }
    }
    Ok(())
}
