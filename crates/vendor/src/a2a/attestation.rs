//! What we asked vendors to attest, and what became of it.
//!
//! ```text
//! pending -> verified   signed by the vendor's key, for us, answering this question, in force
//!         -> rejected   answered, and not to be believed: the reason says why
//!         -> failed     no answer
//! ```
//!
//! Asking is a job: the network is never spoken to inside a transaction. Only a verified attestation changes what the
//! register says of the vendor.

use async_trait::async_trait;
use grc_attest::{Claims, Reason, Rejection};
use grc_kernel::{
    Changes, Ctx, Fact, Job, Meta, NewJob, Refusal, Repo, Resource, Rules, kit, resource,
    resource::{Cell, Machine},
    shape::{Preset, Ty, may, must},
    typed_id, wire_enum,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{
    Vendor, VendorId,
    ports::Tx,
    vendor::{self, GrantedKey},
};

/// The job that asks.
pub const JOB: &str = "vendor.attest";
/// How many frameworks, or pieces of evidence, one question may name.
pub const ASKED_MAX: usize = 50;

typed_id! {
    /// An attestation that was asked for.
    AttestationId,
}

typed_id! {
    /// The id of a proof: its attestation's.
    ProofId,
}

wire_enum! {
    /// Where an attestation stands.
    pub enum AttestationStatus {
        /// The vendor is being asked.
        Pending = "pending",
        /// It answered, and is believed.
        Verified = "verified",
        /// It answered, and is not believed.
        Rejected = "rejected",
        /// It did not answer.
        Failed = "failed",
    }
}

/// The moves of an attestation.
pub const MACHINE: Machine =
    Machine { field: "status", initial: &["pending"], moves: &[("pending", &["verified", "rejected", "failed"])] };

wire_enum! {
    /// Why a vendor did not answer.
    pub enum Silence {
        /// Its address is not one that may be reached.
        TargetRefused = "target_refused",
        /// It could not be reached.
        Unreachable = "unreachable",
        /// It took too long.
        TimedOut = "timed_out",
        /// It does not accept our key.
        AccessDenied = "access_denied",
        /// It answered in a way that is not the protocol.
        ProtocolError = "protocol_error",
        /// It refused to attest.
        Declined = "declined",
        /// Asking was given up.
        GivenUp = "given_up",
    }
}

/// Every reason that an attestation can have: of not being believed, and of not having been given.
pub const REASONS: &[&str] = &[
    "malformed",
    "unsupported_algorithm",
    "unknown_key",
    "bad_signature",
    "wrong_issuer",
    "wrong_audience",
    "wrong_nonce",
    "expired",
    "not_yet_valid",
    "nothing_attested",
    "unknown",
    "target_refused",
    "unreachable",
    "timed_out",
    "access_denied",
    "protocol_error",
    "declined",
    "given_up",
];

resource! {
    /// What a vendor was asked to attest, and what became of it.
    pub struct Attestation(AttestationId) as "VendorAttestation" {
        kind: "vendor_attestation", table: "vendor_attestations", area: "vendor", name: "id",
        sort: ("created_at", true), machine: MACHINE,
        extra: &[
            must("valid", Ty::Bool, "Whether it is believed and holds now."),
            may("token", Ty::Text(300_000), "The signed statement, when one attestation is read.").occasional(),
            may("claims", Ty::Any, "What it says, when one attestation is read.").occasional(),
        ],
    }
    /// The vendor.
    vendor_id: VendorId = Ty::Ref("vendor"), computed;
    /// The keys of the frameworks that it is asked about.
    frameworks: Vec<String> = Ty::List(&Ty::Line(64), ASKED_MAX), required, fixed, at_least(1), sample(r#"["SOC2_TYPE2"]"#);
    /// The evidence that it is asked to name.
    requested_evidence: Vec<String> = Ty::List(&Ty::Line(100), ASKED_MAX), fixed;
    /// Where it stands.
    status: AttestationStatus = Ty::Word(AttestationStatus::NAMES), computed, preset(Preset::Text("pending"));
    /// Why it is not believed, or was not given.
    reason: Option<String> = Ty::Word(REASONS), computed;
    /// The same in words.
    detail: Option<String> = Ty::Text(1_000), computed;
    /// Whom it was asked of.
    endpoint: String = Ty::Url, computed;
    /// For whom it is to be made: our public URL.
    audience: String = Ty::Line(2_048), computed;
    /// What it has to repeat.
    nonce: String = Ty::Line(100), computed;
    /// The protocol version that was spoken.
    protocol_version: Option<String> = Ty::Line(50), computed;
    /// When it was answered, or given up.
    answered_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// Who made it.
    issuer: Option<String> = Ty::Line(500), computed, filters;
    /// Of whom it speaks.
    subject: Option<String> = Ty::Line(500), computed;
    /// Its id with the issuer.
    issuer_attestation_id: Option<String> = Ty::Line(500), computed;
    /// The frameworks that it speaks of.
    attested_frameworks: Vec<String> = Ty::List(&Ty::Line(200), 20_000), computed;
    /// When it was made.
    issued_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
    /// Until when it holds.
    expires_at: Option<OffsetDateTime> = Ty::Time, computed, sorts;
}

#[async_trait]
impl Rules for Attestation {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        _: Option<&Self>,
        after: &mut Self,
        check: &mut grc_kernel::Checker,
    ) -> Result<(), Refusal> {
        check.ensure(!after.frameworks.is_empty(), "frameworks", "required", "must name a framework at least");
        Ok(())
    }
}

// Kept beside the attestation, so that lists and the journal stay light. No resource of the service's register: it is
// reached through its attestation only.
resource! {
    /// What a vendor sent, as it came.
    pub struct Proof(ProofId) as "VendorAttestationProof" {
        kind: "vendor_attestation_proof", table: "vendor_attestation_proofs", area: "vendor", name: "id",
        sort: ("created_at", true),
    }
    /// The signed statement.
    token: String = Ty::Text(300_000), computed;
    /// What it says; none where it could not be read.
    claims: Option<Map<String, Value>> = Ty::Any, computed;
}

#[async_trait]
impl Rules for Proof {
    type Tx = Tx;
}

/// What a job has to ask.
#[derive(Clone, Debug)]
pub struct Question {
    /// The attestation.
    pub attestation: Attestation,
    /// The key that the vendor granted us.
    pub key: Option<GrantedKey>,
}

/// What came of asking.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The protocol version that was spoken.
    pub protocol_version: Option<String>,
    /// The signed statement, where there was one.
    pub token: Option<String>,
    /// What to make of it.
    pub outcome: Outcome,
}

/// What to make of an answer.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is believed.
    Verified(Box<Claims>),
    /// It is not.
    Rejected(Rejection),
    /// There was none.
    Failed(Silence, String),
}

impl Attestation {
    /// Whether it is believed at a time.
    #[must_use]
    pub fn holds_at(&self, now: OffsetDateTime) -> bool {
        self.status == AttestationStatus::Verified && self.expires_at.is_some_and(|until| until > now)
    }
}

/// Wants a vendor asked. `fits` says what is wrong with an address of a form that is never asked.
pub async fn request(
    ctx: &Ctx,
    tx: &mut Tx,
    vendor: VendorId,
    changes: Changes<Attestation>,
    audience: &str,
    fits: impl FnOnce(&str) -> Result<(), String>,
) -> Result<Attestation, Refusal> {
    ctx.require(Attestation::permission(Attestation::WRITE))?;
    let vendor = kit::find::<Vendor>(ctx, tx, vendor).await?;
    let Some(endpoint) = vendor.a2a_endpoint else {
        return Err(Refusal::Conflict("the vendor has no a2a_endpoint to ask".to_owned()));
    };
    fits(&endpoint).map_err(|detail| Refusal::field("a2a_endpoint", "invalid", format!("of the vendor {detail}")))?;
    let nonce: grc_kernel::Uuid = ctx.new_id();
    let changes = changes
        .set("vendor_id", Cell::Id(vendor.id.0))
        .set("endpoint", Cell::Text(endpoint))
        .set("audience", Cell::Text(audience.to_owned()))
        .set("nonce", Cell::Text(nonce.to_string()));
    let attestation = kit::add(ctx, tx, changes).await?;
    let job = NewJob { kind: JOB, subject: attestation.id.0, payload: json!({}), max_attempts: 3 };
    tx.jobs().enqueue(ctx, job).await?;
    Ok(attestation)
}

/// One attestation, with what the vendor sent where it sent something.
pub async fn get(ctx: &Ctx, tx: &mut Tx, id: AttestationId) -> Result<(Attestation, Option<Proof>), Refusal> {
    let attestation = kit::get::<Attestation>(ctx, tx, id).await?;
    let proof = Repo::<Proof>::find(tx, ctx.org, ProofId(id.0)).await?;
    Ok((attestation, proof))
}

/// What a job is to ask; none where there is nothing left to do. Called by the job worker.
pub async fn begin(ctx: &Ctx, tx: &mut Tx, job: &Job) -> Result<Option<Question>, Refusal> {
    let found = Repo::<Attestation>::find(tx, ctx.org, AttestationId(job.subject)).await?;
    let Some(attestation) = found.filter(|found| found.status == AttestationStatus::Pending) else { return Ok(None) };
    let vendor = Repo::<Vendor>::find(tx, ctx.org, attestation.vendor_id).await?;
    Ok(vendor.map(|vendor| {
        // The key is the vendor's word for its own server: it goes nowhere else.
        let key = vendor.a2a_key.filter(|_| vendor.a2a_endpoint.as_ref() == Some(&attestation.endpoint));
        Question { attestation, key }
    }))
}

/// Keeps what came of asking, and completes the job. Called by the job worker.
pub async fn finish(ctx: &Ctx, tx: &mut Tx, job: &Job, answer: Answer) -> Result<Option<Attestation>, Refusal> {
    tx.jobs().hold(job).await?;
    let id = AttestationId(job.subject);
    let found = Repo::<Attestation>::lock(tx, ctx.org, id).await?;
    let Some(before) = found.filter(|found| found.status == AttestationStatus::Pending) else {
        tx.jobs().complete(job).await?;
        return Ok(None);
    };
    if let Some(token) = answer.token.clone() {
        let claims = match &answer.outcome {
            Outcome::Verified(claims) => Some(claims.all.clone()),
            _ => grc_attest::Sealed::open(&token).ok().map(|sealed| sealed.claims.all),
        };
        let proof = Proof { id: ProofId(id.0), org: ctx.org, token, claims, meta: Meta::new(ctx) };
        Repo::<Proof>::insert(tx, &proof).await?;
    }
    let (after, verb) = settled(ctx, &before, &answer);
    Repo::<Attestation>::update(tx, &after, before.meta.revision).await?;
    if after.status == AttestationStatus::Verified {
        vendor::attested(ctx, tx, after.vendor_id, after.expires_at).await?;
    }
    tx.journal().record(ctx, Fact::moved(verb, &before, &after)).await?;
    tx.jobs().complete(job).await?;
    Ok(Some(after))
}

fn settled(ctx: &Ctx, before: &Attestation, answer: &Answer) -> (Attestation, &'static str) {
    let mut after = before.clone();
    after.meta.touch(ctx);
    after.answered_at = Some(ctx.now);
    after.protocol_version.clone_from(&answer.protocol_version);
    match &answer.outcome {
        Outcome::Verified(claims) => {
            after.status = AttestationStatus::Verified;
            after.issuer = Some(claims.issuer.clone());
            after.subject.clone_from(&claims.subject);
            after.issuer_attestation_id.clone_from(&claims.id);
            after.attested_frameworks.clone_from(&claims.frameworks);
            after.issued_at = claims.issued_at;
            after.expires_at = Some(claims.expires_at);
            (after, "verified")
        }
        Outcome::Rejected(Rejection { reason, detail }) => {
            after.status = AttestationStatus::Rejected;
            after.reason = Some(reason.as_str().to_owned());
            after.detail = Some(short(detail));
            (after, "rejected")
        }
        Outcome::Failed(silence, detail) => {
            after.status = AttestationStatus::Failed;
            after.reason = Some(silence.as_str().to_owned());
            after.detail = Some(short(detail));
            (after, "failed")
        }
    }
}

/// What a peer says is shortened and cleaned before it is kept.
fn short(detail: &str) -> String {
    detail.chars().filter(|c| !c.is_control()).take(1_000).collect()
}

/// Notes that asking was given up. Called by the job worker.
pub async fn fail(ctx: &Ctx, tx: &mut Tx, id: AttestationId, why: &str) -> Result<(), Refusal> {
    let found = Repo::<Attestation>::lock(tx, ctx.org, id).await?;
    let Some(before) = found.filter(|found| found.status == AttestationStatus::Pending) else { return Ok(()) };
    let outcome = Outcome::Failed(Silence::GivenUp, why.to_owned());
    let (after, verb) = settled(ctx, &before, &Answer { protocol_version: None, token: None, outcome });
    Repo::<Attestation>::update(tx, &after, before.meta.revision).await?;
    Ok(tx.journal().record(ctx, Fact::moved(verb, &before, &after)).await?)
}

/// The reason of a rejection by its wire name: what metrics are counted by.
#[must_use]
pub fn is_rejection(reason: &str) -> bool {
    Reason::NAMES.contains(&reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_declared() {
        let all: Vec<&str> = Reason::NAMES.iter().chain(Silence::NAMES).copied().collect();
        assert_eq!(all, REASONS);
    }
}
