//! The tools of our server: what each takes, who may call it, what it answers. Partners ask for attestations;
//! the organization's own keys read its registers besides; anybody who is logged in may have an attestation of ours
//! checked.

use std::{sync::Arc, time::Instant};

use grc_attest::{Expected, Reason, Rejection, judge};
use grc_flows::attesting::{self, Ask};
use grc_kernel::{Actor, Ctx, OrgId, Uuid, record::timestamp};
use grc_uow::StoredReply;
use grc_vendor::Grant;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{JWKS_PATH, Signing, registers};
use crate::{
    adapters::{clock, jwks::KeySet},
    http::{
        call::found,
        caller::{Caller, Credential},
        problem::Problem,
        shape::{Input, Shape, Shaped, Ty, may, must},
    },
    serve::App,
    shapes,
};

shapes! {
    /// What is to be attested.
    RequestAttestation [&[
        must("frameworks", Ty::List(&Ty::Line(100), attesting::ASKED_MAX), "The keys of frameworks: `SOC2_TYPE2`, `ISO27001`."),
        may("requested_evidence", Ty::List(&Ty::Line(100), attesting::ASKED_MAX), "What evidence to name: `audit_report`, `certificate`."),
        may("audience", Ty::Line(500), "For whom the attestation is made: the asker's public URL."),
        may("nonce", Ty::Line(200), "What the attestation has to repeat."),
    ]],
    /// Nothing.
    ListFrameworks [&[]],
    /// An attestation to be checked.
    VerifyAttestation [&[
        must("attestation", Ty::Text(262_144), "The signed attestation, a compact JWS."),
        may("audience", Ty::Line(500), "For whom it must be made."),
        may("nonce", Ty::Line(200), "What it must repeat."),
    ]],
}

/// A tool.
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its arguments.
    pub takes: &'static Shape,
    /// Whether partners may call it.
    pub for_partners: bool,
    /// Whether it needs an organization.
    pub at_home: bool,
}

/// All tools.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "request_attestation",
        doc: "A signed attestation (JWS, EdDSA) of this organization's compliance with frameworks: result counts and score of \
              the last completed assessment of each, and requested evidence by name, SHA-256 and dates.",
        takes: RequestAttestation::SHAPE,
        for_partners: true,
        at_home: true,
    },
    Tool {
        name: "list_frameworks",
        doc: "The frameworks that the caller may ask about, and how the organization stands with each.",
        takes: ListFrameworks::SHAPE,
        for_partners: true,
        at_home: true,
    },
    Tool {
        name: "verify_attestation",
        doc: "Whether an attestation was issued here and holds: signature, time, and audience and nonce where given.",
        takes: VerifyAttestation::SHAPE,
        for_partners: true,
        at_home: false,
    },
    Tool {
        name: "list_records",
        doc: "A page of one of the organization's registers.",
        takes: registers::ListRecords::SHAPE,
        for_partners: false,
        at_home: true,
    },
    Tool {
        name: "get_record",
        doc: "One record of one of the organization's registers.",
        takes: registers::GetRecord::SHAPE,
        for_partners: false,
        at_home: true,
    },
];

/// Who asks.
#[derive(Clone)]
pub struct Asking {
    /// The service.
    pub app: actix_web::web::Data<App>,
    /// The caller.
    pub caller: Arc<Caller>,
    /// The id of its request.
    pub request_id: String,
    /// Its `Idempotency-Key`: what the message asks for happens once for it, whatever id the message has.
    pub key: Option<String>,
}

impl Asking {
    /// The organization that the credential belongs to, and what it may do there; none for a person, who belongs to any
    /// number of them.
    fn home(&self) -> Option<(OrgId, Actor)> {
        self.caller.at_home()
    }

    fn grant(&self) -> Option<&Grant> {
        match &self.caller.credential {
            Credential::Partner(grant) => Some(grant),
            _ => None,
        }
    }

    /// The tools that the caller has.
    pub fn tools(&self) -> impl Iterator<Item = &'static Tool> + '_ {
        let (partner, home) = (self.grant().is_some(), self.home().is_some());
        TOOLS.iter().filter(move |tool| (tool.for_partners || !partner) && (home || !tool.at_home))
    }

    /// Calls a tool. None where the caller has no such tool: which ones others have is none of its business.
    pub async fn call(&self, name: &str, arguments: Map<String, Value>) -> Option<Result<Value, Problem>> {
        let tool = self.tools().find(|tool| tool.name == name)?;
        let begun = Instant::now();
        let answer = self.carry_out(tool, arguments).await;
        self.app.a2a.meter.asked(tool.name, begun.elapsed());
        Some(answer)
    }

    async fn carry_out(&self, tool: &Tool, arguments: Map<String, Value>) -> Result<Value, Problem> {
        let arguments = Value::Object(arguments).to_string();
        let input = tool.takes.read(arguments.as_bytes())?;
        if tool.name == "verify_attestation" {
            return self.verify(&input).await;
        }
        let (org, actor) = self.home().ok_or_else(Problem::unauthorized)?;
        let ctx = self.ctx(org, actor);
        match tool.name {
            "request_attestation" => self.attest(&ctx, &input, Sha256::digest(arguments).into()).await,
            "list_frameworks" => self.frameworks(&ctx).await,
            "list_records" => self.app.db.read(org, async |uow| registers::list(&ctx, uow, &input).await).await,
            "get_record" => self.app.db.read(org, async |uow| registers::get(&ctx, uow, &input).await).await,
            _ => Err(Problem::not_found()),
        }
    }

    fn ctx(&self, org: OrgId, actor: Actor) -> Ctx {
        Ctx::new(org, actor, clock::now(), self.request_id.clone(), Arc::clone(&self.app.ids))
    }

    async fn attest(&self, ctx: &Ctx, input: &Input, digest: [u8; 32]) -> Result<Value, Problem> {
        let ask = Ask {
            frameworks: input.get("frameworks").unwrap_or_default(),
            requested_evidence: input.get("requested_evidence").unwrap_or_default(),
            audience: input.get("audience"),
            nonce: input.get("nonce"),
        };
        let (app, grant) = (&self.app, self.grant());
        let signing = Signing { tokens: &app.tokens, issuer: &app.public_url };
        let caller = self.caller.id();
        let made: Result<(Value, bool), Problem> = app
            .db
            .write(ctx.org, async |uow| {
                if let Some(key) = &self.key
                    && let Some(kept) = found(uow.app().reserve(ctx.org, caller, key, ctx.now).await?, digest)?
                {
                    let kept = serde_json::from_slice(&kept.body);
                    return Ok((kept.map_err(|error| Problem::new(500, error.to_string()))?, false));
                }
                let (issued, token) = attesting::attest(ctx, uow, grant, ask, &signing).await?;
                let answer = json!({
                    "attestation": token,
                    "id": issued.id.0.to_string(),
                    "issuer": app.public_url,
                    "jwks_url": format!("{}{JWKS_PATH}", app.public_url),
                    "issued_at": timestamp(issued.issued_at),
                    "expires_at": timestamp(issued.expires_at),
                    "frameworks": issued.claims.get("frameworks"),
                    "evidence": issued.claims.get("evidence"),
                    "missing": issued.claims.get("missing"),
                });
                if let Some(key) = &self.key {
                    let body = answer.to_string().into_bytes();
                    let reply = StoredReply { request_digest: digest, status: 200, headers: Vec::new(), body };
                    uow.app().keep(ctx.org, caller, key, &reply, ctx.now).await?;
                }
                Ok((answer, true))
            })
            .await;
        let (answer, fresh) = made?;
        if fresh {
            app.a2a.meter.issued();
        }
        Ok(answer)
    }

    async fn frameworks(&self, ctx: &Ctx) -> Result<Value, Problem> {
        let grant = self.grant();
        let offered: Result<_, Problem> =
            self.app.db.read(ctx.org, async |uow| Ok(attesting::offered(ctx, uow, grant).await?)).await;
        let shown = offered?.into_iter().map(|(framework, standing)| {
            json!({
                "key": framework.key, "name": framework.name, "version": framework.version,
                "assessed_at": standing.as_ref().map(|standing| timestamp(standing.assessed_at)),
                "score": standing.and_then(|standing| standing.score),
            })
        });
        Ok(json!({"frameworks": shown.collect::<Vec<_>>()}))
    }

    async fn verify(&self, input: &Input) -> Result<Value, Problem> {
        let (audience, nonce): (Option<String>, Option<String>) = (input.get("audience"), input.get("nonce"));
        let app = &self.app;
        let expected = Expected {
            issuers: &[&app.public_url],
            origin: None,
            audience: audience.as_deref(),
            nonce: nonce.as_deref(),
            frameworks: &[],
            now: clock::now(),
        };
        let keys = KeySet::parse(&app.tokens.jwks());
        let token = input.text("attestation");
        let judged = judge(token.trim(), |kid, input, signature| keys.check(kid, input, signature), &expected);
        let judged = match judged {
            // The signature is ours, so the subject is the organization that issued it.
            Ok(claims) => {
                let org = claims.subject.as_deref().and_then(|text| text.strip_prefix("urn:uuid:")).and_then(id);
                let known = match (org, claims.id.as_deref().and_then(id)) {
                    (Some(org), Some(id)) => {
                        let ctx = self.ctx(OrgId(org), Actor::anonymous());
                        let found: Result<bool, Problem> =
                            app.db.read(OrgId(org), async |uow| Ok(attesting::was_issued(&ctx, uow, id).await?)).await;
                        found?
                    }
                    _ => false,
                };
                let unknown = Rejection::new(Reason::Unknown, "nothing is known of such an attestation");
                if known { Ok(claims) } else { Err(unknown) }
            }
            Err(rejection) => Err(rejection),
        };
        Ok(match judged {
            Ok(claims) => json!({"valid": true, "claims": claims.all, "expires_at": timestamp(claims.expires_at)}),
            Err(Rejection { reason, detail }) => json!({"valid": false, "reason": reason.as_str(), "detail": detail}),
        })
    }
}

fn id(text: &str) -> Option<Uuid> {
    Uuid::parse_str(text).ok().filter(|id| !id.is_nil())
}
