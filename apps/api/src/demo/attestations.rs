//! What the demo attests to a partner.

use grc_flows::attesting::{self, Ask};
use grc_kernel::{Ctx, Repo, Resource};
use grc_vendor::Grant;

use crate::{a2a::Signing, http::problem::Problem, serve::App};

/// Attests the completed assessments to the partner that was let ask.
pub(super) async fn attest(app: &App, ctx: &Ctx) -> Result<(), Problem> {
    app.db
        .write(ctx.org, async |uow| -> Result<(), Problem> {
            let page = Repo::<Grant>::page(uow.vendor(), ctx.org, &Grant::LIST.query().limited(1)).await?;
            let Some(grant) = page.items.first() else { return Ok(()) };
            let ask = Ask {
                frameworks: grant.frameworks.clone(),
                requested_evidence: vec!["security-policy".to_owned()],
                audience: Some("https://grc.lanternfish.example".to_owned()),
                nonce: None,
            };
            let sealer = Signing { tokens: &app.tokens, issuer: &app.public_url };
            attesting::attest(ctx, uow, Some(grant), ask, &sealer).await?;
            Ok(())
        })
        .await
}
