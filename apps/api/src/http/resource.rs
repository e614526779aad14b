//! The routes that every resource has: a list with exports, create, read, change, delete, history. A resource gets
//! them by saying where it lives and what it is called ([`Served`]) and picking its routes ([`Routes`]).

use std::marker::PhantomData;

use grc_kernel::{
    Changes, Ctx, ListQuery, ListSpec, Permission, Refusal, Resource, Rules, Uuid, kit,
    list::{Scalar, Test},
    resource::{Cell, References, write_record},
    shape::{Shape, Ty},
};
use grc_uow::Uow;
use paperclip::{
    actix::{api_v2_operation, web},
    v2::models::DefaultOperationRaw,
};
use serde_json::Value;

use super::{
    call::{Answer, Body, Call, Is, Listed, Need, New, Nothing, Reply, Right},
    export,
    list::{Ask, Listing, Shorthand},
    problem::Problem,
    shape::Shaped,
};
use crate::routes::audit::{self, AuditEntry};

/// Members that an answer shows beyond the record's own.
pub type Extra = Vec<(&'static str, Value)>;

/// How a resource is served.
pub trait Served: Rules {
    /// Where its list is, under the organization: `risks/register`.
    const PATH: &'static str;
    /// The path parameter of one record.
    const ID: &'static str;
    /// Its tag in the document.
    const TAG: &'static str;
    /// What one is called, as in `get_risk`.
    const ONE: &'static str;
    /// What several are called, as in `list_risks`.
    const MANY: &'static str;
    /// The record that it belongs to: the member that names it, and its path parameter.
    const PARENT: Option<(&'static str, &'static str)> = None;
    /// Whether an export has the columns that an import looks at and no more; else it has all that is shown.
    const IMPORTED: bool = true;
    /// Whether its use cases want jobs done.
    const WAKES: bool = false;
    /// Better words for its operations, by their ids.
    const SUMMARIES: &'static [(&'static str, &'static str)] = &[];

    /// Parameters of its list that stand for filters.
    const SHORTHANDS: &'static [Shorthand] = &[];

    /// The transaction as its domain sees it.
    fn tx(uow: &mut Uow) -> &mut Self::Tx;

    /// What a reader is shown of it at a time.
    #[must_use]
    fn at(self, _ctx: &Ctx) -> Self {
        self
    }

    /// What its answers show beyond its own members, for each record.
    fn extra(
        _ctx: &Ctx,
        _uow: &mut Uow,
        _records: &[Self],
    ) -> impl Future<Output = Result<Option<Vec<Extra>>, Refusal>> {
        std::future::ready(Ok(None))
    }
}

/// Says how resources of one domain are served: the document's tag, the domain's name in [`Uow`], and for each its
/// path, path parameter, name and plural, then whatever else of [`Served`] is its own.
#[macro_export]
macro_rules! served {
    ($tag:literal, $domain:ident; $($resource:ty: $path:literal, $id:literal, $one:literal, $many:literal $(, $item:item)*;)+) => {$(
        impl $crate::http::resource::Served for $resource {
            const PATH: &'static str = $path;
            const ID: &'static str = $id;
            const TAG: &'static str = $tag;
            const ONE: &'static str = $one;
            const MANY: &'static str = $many;
            $($item)*

            fn tx(uow: &mut ::grc_uow::Uow) -> &mut Self::Tx {
                uow.$domain()
            }
        }
    )+};
}

/// The answer of a resource, in signatures.
pub struct Shown<R>(PhantomData<R>);
/// What creates a resource, in signatures.
pub struct Making<R>(PhantomData<R>);
/// What changes a resource, in signatures.
pub struct Changing<R>(PhantomData<R>);

impl<R: Resource> Shaped for Shown<R> {
    const SHAPE: &'static Shape = {
        let [shown, _, _] = R::SHAPES;
        shown
    };
}

impl<R: Resource> Shaped for Making<R> {
    const SHAPE: &'static Shape = {
        let [_, making, _] = R::SHAPES;
        making
    };
}

impl<R: Resource> Shaped for Changing<R> {
    const SHAPE: &'static Shape = {
        let [_, _, changing] = R::SHAPES;
        changing
    };
}

impl<R: Served> Listing for Shown<R> {
    const SPEC: &'static ListSpec = R::LIST;
    type Item = Self;
    const SHORTHANDS: &'static [Shorthand] = R::SHORTHANDS;
}

macro_rules! operations {
    ($($(#[$doc:meta])+ $name:ident: $access:ident, |$r:ident| $id:expr, $summary:expr;)+) => {$(
        $(#[$doc])+
        pub struct $name<R>(PhantomData<R>);

        impl<R: Served> Right for $name<R> {
            const NEED: Need = Need::Org(Permission::new(R::AREA, R::$access));

            fn describe(operation: &mut DefaultOperationRaw) {
                type $r<R> = R;
                let id: String = $id;
                let own = R::SUMMARIES.iter().find(|(operation, _)| *operation == id);
                operation.summary = Some(own.map_or_else(|| $summary, |(_, summary)| (*summary).to_owned()));
                operation.operation_id = Some(id);
                operation.description = None;
                operation.tags = vec![R::TAG.to_owned()];
            }
        }
    )+};
}

fn one<R: Served>() -> String {
    R::ONE.replace('_', " ")
}

fn many<R: Served>() -> String {
    R::MANY.replace('_', " ")
}

operations! {
    /// Reads a list.
    List: READ, |X| format!("list_{}", <X<R>>::MANY), format!("The {}", many::<R>());
    /// Reads one.
    Get: READ, |X| format!("get_{}", <X<R>>::ONE), format!("One {}", one::<R>());
    /// Reads what happened to one.
    History: READ, |X| format!("get_{}_history", <X<R>>::ONE), format!("What happened to one {}", one::<R>());
    /// Creates one.
    Create: WRITE, |X| format!("create_{}", <X<R>>::ONE), format!("Add {}", kit::a(R::ONE));
    /// Changes one.
    Update: WRITE, |X| format!("update_{}", <X<R>>::ONE), format!("Change {}", kit::a(R::ONE));
    /// Deletes one.
    Delete: DELETE, |X| format!("delete_{}", <X<R>>::ONE), format!("Remove {}", kit::a(R::ONE));
}

/// The text of a record's answer.
pub async fn render<R: Served>(ctx: &Ctx, uow: &mut Uow, record: R) -> Result<String, Refusal> {
    let record = record.at(ctx);
    let extra = R::extra(ctx, uow, std::slice::from_ref(&record)).await?;
    let mut text = String::with_capacity(1_024);
    let extra = extra.and_then(|all| all.into_iter().next()).unwrap_or_default();
    write_record(&record, None, &extra, &mut text);
    Ok(text)
}

/// The answer with a record.
pub async fn answer<R: Served>(ctx: &Ctx, uow: &mut Uow, record: R) -> Result<Answer, Refusal> {
    let revision = record.meta().revision;
    Ok(Answer::text(render(ctx, uow, record).await?, revision))
}

/// The id of the record that a nested route is under, where there is one; 404 where it is not there.
async fn parent<R: Served, Op: Right>(call: &Call<Op>, uow: &mut Uow) -> Result<Option<(&'static str, Uuid)>, Problem> {
    let Some((member, param)) = R::PARENT else { return Ok(None) };
    let id = call.param(param)?;
    let kind = R::MEMBERS.iter().find(|m| m.name == member).and_then(|member| match member.ty {
        Ty::Ref(kind) => Some(kind),
        _ => None,
    });
    let kind = kind.ok_or_else(|| Problem::new(500, "a parent is named by no reference"))?;
    if R::tx(uow).missing(call.org, kind, &[id]).await?.is_empty() {
        Ok(Some((member, id)))
    } else {
        Err(Problem::not_found())
    }
}

/// One record of the path, which must belong to the path's parent.
pub async fn of_path<R: Served, Op: Right>(call: &Call<Op>, ctx: &Ctx, uow: &mut Uow) -> Result<R::Id, Problem> {
    let id = R::Id::from(call.param(R::ID)?);
    if let Some((member, param)) = R::PARENT {
        let parent = call.param(param)?;
        let record = kit::find::<R>(ctx, R::tx(uow), id).await?;
        if record.value(member).and_then(|value| value.to_scalar()) != Some(Scalar::Id(parent)) {
            return Err(Problem::not_found());
        }
    }
    Ok(id)
}

/// The list, as JSON or, where `Accept` asks for it, whole as CSV or XLSX.
#[api_v2_operation]
pub async fn list<R: Served>(call: Call<List<R>>, ask: Ask<Shown<R>>) -> Result<Reply<Listed<Shown<R>>>, Problem> {
    let format = export::Format::of(call.header("accept"))?;
    let mut within = R::LIST.query();
    if let Some((member, param)) = R::PARENT {
        within = within.within(member, Test::AnyOf(vec![Scalar::Id(call.param(param)?)]));
    }
    let request = ask.read_within(within)?;
    let query = request.query;
    if let Some(format) = format {
        call.read::<Nothing, Problem, _>(async |_, uow| {
            parent::<R, _>(&call, uow).await?;
            Ok(Answer::none())
        })
        .await?;
        return export::records::<R, _>(&call, query, format).await;
    }
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        parent::<R, _>(&call, uow).await?;
        Ok(page::<R>(ctx, uow, &query, request.fields.as_deref()).await?)
    })
    .await
}

/// A page of a list, written without a detour over JSON values.
async fn page<R: Served>(
    ctx: &Ctx,
    uow: &mut Uow,
    query: &ListQuery,
    fields: Option<&[String]>,
) -> Result<Answer, Refusal> {
    let page = kit::page::<R>(ctx, R::tx(uow), query).await?;
    let items: Vec<R> = page.items.into_iter().map(|record| record.at(ctx)).collect();
    let extra = R::extra(ctx, uow, &items).await?.unwrap_or_default();
    let mut text = String::with_capacity(items.len().saturating_mul(800) + 64);
    text.push_str("{\"items\":[");
    let mut extra = extra.into_iter();
    for (i, record) in items.iter().enumerate() {
        text.push_str(if i > 0 { "," } else { "" });
        write_record(record, fields, &extra.next().unwrap_or_default(), &mut text);
    }
    text.push_str("],\"next_cursor\":");
    match page.next_cursor {
        Some(cursor) => {
            text.push('"');
            text.push_str(&cursor);
            text.push('"');
        }
        None => text.push_str("null"),
    }
    if let Some(total) = page.total {
        text.push_str(&format!(",\"total\":{total}"));
    }
    text.push('}');
    Ok(Answer::plain_text(text))
}

/// Creates one.
#[api_v2_operation]
pub async fn create<R: Served>(call: Call<Create<R>>, body: Body<Making<R>>) -> Result<Reply<New<Shown<R>>>, Problem> {
    let mut changes = Changes::<R>::read(&body.form()?);
    let path = call.path();
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        if let Some((member, id)) = parent::<R, _>(&call, uow).await? {
            changes = changes.set(member, Cell::Id(id));
        }
        let record = kit::create(ctx, R::tx(uow), changes).await?;
        let id: Uuid = record.id().into();
        Ok(answer(ctx, uow, record).await?.status(201).with("location", format!("{path}/{id}")))
    })
    .await
}

/// Reads one.
#[api_v2_operation]
pub async fn get<R: Served>(call: Call<Get<R>>) -> Result<Reply<Is<Shown<R>>>, Problem> {
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let id = of_path::<R, _>(&call, ctx, uow).await?;
        let record = kit::get::<R>(ctx, R::tx(uow), id).await?;
        Ok(answer(ctx, uow, record).await?)
    })
    .await
}

/// Changes one.
#[api_v2_operation]
pub async fn update<R: Served>(call: Call<Update<R>>, body: Body<Changing<R>>) -> Result<Reply<Is<Shown<R>>>, Problem> {
    let changes = Changes::<R>::read(&body.form()?);
    let seen = call.if_match()?;
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let id = of_path::<R, _>(&call, ctx, uow).await?;
        let record = R::amend(ctx, R::tx(uow), id, seen, changes).await?;
        Ok(answer(ctx, uow, record).await?)
    })
    .await
}

/// Deletes one.
#[api_v2_operation]
pub async fn delete<R: Served>(call: Call<Delete<R>>) -> Result<Reply<Nothing>, Problem> {
    let seen = call.if_match()?;
    let reply = call
        .write(&[], async |ctx, uow| -> Result<Answer, Problem> {
            let id = of_path::<R, _>(&call, ctx, uow).await?;
            R::remove(ctx, R::tx(uow), id, seen).await?;
            Ok(Answer::none())
        })
        .await;
    if R::WAKES {
        call.app.wake.notify_one();
    }
    reply
}

/// Reads what happened to one: its journal entries, the oldest first. Of a deleted one too.
#[api_v2_operation]
pub async fn history<R: Served>(
    call: Call<History<R>>,
    ask: Ask<AuditEntry>,
) -> Result<Reply<Listed<AuditEntry>>, Problem> {
    let id = call.param(R::ID)?;
    let within = AuditEntry::SPEC
        .query()
        .within("resource_id", Test::AnyOf(vec![Scalar::Id(id)]))
        .within("resource_type", Test::AnyOf(vec![Scalar::Text(R::KIND.to_owned())]));
    let read = async move |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| -> Result<_, Problem> {
        let page = uow.app().journal_page(ctx.org, query).await?;
        if page.items.is_empty() && query.after.is_none() {
            kit::find::<R>(ctx, R::tx(uow), R::Id::from(id)).await?;
        }
        Ok(page)
    };
    export::listed_within(&call, &ask, within, read, audit::shown).await
}

/// The routes of a resource, picked one by one.
pub struct Routes<R> {
    list: web::Resource,
    one: web::Resource,
    history: Option<web::Resource>,
    resource: PhantomData<R>,
}

impl<R: Served> Routes<R> {
    /// A list that can be read, and nothing else yet.
    pub fn listed() -> Self {
        let path = format!("/api/v1/orgs/{{org_id}}/{}", R::PATH);
        let one = format!("{path}/{{{}}}", R::ID);
        Self {
            list: web::resource(&path).route(web::get().to(list::<R>)),
            one: web::resource(&one),
            history: None,
            resource: PhantomData,
        }
    }

    /// All that a register has: list, create, read, change, delete.
    pub fn all() -> Self {
        Self::listed().created().read().updated().deleted()
    }

    /// POST on the list.
    #[must_use]
    pub fn created(self) -> Self {
        self.on_list(web::post().to(create::<R>))
    }

    /// GET of one.
    #[must_use]
    pub fn read(self) -> Self {
        self.on_one(web::get().to(get::<R>))
    }

    /// PATCH of one.
    #[must_use]
    pub fn updated(self) -> Self {
        self.on_one(web::patch().to(update::<R>))
    }

    /// DELETE of one.
    #[must_use]
    pub fn deleted(self) -> Self {
        self.on_one(web::delete().to(delete::<R>))
    }

    /// GET of one's history.
    #[must_use]
    pub fn with_history(mut self) -> Self {
        let path = format!("/api/v1/orgs/{{org_id}}/{}/{{{}}}/history", R::PATH, R::ID);
        self.history = Some(web::resource(&path).route(web::get().to(history::<R>)));
        self
    }

    /// A route of its own on the list.
    #[must_use]
    pub fn on_list(mut self, route: web::Route) -> Self {
        self.list = self.list.route(route);
        self
    }

    /// A route of its own on one.
    #[must_use]
    pub fn on_one(mut self, route: web::Route) -> Self {
        self.one = self.one.route(route);
        self
    }

    /// Adds the routes.
    pub fn into(self, config: &mut web::ServiceConfig) {
        config.service(self.list).service(self.one);
        if let Some(history) = self.history {
            config.service(history);
        }
    }
}
