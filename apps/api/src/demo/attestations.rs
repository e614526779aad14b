//! What the demo asks of a vendor, and what it attests to a partner.

use grc_flows::attesting::{self, Ask};
use grc_kernel::{Ctx, Repo, Resource};
use grc_vendor::{Attestation, Grant, VendorId, a2a::attestation};

use super::{
    Stage,
    acts::{Request, id},
};
use crate::{a2a::Signing, http::problem::Problem, serve::App};

/// Wants a vendor asked: a job does it, and notes that nobody answers at an address that does not exist.
pub(super) async fn ask(stage: &mut Stage<'_>, ctx: &Ctx, vendor: &str, request: &Request) -> Result<(), Problem> {
    let vendor = VendorId(id(vendor)?);
    let outbound = &stage.app.a2a.outbound;
    let fits = |url: &str| outbound.target(url).map(|_| ()).map_err(|refused| refused.to_string());
    let changes = request.making::<Attestation>()?;
    attestation::request(ctx, stage.uow.vendor(), vendor, changes, &stage.app.public_url, fits).await?;
    Ok(())
}

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
