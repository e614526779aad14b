//! The registers that tables are imported into: what each can be asked, from its declaration.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    pin::Pin,
};

use grc_kernel::{
    Access, Ctx, Permission, Refusal, Repo, Uuid, kit,
    list::{Scalar, Test},
    shape::{META, Member, Role, Ty},
};
use grc_transfer::columns::Known;
use grc_uow::Uow;
use serde_json::{Map, Value};

use crate::{
    http::{export, resource::Served},
    serve::App,
};

/// Work inside a transaction, on the thread of whoever asks.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + 'a>>;
/// Texts, and the records that have them.
pub type Named = Vec<(String, Uuid)>;
/// Members of records, by their ids.
pub type Records = HashMap<Uuid, Map<String, Value>>;

/// A register.
pub struct Target {
    /// Its name in imports: `risks`.
    pub name: &'static str,
    /// The type of its records.
    pub kind: &'static str,
    /// Where its list is, under the organization.
    pub path: &'static str,
    /// The record that each of its records belongs to: the member that names it, and its path parameter.
    pub parent: Option<(&'static str, &'static str)>,
    /// What reading it takes.
    pub read: Permission,
    /// What changing it takes.
    pub write: Permission,
    /// What a table of it can have as columns.
    pub known: fn() -> Known,
    /// The columns of its export, which its template has.
    pub columns: fn() -> Vec<&'static str>,
    /// The members by which people name its records: unique ones first.
    pub names: fn() -> Vec<&'static str>,
    /// The records of ids.
    pub existing: for<'a> fn(&'a Ctx, &'a mut Uow, &'a [Uuid]) -> Work<'a, Records>,
    /// The records whose member has one of these texts.
    pub named: for<'a> fn(&'a Ctx, &'a mut Uow, &'static str, &'a [String]) -> Work<'a, Named>,
}

/// How many records a name is looked for among: more than this of one name are as good as several.
const NAMED_MAX: usize = 5_000;

impl Target {
    const fn of<R: Served>() -> Self {
        Self {
            name: R::MANY,
            kind: R::KIND,
            path: R::PATH,
            parent: R::PARENT,
            read: Permission::new(R::AREA, R::READ),
            write: Permission::new(R::AREA, R::WRITE),
            known: known::<R>,
            columns: export::columns::<R>,
            names: names::<R>,
            existing: existing::<R>,
            named: named::<R>,
        }
    }

    /// Whether its list takes new records, and whether its records can be changed.
    pub fn takes(&self, app: &App) -> (bool, bool) {
        let list = format!("/api/v1/orgs/org/{}", self.path);
        let has = |path: &str, method: &str| {
            app.methods.of(path).is_some_and(|methods| methods.iter().any(|known| known == method))
        };
        (has(&list, "POST"), has(&format!("{list}/one"), "PATCH"))
    }

    /// The path of its list, where the record that it is under is known.
    pub fn list_path(&self, org: Uuid, parent: Option<Uuid>) -> String {
        let mut path = format!("/api/v1/orgs/{org}");
        for part in self.path.split('/') {
            path.push('/');
            match parent.filter(|_| part.starts_with('{')) {
                Some(parent) => path.push_str(&parent.to_string()),
                None => path.push_str(part),
            }
        }
        path
    }

    /// Whether a record of it can refer to another one of the same type.
    pub fn refers_to_itself(&self) -> bool {
        (self.known)().members.iter().any(|member| grc_transfer::columns::kind_of(member.ty) == Some(self.kind))
    }
}

/// The registers, in the order in which one may need what another has.
pub static TARGETS: &[Target] = &[
    Target::of::<grc_evidence::Evidence>(),
    Target::of::<grc_assessments::Control>(),
    Target::of::<grc_assessments::Assessment>(),
    Target::of::<grc_assessments::Finding>(),
    Target::of::<grc_risk::Entry>(),
    Target::of::<grc_risk::Treatment>(),
    Target::of::<grc_risk::Acceptance>(),
    Target::of::<grc_risk::Kri>(),
    Target::of::<grc_risk::Reading>(),
    Target::of::<grc_risk::Analysis>(),
    Target::of::<grc_risk::Scenario>(),
    Target::of::<grc_vendor::Vendor>(),
    Target::of::<grc_vendor::Service>(),
    Target::of::<grc_vendor::Contract>(),
    Target::of::<grc_vendor::Questionnaire>(),
    Target::of::<grc_vendor::Assessment>(),
    Target::of::<grc_incident::Incident>(),
    Target::of::<grc_incident::TimelineEntry>(),
    Target::of::<grc_incident::Task>(),
    Target::of::<grc_bcm::Process>(),
    Target::of::<grc_bcm::Asset>(),
    Target::of::<grc_bcm::Dependency>(),
    Target::of::<grc_bcm::Plan>(),
    Target::of::<grc_bcm::Exercise>(),
    Target::of::<grc_policy::Policy>(),
    Target::of::<grc_coordination::Task>(),
    Target::of::<grc_coordination::Link>(),
];

/// The register of a name.
pub fn of_name(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// The register of a type of record.
pub fn of_kind(kind: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.kind == kind)
}

/// What of a resource a client may say, the id and the record that it belongs to first.
pub fn members<R: Served>() -> Vec<Member> {
    let id = META.iter().filter(|member| member.name == "id");
    let parent = R::PARENT.and_then(|(name, _)| R::MEMBERS.iter().find(|member| member.name == name));
    let said = |member: &&Member| {
        matches!(member.role, Role::Settable | Role::Fixed | Role::Later)
            && R::PARENT.is_none_or(|(name, _)| name != member.name)
    };
    id.chain(parent).chain(R::MEMBERS.iter().filter(said)).copied().map(by_key).collect()
}

/// A framework is told by its key too: it is no record of the organization, and its member holds any id.
fn by_key(mut member: Member) -> Member {
    if member.name == "framework_id" && matches!(member.ty, Ty::Id) {
        member.ty = Ty::Ref("framework");
    }
    member
}

fn known<R: Served>() -> Known {
    let members = members::<R>();
    let [shown, making, _] = R::SHAPES;
    let is_said = |name: &str| members.iter().any(|member| member.name == name);
    let others: HashSet<&'static str> = shown.all().map(|member| member.name).filter(|name| !is_said(name)).collect();
    let required = making.all().filter(|member| member.required && member.preset.is_none()).map(|member| member.name);
    let parent = R::PARENT.map(|(name, _)| name);
    let required = parent.into_iter().chain(required).filter(|name| is_said(name)).collect();
    Known { members, others: others.into_iter().chain(["org_id"]).collect(), required }
}

/// The members by which people name a record, those first of which no two have the same.
fn names<R: Served>() -> Vec<&'static str> {
    let line = |member: &&Member| matches!(member.ty, Ty::Line(_)) && member.role.is_shown();
    let unique = R::MEMBERS.iter().filter(line).filter(|member| member.unique);
    let reference = R::MEMBERS.iter().filter(line).filter(|member| !member.unique && member.name == "ref_id");
    let name = R::MEMBERS.iter().filter(line).filter(|member| !member.unique && member.name == R::NAME);
    unique.chain(reference).chain(name).map(|member| member.name).collect()
}

fn existing<'a, R: Served>(ctx: &'a Ctx, uow: &'a mut Uow, ids: &'a [Uuid]) -> Work<'a, Records> {
    Box::pin(async move {
        ctx.require(R::permission(R::READ))?;
        let ids: Vec<R::Id> = ids.iter().copied().map(R::Id::from).collect();
        let found = Repo::<R>::find_many(R::tx(uow), ctx.org, &ids).await?;
        let members = members::<R>();
        let shown = |record: R| {
            let record = record.at(ctx);
            let id: Uuid = record.id().into();
            let value = |member: &Member| {
                let value = record.value(member.name).map_or(Value::Null, |value| value.to_json());
                (member.name.to_owned(), value)
            };
            (id, members.iter().map(value).collect())
        };
        Ok(found.into_iter().filter(|record| !record.is_gone()).map(shown).collect())
    })
}

fn named<'a, R: Served>(ctx: &'a Ctx, uow: &'a mut Uow, member: &'static str, texts: &'a [String]) -> Work<'a, Named> {
    Box::pin(async move {
        let Some(known) = R::MEMBERS.iter().find(|known| known.name == member) else { return Ok(Vec::new()) };
        let texts = texts.iter().cloned().map(Scalar::Text).collect();
        let query = R::LIST.query().within(known.column, Test::AnyOf(texts)).limited(NAMED_MAX);
        let found = kit::page::<R>(ctx, R::tx(uow), &query).await?.items;
        let named = |record: R| match record.value(member)?.to_scalar()? {
            Scalar::Text(text) => Some((text, record.id().into())),
            _ => None,
        };
        Ok(found.into_iter().filter_map(named).collect())
    })
}

/// What finding a member of the organization by an address takes.
pub const PEOPLE: Permission = Permission::new("user", Access::Read);
