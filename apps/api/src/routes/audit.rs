//! The audit log: every change of the organization, as the journal keeps it, with the proofs that it is what it was.

use grc_audit::{
    Checkpoint, Keys, checkpoint, prove,
    verify::{Reason, Report},
};
use grc_kernel::{
    Ctx, Fact, ListQuery, ListSpec, Record, StoreError, StoreResult, Uuid,
    journal::{self, Entry},
    list::Scalar,
};
use grc_uow::Uow;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use tokio::sync::Semaphore;

use crate::{
    audit::{check::check, notary},
    http::{
        call::{Answer, AuditRead, Body, Call, Is, Listed, Reply},
        export,
        list::{Ask, Listing},
        problem::Problem,
        shape::{Ty, must, null},
    },
    routes::assessments::NoBody,
    shapes,
};

/// How many checks run at a time: each takes a core as long as the journal is long.
static CHECKS: Semaphore = Semaphore::const_new(1);

const HASH: Ty = Ty::Text(64);

shapes! {
    /// Who did something.
    AuditActor [&[
        must("type", Ty::Word(&["user", "api_key", "service_token", "system", "anonymous"]), "What kind of actor."),
        must("id", Ty::Id, "Which one; nil for the service itself."),
        must("name", Ty::Text(300), "Its name at the time."),
    ]],
    /// One change, or one act that changed nothing but is kept: a log-in, a download. The hash is SHA-256 over the
    /// previous entry's hash and the canonical form (RFC 8785) of this one.
    AuditEntry [&[
        must("id", Ty::Id, "Its id."),
        must("org_id", Ty::Id, "The organization."),
        must("sequence", Ty::Int(1, i64::MAX), "1, 2, 3 within the organization, without a gap."),
        must("occurred_at", Ty::Time, "When."),
        must("actor", Ty::Object(AuditActor::SHAPE), "Who."),
        must("action", Ty::Text(100), "What: the resource's type and a verb."),
        must("resource_type", Ty::Text(100), "To what kind of record."),
        must("resource_id", Ty::Id, "To which one."),
        null("revision", Ty::Int(0, i64::MAX), "The record's revision after it."),
        null("before", Ty::Any, "The record before; null for a creation."),
        null("after", Ty::Any, "The record after; null for a deletion."),
        must("request_id", Ty::Text(200), "In which request."),
        must("feed", Ty::Bool, "Whether the change feed shows it: changes, not log-ins and the like."),
        must("prev_hash", Ty::Text(64), "The hash of the entry before it, in hex; zeros for the first."),
        must("hash", Ty::Text(64), "Its own hash, in hex."),
        must("canonical_version", Ty::Int(1, i64::MAX), "The version of the canonical form that was hashed."),
    ]],
    /// A signed head of the Merkle tree (RFC 9162) over the first entries of the audit log; the data of a leaf is an entry's
    /// hash. The note is a C2SP checkpoint, signed (Ed25519) by a key of `/.well-known/jwks.json`.
    AuditCheckpoint [&[
        must("id", Ty::Id, "Its id."),
        must("tree_size", Ty::Int(1, i64::MAX), "Over how many entries."),
        must("root_hash", HASH, "The root of the tree, in hex."),
        must("note", Ty::Text(1_000), "The signed text."),
        must("created_at", Ty::Time, "When it was signed."),
    ]],
    /// That an entry is in the tree of a checkpoint (RFC 9162, section 2.1.3).
    AuditProof [&[
        must("leaf_index", Ty::Int(0, i64::MAX), "The entry's place in the tree: its sequence less one."),
        must("tree_size", Ty::Int(1, i64::MAX), "How many entries the tree has."),
        must("leaf_hash", HASH, "SHA-256 over the byte 0 and the entry's hash, in hex."),
        must("root_hash", HASH, "The root of the tree, in hex."),
        must("path", Ty::List(&HASH, 64), "The hashes beside the way from the leaf to the root, the lowest first, in hex."),
        must("checkpoint", Ty::Object(AuditCheckpoint::SHAPE), "The newest checkpoint, which it is against."),
    ]],
    /// That the tree of a checkpoint began as that of an earlier one (RFC 9162, section 2.1.4).
    AuditConsistency [&[
        must("first", Ty::Object(AuditCheckpoint::SHAPE), "The earlier checkpoint."),
        must("second", Ty::Object(AuditCheckpoint::SHAPE), "The later one."),
        must("path", Ty::List(&HASH, 65), "The hashes of the proof, in hex."),
    ]],
    /// An entry that is not as it must be.
    AuditDefect [&[
        must("sequence", Ty::Int(0, i64::MAX), "Its number, or that which it would have."),
        null("id", Ty::Id, "Its id; null where it is not there."),
        must("reason", Ty::Word(Reason::NAMES), "What is wrong with it."),
    ]],
    /// What a check of the whole audit log found.
    AuditVerdict [&[
        must("valid", Ty::Bool, "Whether everything is as it must be."),
        must("entries", Ty::Int(0, i64::MAX), "How many entries are, from the first on."),
        null("first_bad", Ty::Object(AuditDefect::SHAPE), "The first entry that is not."),
        must("checkpoints", Ty::Int(0, i64::MAX), "How many checkpoints of the database hold."),
        must("witnessed_entries", Ty::Int(0, i64::MAX), "How many entries are the ones that were written outside of the database."),
        must("witnessed_checkpoints", Ty::Int(0, i64::MAX), "How many checkpoints from outside of the database hold."),
        must("unreadable_lines", Ty::Int(0, i64::MAX), "How many lines from outside say nothing: such as a crash leaves behind."),
    ]],
}

impl Listing for AuditCheckpoint {
    const SPEC: &'static ListSpec = &checkpoint::LIST;
    type Item = Self;
}

impl Listing for AuditEntry {
    const SPEC: &'static ListSpec = &journal::LIST;
    type Item = Self;
}

/// An entry as the wire shows it.
pub fn shown(entry: &Entry) -> Value {
    let mut body = entry.snapshot();
    if let Value::Object(members) = &mut body {
        members.insert("prev_hash".into(), hex::encode(entry.prev_hash).into());
        members.insert("hash".into(), hex::encode(entry.hash).into());
        members.insert("canonical_version".into(), json!(entry.canonical_version));
    }
    body
}

/// The audit log.
#[api_v2_operation(tags("Audit"), operation_id = "list_audit_log", summary = "The organization's audit log")]
async fn list(call: Call<AuditRead>, ask: Ask<AuditEntry>) -> Result<Reply<Listed<AuditEntry>>, Problem> {
    let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| uow.app().journal_page(ctx.org, query).await;
    export::listed(&call, &ask, read, shown).await
}

/// One entry.
#[api_v2_operation(tags("Audit"), operation_id = "get_audit_entry", summary = "One entry of the audit log")]
async fn get(call: Call<AuditRead>) -> Result<Reply<Is<AuditEntry>>, Problem> {
    let query = journal::LIST.query().only("id", vec![Scalar::Id(call.param("entry_id")?)]).limited(1);
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let page = uow.app().journal_page(ctx.org, &query).await?;
        page.items.first().map(|entry| Answer::resource(shown(entry))).ok_or_else(Problem::not_found)
    })
    .await
}

/// The entry with an id.
async fn entry(call: &Call<AuditRead>) -> Result<Entry, Problem> {
    let query = journal::LIST.query().only("id", vec![Scalar::Id(call.param("entry_id")?)]).limited(1);
    let page = call.app.db.read(call.org, async |uow| uow.app().journal_page(call.org, &query).await);
    let page: StoreResult<_> = page.await;
    page?.items.into_iter().next().ok_or_else(Problem::not_found)
}

/// That an entry is in the tree of the newest checkpoint.
#[api_v2_operation(
    tags("Audit"),
    operation_id = "prove_audit_entry",
    summary = "A proof that an entry is in the audit log",
    description = "Against the newest checkpoint. Where that does not cover the entry yet, one is made."
)]
async fn proof(call: Call<AuditRead>) -> Result<Reply<Is<AuditProof>>, Problem> {
    let entry = entry(&call).await?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            notary::seal(&call.app, call.org).await?;
        }
        let proved: StoreResult<_> = call
            .app
            .db
            .read(call.org, async |uow| {
                let Some(newest) = uow.app().newest_checkpoint(call.org).await? else { return Ok(None) };
                let proof = prove::include(uow.app(), &newest, entry.sequence, &entry.hash).await?;
                Ok(proof.map(|proof| (newest, proof)))
            })
            .await;
        if let Some((newest, proof)) = proved? {
            return Ok(Reply::plain(Answer::ok(json!({
                "leaf_index": proof.leaf_index,
                "tree_size": newest.tree_size,
                "leaf_hash": hex::encode(proof.leaf_hash),
                "root_hash": hex::encode(newest.root),
                "path": proof.path.iter().map(hex::encode).collect::<Vec<_>>(),
                "checkpoint": newest.snapshot(),
            }))));
        }
        // Another server is at it, or what there is to cover takes more than one checkpoint.
        tokio::time::sleep(std::time::Duration::from_millis(100 * attempt)).await;
    }
    Err(Problem { retry_after: Some(1), ..Problem::new(503, "no checkpoint covers the entry yet") })
}

/// How often a checkpoint that covers an entry is waited for.
const ATTEMPTS: u64 = 6;

/// The checkpoints.
#[api_v2_operation(
    tags("Audit"),
    operation_id = "list_audit_checkpoints",
    summary = "Signed heads of the audit log's tree"
)]
async fn checkpoints(
    call: Call<AuditRead>,
    ask: Ask<AuditCheckpoint>,
) -> Result<Reply<Listed<AuditCheckpoint>>, Problem> {
    let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| uow.app().checkpoint_page(ctx.org, query).await;
    export::listed(&call, &ask, read, Checkpoint::snapshot).await
}

/// That the audit log of a checkpoint goes on from that of an earlier one.
#[api_v2_operation(
    tags("Audit"),
    operation_id = "prove_audit_consistency",
    summary = "A proof that a checkpoint goes on from an earlier one"
)]
async fn consistency(call: Call<AuditRead>) -> Result<Reply<Is<AuditConsistency>>, Problem> {
    let ids = [call.param("checkpoint_id")?, call.param("later_id")?];
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let [first, second] = [one(ctx, uow, ids[0]).await?, one(ctx, uow, ids[1]).await?];
        if first.tree_size > second.tree_size {
            return Err(Problem::new(409, "the first checkpoint is later than the second"));
        }
        let path = prove::extend(uow.app(), &first, &second).await?;
        Ok(Answer::ok(json!({
            "first": first.snapshot(),
            "second": second.snapshot(),
            "path": path.iter().map(hex::encode).collect::<Vec<_>>(),
        })))
    })
    .await
}

async fn one(ctx: &Ctx, uow: &mut Uow, id: Uuid) -> Result<Checkpoint, Problem> {
    let query = checkpoint::LIST.query().only("id", vec![Scalar::Id(id)]).limited(1);
    let page = uow.app().checkpoint_page(ctx.org, &query).await?;
    page.items.into_iter().next().ok_or_else(Problem::not_found)
}

/// Checks the whole audit log.
#[api_v2_operation(
    tags("Audit"),
    operation_id = "verify_audit_log",
    summary = "Check every entry, every checkpoint, and what was kept outside",
    description = "Every entry's content and link is computed anew; the tree over them is compared with every signed \
checkpoint, in the database and outside of it; and the entries with what was written outside. The first entry that is not \
as it must be is named. That somebody checked, and what came of it, is an entry of the log. One check runs at a time; another \
one answers 503."
)]
async fn verify(call: Call<AuditRead>, body: Body<NoBody>) -> Result<Reply<Is<AuditVerdict>>, Problem> {
    body.read_or_empty()?;
    if let Some(kept) = call.kept(body.bytes()).await? {
        return Ok(kept);
    }
    let busy = |_| Problem { retry_after: Some(5), ..Problem::new(503, "another audit log is being checked") };
    let _turn = CHECKS.try_acquire().map_err(busy)?;
    let keys = Keys::new(call.app.tokens.keys());
    let report = check(&call.app.db, &call.app.witness, &keys, call.org).await?;
    let found = told(&report);
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, StoreError> {
        let fact = Fact::note("audit_log", ctx.org.0, "verified").with(found.clone());
        uow.app().journal().record(ctx, fact).await?;
        Ok(Answer::ok(found))
    })
    .await
}

/// What a check found, as it is told.
pub fn told(report: &Report) -> Value {
    let first_bad = report.first_bad.as_ref().map(
        |bad| json!({"sequence": bad.sequence, "id": bad.id.map(|id| id.to_string()), "reason": bad.reason.as_str()}),
    );
    json!({
        "valid": first_bad.is_none(),
        "entries": report.entries,
        "first_bad": first_bad,
        "checkpoints": report.checkpoints,
        "witnessed_entries": report.witnessed,
        "witnessed_checkpoints": report.witnessed_checkpoints,
        "unreadable_lines": report.unreadable,
    })
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let all = "/api/v1/orgs/{org_id}/audit-log";
    let pair = format!("{all}/checkpoints/{{checkpoint_id}}/consistency/{{later_id}}");
    config
        .service(web::resource(all).route(web::get().to(list)))
        .service(web::resource(&format!("{all}/checkpoints")).route(web::get().to(checkpoints)))
        .service(web::resource(&pair).route(web::get().to(consistency)))
        .service(web::resource(&format!("{all}/verify")).route(web::post().to(verify)))
        .service(web::resource(&format!("{all}/{{entry_id}}")).route(web::get().to(get)))
        .service(web::resource(&format!("{all}/{{entry_id}}/proof")).route(web::get().to(proof)));
}
