//! The change feed: every change of the organization that the caller may read, in order, by a cursor that is there at
//! the end too.

use std::time::{Duration, Instant};

use grc_events::{Sight, feed, payload};
use grc_kernel::{Ctx, ListQuery, ListSpec, Page, journal::Entry};
use grc_uow::{Uow, registry};
use paperclip::actix::{api_v2_operation, web};

use super::audit::AuditActor;
use crate::{
    http::{
        call::{AnyRead, Call, Listed, Reply},
        export,
        list::{Ask, Listing, Shorthand, page_of},
        problem::Problem,
        shape::{Ty, must, null},
    },
    serve::App,
    shapes,
};

/// How often a request that waits looks for what other replicas committed.
const LOOK: Duration = Duration::from_millis(500);

shapes! {
    /// A change, as the feed shows it.
    Change [&[
        must("id", Ty::Id, "Its id: that of its entry in the audit log, and of its event to webhooks."),
        must("sequence", Ty::Int(1, i64::MAX), "Its place in the organization's journal; the feed leaves some out."),
        must("type", Ty::Text(200), "What happened: the type of record and a verb."),
        must("resource_type", Ty::Text(100), "To what kind of record."),
        must("resource_id", Ty::Id, "To which one."),
        null("revision", Ty::Int(0, i64::MAX), "The record's revision after it."),
        must("occurred_at", Ty::Time, "When."),
        must("actor", Ty::Object(AuditActor::SHAPE), "Who."),
        null("before", Ty::Any, "The record before; null for a creation."),
        null("after", Ty::Any, "The record after; null for a deletion."),
    ]],
}

impl Listing for Change {
    const SPEC: &'static ListSpec = &feed::FEED;
    type Item = Self;
    const SHORTHANDS: &'static [Shorthand] = &[Shorthand {
        name: feed::WAIT,
        doc: "How many seconds to wait for a change where there is none.",
        range: (0, feed::WAIT_MAX),
        // The same feed, asked more patiently.
        narrow: |query, _, _| query,
    }];
}

/// What the caller may see of the changes.
pub fn sight(ctx: &Ctx) -> Sight {
    Sight::of(&ctx.actor, registry::readable())
}

/// The feed, from the oldest change on. `next_cursor` is always there: asked with it later, the feed goes on where it
/// ended.
#[api_v2_operation(
    tags("Changes"),
    operation_id = "list_changes",
    summary = "The change feed: every change that the caller may read, in order"
)]
async fn list(call: Call<AnyRead>, ask: Ask<Change>) -> Result<Reply<Listed<Change>>, Problem> {
    let ctx = call.ctx();
    let sight = sight(&ctx);
    let within = feed::of(call.org);
    let request = ask.read_within(within.clone())?;
    let query = feed::asked(&request.query, &sight).map_err(Problem::fields)?;
    if export::Format::of(call.header("accept"))?.is_some() {
        let read = async move |ctx: &Ctx, uow: &mut Uow, request: &ListQuery| -> Result<Page<Entry>, Problem> {
            let query = feed::asked(request, &sight).map_err(Problem::fields)?;
            let mut page = uow.app().journal_page(ctx.org, &query).await?;
            // A file has an end.
            let more = page.next_cursor.is_some();
            page.next_cursor = feed::resume(request, page.items.last(), true, 0).filter(|_| more);
            Ok(page)
        };
        return export::listed_within(&call, &ask, within, read, payload::change).await;
    }
    let until = Instant::now() + patience(&call);
    let app = call.app.clone();
    let place = if until > Instant::now() { app.webhooks.waiters.try_acquire().ok() } else { None };
    loop {
        let change = app.webhooks.change();
        let (head, mut page) = read(&app, &ctx, &query).await?;
        let left = until.saturating_duration_since(Instant::now());
        let draining = app.draining.load(std::sync::atomic::Ordering::SeqCst);
        if !page.items.is_empty() || place.is_none() || left.is_zero() || draining {
            let more = page.next_cursor.is_some();
            page.next_cursor = feed::resume(&request.query, page.items.last(), more, head);
            return Ok(Reply::plain(page_of(page, &request, payload::change)));
        }
        // No connection is held meanwhile.
        tokio::select! {
            () = change => {}
            () = tokio::time::sleep(left.min(LOOK)) => {}
        }
    }
}

/// A page, and the head of the journal before it: everything up to the head can be seen by whatever is read after it.
async fn read(app: &App, ctx: &Ctx, query: &ListQuery) -> Result<(i64, Page<Entry>), Problem> {
    app.db
        .read(ctx.org, async |uow| {
            let head = uow.events().head(ctx.org).await?;
            Ok((head, uow.app().journal_page(ctx.org, query).await?))
        })
        .await
}

/// How long the caller waits. (The parameter was checked with the others.)
fn patience(call: &Call<AnyRead>) -> Duration {
    // Whoever shares a transaction has a connection, and sees no more of others' changes by waiting.
    if grc_uow::is_shared() {
        return Duration::ZERO;
    }
    let query = call.query();
    let wait = query.iter().find(|(name, _)| name == feed::WAIT).and_then(|(_, text)| text.parse().ok());
    Duration::from_secs(wait.unwrap_or(0))
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/api/v1/orgs/{org_id}/changes").route(web::get().to(list)));
}
