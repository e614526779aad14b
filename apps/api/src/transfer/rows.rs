//! From rows to requests: what a row says is compared with the record that it means, and only what is new is asked for.

use std::{
    collections::{HashMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::Arc,
};

use actix_web::{http::Method, web::Data};
use grc_kernel::{
    Ctx, OrgId, Uuid,
    list::Scalar,
    shape::{Member, Role, Ty},
};
use grc_transfer::{
    columns::{Columns, Known, Written},
    model::RowError,
    service::Tally,
    table::{Format, Row},
};
use serde_json::{Map, Value};

use super::{
    names::Names,
    target::{Records, Target},
};
use crate::{
    adapters::clock,
    http::{
        call::Found,
        caller::Caller,
        inner::{Answered, Asked, Inner},
        problem::Problem,
    },
    serve::App,
};

/// How many characters a worksheet's cell holds: an exported text of this length may go on.
const CELL_MAX: usize = 32_767;

/// On whose behalf requests are asked, and where.
pub struct Asker {
    /// The service.
    pub app: Data<App>,
    /// The routes.
    pub inner: Inner,
    /// The organization.
    pub org: OrgId,
    /// The caller.
    pub caller: Arc<Caller>,
    /// What the journal says as the request of each change.
    pub request_id: String,
    /// Where the import came from.
    pub address: String,
}

impl Asker {
    fn ctx(&self) -> Ctx {
        let ids = Arc::clone(&self.app.ids);
        Ctx::new(self.org, self.caller.actor(), clock::now(), self.request_id.clone(), ids)
    }

    async fn ask(&self, method: Method, path: &str, body: &Map<String, Value>) -> Result<Answered, Problem> {
        let uri = path.parse().map_err(|_| Problem::new(500, "a path of our own is none"))?;
        let body = Some(serde_json::to_vec(body).map_err(|error| Problem::new(500, error.to_string()))?);
        let caller = Ok(Some(Arc::clone(&self.caller)));
        let found = Found { caller, request_id: self.request_id.clone(), address: self.address.clone() };
        self.inner.ask(Asked { method, uri, body, headers: Vec::new() }, found).await
    }
}

/// One import, as its rows are carried out.
pub struct Rows {
    asker: Asker,
    target: &'static Target,
    takes: (bool, bool),
    known: Known,
    columns: Columns,
    format: Format,
    matching: Vec<&'static str>,
    names: Names,
    seen: Seen,
}

/// The records that rows mean, each of which may be meant once.
#[derive(Default)]
pub struct Seen {
    ids: HashSet<Uuid>,
    names: HashSet<u64>,
}

impl Seen {
    /// Notes what a row means, and says what is wrong where another one meant it before.
    fn note(&mut self, written: &Written, matching: &[&'static str], columns: &Columns) -> Option<RowError> {
        let doubled = |member: &str| {
            let heading = columns.heading_of(member).unwrap_or(member);
            RowError::cell(heading, member, "doubled_row", format!("a row before this one has the same {member}"))
        };
        if written.id.is_some_and(|id| !self.ids.insert(id)) {
            return Some(doubled("id"));
        }
        matching.iter().copied().find_map(|member| {
            let text = written.members.get(member)?.as_str()?;
            let mut hasher = DefaultHasher::new();
            (member, text).hash(&mut hasher);
            (!self.names.insert(hasher.finish())).then(|| doubled(member))
        })
    }
}

/// What becomes of a row.
enum Outcome {
    Created,
    Updated,
    Unchanged,
}

impl Rows {
    /// An import of a file with such columns. Rows without an id find their records by the members that are named.
    pub fn new(
        asker: Asker,
        target: &'static Target,
        columns: Columns,
        format: Format,
        matching: Vec<&'static str>,
    ) -> Self {
        let takes = target.takes(&asker.app);
        let known = (target.known)();
        Self { asker, target, takes, known, columns, format, matching, names: Names::default(), seen: Seen::default() }
    }

    /// The same on behalf of the same caller, looked up anew.
    pub fn on_behalf_of(&mut self, caller: Arc<Caller>) {
        self.asker.caller = caller;
    }

    /// Reads rows that were carried out before a worker took over: only what they mean is kept.
    pub fn skip(&mut self, rows: Vec<Row>) {
        for row in rows {
            let written = self.columns.read(row.said, &self.known);
            self.seen.note(&written, &self.matching, &self.columns);
        }
    }

    /// Carries rows out, one after the other, in the transaction of the task. What is wrong with a row is the row's matter;
    /// an error is one of the service.
    pub async fn carry_out(&mut self, rows: Vec<Row>) -> Result<Tally, Problem> {
        let mut tally = Tally::default();
        let mut written: Vec<(u64, Written)> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut one = self.columns.read(row.said, &self.known);
            let doubled = self.seen.note(&one, &self.matching, &self.columns);
            one.errors.extend(doubled);
            written.push((row.number, one));
        }
        self.look_for(written.iter().map(|(_, one)| one)).await?;
        self.find_by_name(&mut written).await?;
        let records = self.records(written.iter().filter_map(|(_, one)| one.id).collect()).await?;
        for (number, mut one) in written {
            let own = self.target.kind;
            if one.names(&self.known).any(|(kind, name)| kind == own && self.names.get(kind, name).is_err()) {
                // It may mean a record that a row before it has made.
                self.look_for([&one]).await?;
            }
            let names = &self.names;
            one.resolve(&self.known, &self.columns, &|kind, name| names.get(kind, name));
            let outcome = if one.errors.is_empty() { self.one(one, &records).await? } else { Err(one.errors) };
            match outcome {
                Ok(Outcome::Created) => tally.created += 1,
                Ok(Outcome::Updated) => tally.updated += 1,
                Ok(Outcome::Unchanged) => tally.unchanged += 1,
                Err(errors) => tally.fail(number, errors),
            }
        }
        Ok(tally)
    }

    /// Looks for the names that rows have where references should be.
    async fn look_for(&mut self, rows: impl IntoIterator<Item = &Written>) -> Result<(), Problem> {
        let mut wanted: Vec<(&'static str, String)> = Vec::new();
        for one in rows {
            wanted.extend(one.names(&self.known).map(|(kind, name)| (kind, name.to_owned())));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let (ctx, names) = (self.asker.ctx(), &mut self.names);
        let looking = async |uow: &mut grc_uow::Uow| names.look_for(&ctx, uow, wanted).await;
        Ok(self.asker.app.db.read(self.asker.org, looking).await?)
    }

    /// Finds the records of rows that have no id, by the members that name them.
    async fn find_by_name(&mut self, rows: &mut [(u64, Written)]) -> Result<(), Problem> {
        let ctx = self.asker.ctx();
        for member in self.matching.clone() {
            let said = |one: &Written| one.members.get(member).and_then(Value::as_str).map(str::to_owned);
            let texts: Vec<String> =
                rows.iter().filter(|(_, one)| one.id.is_none()).filter_map(|(_, one)| said(one)).collect();
            if texts.is_empty() {
                continue;
            }
            let looking = async |uow: &mut grc_uow::Uow| (self.target.named)(&ctx, uow, member, &texts).await;
            let mut found: HashMap<String, Vec<Uuid>> = HashMap::new();
            for (text, id) in self.asker.app.db.read(self.asker.org, looking).await? {
                found.entry(text).or_default().push(id);
            }
            for (_, one) in rows.iter_mut().filter(|(_, one)| one.id.is_none()) {
                match said(one).and_then(|text| found.get(&text)).map(Vec::as_slice) {
                    None | Some([]) => {}
                    // Another row may mean it by its id, or by another of its names.
                    Some([id]) if !self.seen.ids.insert(*id) => one.errors.push(self.doubled(member)),
                    Some([id]) => one.id = Some(*id),
                    Some(_) => {
                        let heading = self.columns.heading_of(member).unwrap_or(member);
                        let detail = format!("several records have this {member}: use the id");
                        one.errors.push(RowError::cell(heading, member, "ambiguous", detail));
                    }
                }
            }
        }
        Ok(())
    }

    async fn records(&self, ids: Vec<Uuid>) -> Result<Records, Problem> {
        if ids.is_empty() {
            return Ok(Records::new());
        }
        let ctx = self.asker.ctx();
        let looking = async |uow: &mut grc_uow::Uow| (self.target.existing)(&ctx, uow, &ids).await;
        Ok(self.asker.app.db.read(self.asker.org, looking).await?)
    }

    async fn one(&self, one: Written, records: &Records) -> Result<Result<Outcome, Vec<RowError>>, Problem> {
        match one.id {
            Some(id) => match records.get(&id) {
                Some(record) => self.change(id, one.members, record).await,
                None => {
                    let detail = "there is no such record here: leave the id out to create one";
                    Ok(Err(vec![self.error("id", "unknown_id", detail)]))
                }
            },
            None => self.create(one.members).await,
        }
    }

    fn doubled(&self, member: &str) -> RowError {
        self.error(member, "doubled_row", "means a record that a row before it means")
    }

    fn error(&self, member: &str, code: &str, detail: impl AsRef<str>) -> RowError {
        let mut error = RowError::cell(self.columns.heading_of(member).unwrap_or(member), member, code, detail);
        if self.columns.heading_of(member).is_none() && self.format != Format::Json {
            error.column = None;
        }
        error
    }

    async fn create(&self, mut members: Map<String, Value>) -> Result<Result<Outcome, Vec<RowError>>, Problem> {
        if !self.takes.0 {
            let detail = format!("no record was found, and an import creates none of {}", self.target.name);
            return Ok(Err(vec![self.error("id", "not_created", detail)]));
        }
        let parent = match self.target.parent {
            None => None,
            Some((member, _)) => match members.remove(member).as_ref().and_then(Value::as_str).map(Uuid::parse_str) {
                Some(Ok(id)) => Some(id),
                _ => return Ok(Err(vec![self.error(member, "required", "must say which record it belongs to")])),
            },
        };
        members.retain(|_, value| !value.is_null());
        let path = self.target.list_path(self.asker.org.0, parent);
        let answered = self.asker.ask(Method::POST, &path, &members).await?;
        if answered.status == 404
            && let Some((member, _)) = self.target.parent
        {
            return Ok(Err(vec![self.error(member, "unknown_reference", "there is no such record")]));
        }
        self.outcome(&answered, Outcome::Created)
    }

    async fn change(
        &self,
        id: Uuid,
        members: Map<String, Value>,
        record: &Map<String, Value>,
    ) -> Result<Result<Outcome, Vec<RowError>>, Problem> {
        let mut errors = Vec::new();
        let mut changed = Map::new();
        let mut parent = None;
        for member in &self.known.members {
            let now = record.get(member.name).unwrap_or(&Value::Null);
            if self.target.parent.is_some_and(|(name, _)| name == member.name) {
                parent = now.as_str().and_then(|text| Uuid::parse_str(text).ok());
            }
            let Some(said) = members.get(member.name).filter(|said| !self.same(member, now, said)) else { continue };
            if self.target.parent.is_some_and(|(name, _)| name == member.name) || member.role == Role::Fixed {
                errors.push(self.error(
                    member.name,
                    "fixed",
                    "is set when the record is created, and is something else",
                ));
                continue;
            }
            // An empty cell is an empty list.
            let empty = said.is_null() && matches!(member.ty, Ty::List(..));
            changed.insert(member.name.to_owned(), if empty { Value::Array(Vec::new()) } else { said.clone() });
        }
        if !errors.is_empty() {
            return Ok(Err(errors));
        }
        if changed.is_empty() {
            return Ok(Ok(Outcome::Unchanged));
        }
        if !self.takes.1 {
            let first = changed.keys().next().map_or("id", String::as_str);
            let detail = format!("the record says something else, and none of {} is ever changed", self.target.name);
            return Ok(Err(vec![self.error(first, "not_changed", detail)]));
        }
        let path = format!("{}/{id}", self.target.list_path(self.asker.org.0, parent));
        let answered = self.asker.ask(Method::PATCH, &path, &changed).await?;
        self.outcome(&answered, Outcome::Updated)
    }

    /// Whether a cell says what the record has.
    fn same(&self, member: &Member, now: &Value, said: &Value) -> bool {
        let nothing = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if now == said || (nothing(now) && nothing(said)) {
            return true;
        }
        // A worksheet's cell holds so much of a text and no more.
        if let (Format::Xlsx, Some(now), Some(said)) = (self.format, now.as_str(), said.as_str()) {
            let count = said.chars().count();
            if (CELL_MAX - 1..=CELL_MAX).contains(&count) && now.starts_with(said) {
                return true;
            }
        }
        match (member.ty.to_cell(now), member.ty.to_cell(said)) {
            (Ok(now), Ok(said)) => {
                now == said
                    || matches!((now.view().to_scalar(), said.view().to_scalar()),
                (Some(Scalar::Text(now)), Some(Scalar::Text(said))) if now.trim() == said.trim())
            }
            _ => false,
        }
    }

    fn outcome(&self, answered: &Answered, good: Outcome) -> Result<Result<Outcome, Vec<RowError>>, Problem> {
        if answered.status < 400 {
            return Ok(Ok(good));
        }
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if answered.status >= 500 {
            return Err(Problem::new(answered.status, text(&answered.body, "detail")));
        }
        let errors: Vec<RowError> =
            answered.body.get("errors").and_then(Value::as_array).map_or_else(Vec::new, |errors| {
                let one = |error: &Value| {
                    let field = text(error, "field");
                    let member = field.split(['.', '[']).next().unwrap_or_default();
                    let mut row = self.error(member, &text(error, "code"), text(error, "detail"));
                    row.field = Some(field.clone());
                    if let Some(Ty::Word(words)) = self.known.member(member).map(|member| member.ty)
                        && row.code == "invalid"
                    {
                        row.allowed = Some(words.iter().map(|word| (*word).to_owned()).collect());
                    }
                    row
                };
                errors.iter().map(one).collect()
            });
        if errors.is_empty() {
            let code = text(&answered.body, "code").to_lowercase();
            return Ok(Err(vec![RowError::whole(&code, text(&answered.body, "detail"))]));
        }
        Ok(Err(errors))
    }
}
