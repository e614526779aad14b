//! Grants and questions to vendors.

use grc_kernel::{Changes, Ctx, Fault, FaultKind, OrgId, Uuid, kit};
use time::Duration;

use super::Outcome;
use crate::{
    Grant,
    a2a::{
        attestation::{self, AttestationStatus, Silence},
        grant, key,
    },
    ports::Tx,
    vendor::named,
};

/// A grant is found by its key, in its organization, while it lasts.
pub(super) async fn grants(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let of = |name: &str| {
        let name = name.to_owned();
        Changes::with(move |grant: &mut Grant| {
            grant.partner = name;
            grant.frameworks = vec!["SOC2_TYPE2".to_owned(), "SOC2_TYPE2".to_owned()];
        })
    };
    let until = ctx.now + Duration::hours(1);
    let lasting = of("Customer AG").and(move |grant: &mut Grant| grant.expires_at = Some(until));
    let (made, secret) = grant::issue(ctx, tx, lasting, [7; 32]).await?;
    assert_eq!(made.frameworks, ["SOC2_TYPE2"]);
    assert_eq!(key::org_of(&secret), Some(ctx.org));
    assert!(secret.starts_with(&made.prefix) && !made.key_hash.is_empty());
    let (_, other) = grant::issue(ctx, tx, of("Other"), [8; 32]).await?;
    let later = ctx.now + Duration::minutes(5);
    let found = grant::authenticate(tx, ctx.org, &secret, later).await?.unwrap();
    assert_eq!(found.id, made.id);
    let noted = kit::find::<Grant>(ctx, tx, made.id).await?;
    assert_eq!((noted.last_used_at, noted.meta.revision), (Some(later), 1));
    assert!(grant::authenticate(tx, ctx.org, &secret, until).await?.is_none());
    assert!(grant::authenticate(tx, ctx.org, &key::make(ctx.org, [9; 32]), ctx.now).await?.is_none());
    assert!(grant::authenticate(tx, OrgId(Uuid::from_u128(99)), &other, ctx.now).await?.is_none());
    kit::remove::<Grant>(ctx, tx, made.id, None).await?;
    assert!(grant::authenticate(tx, ctx.org, &secret, ctx.now).await?.is_none());
    Ok(())
}

/// A vendor is asked where it can be, and giving up changes nothing of it.
pub(super) async fn questions(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let ask = || Changes::with(|one: &mut attestation::Attestation| one.frameworks = vec!["SOC2_TYPE2".to_owned()]);
    let silent = kit::create(ctx, tx, named("Without an endpoint")).await?;
    let refused = attestation::request(ctx, tx, silent.id, ask(), "https://us.example.org", |_| Ok(())).await;
    assert_eq!(refused.unwrap_err().kind(), FaultKind::Conflict);
    let at = named("With an endpoint").and(|vendor| vendor.a2a_endpoint = Some("https://v.example.org/mcp".to_owned()));
    let vendor = kit::create(ctx, tx, at).await?;
    let bad = attestation::request(ctx, tx, vendor.id, ask(), "x", |_| Err("is inside".to_owned())).await;
    assert_eq!(bad.unwrap_err().fields().first().map(|field| field.field.as_str()), Some("a2a_endpoint"));
    let asked = attestation::request(ctx, tx, vendor.id, ask(), "https://us.example.org", |_| Ok(())).await?;
    assert_eq!((asked.status, asked.endpoint.as_str()), (AttestationStatus::Pending, "https://v.example.org/mcp"));
    attestation::fail(ctx, tx, asked.id, "three attempts").await?;
    let (after, proof) = attestation::get(ctx, tx, asked.id).await?;
    assert_eq!((after.status, after.reason.as_deref()), (AttestationStatus::Failed, Some(Silence::GivenUp.as_str())));
    assert!(proof.is_none() && !after.holds_at(ctx.now));
    assert_eq!(kit::find::<crate::Vendor>(ctx, tx, vendor.id).await?.attested_until, None);
    Ok(())
}
