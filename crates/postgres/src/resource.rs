//! Every resource's table: the statements follow from the resource's declaration, so there is one repository for
//! all of them.
//!
//! As in [`crate::list`] the statements are query fragments of our own: Diesel prepares and caches them by their
//! text, which holds only declared names; every value is bound. Rows are read by position.

use async_trait::async_trait;
use diesel::{
    QueryResult,
    deserialize::{self, FromSql, FromSqlRow},
    pg::{Pg, PgValue},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    row::{Field as _, Row},
    sql_types::{Array, BigInt, Bool, Date, Double, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use grc_kernel::{
    Kind, ListQuery, Meta, OrgId, Page, Repo, Resource, StoreError, StoreResult, Uuid,
    list::Scalar,
    resource::{Cell, References, Tally},
    shape::Ty,
};

use crate::{
    error,
    list::{self, Parts},
    tx::PgTx,
};

/// The columns of the bookkeeping, after the members.
const META: [(&str, Ty); 4] =
    [("created_at", Ty::Time), ("updated_at", Ty::Time), ("created_by", Ty::Id), ("revision", Ty::Int(1, i64::MAX))];

/// All columns of a resource's table, in the order in which they are read.
fn columns<R: Resource>() -> impl Iterator<Item = (&'static str, Ty)> {
    [("id", Ty::Id), ("org_id", Ty::Id)]
        .into_iter()
        .chain(R::MEMBERS.iter().map(|member| (member.column, member.ty)))
        .chain(META)
}

/// All columns of a resource's table, as a statement selects them for [`Loaded`].
pub(crate) fn selection<R: Resource>() -> String {
    let mut text = String::with_capacity(400);
    for (i, (name, _)) in columns::<R>().enumerate() {
        text.push_str(if i > 0 { ", " } else { "" });
        text.push_str(R::TABLE);
        text.push('.');
        text.push_str(name);
    }
    text
}

/// A record as a row of its table has it.
pub(crate) struct Loaded<R>(pub(crate) R);

impl<R: Resource> FromSqlRow<Untyped, Pg> for Loaded<R> {
    // Lists read thousands of values: no value is kept anywhere but in its record.
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let id: Uuid = column::<_, SqlUuid>(row, 0)?;
        let org: Uuid = column::<_, SqlUuid>(row, 1)?;
        let last = R::MEMBERS.len() + 2;
        let meta = Meta {
            created_at: column::<_, Timestamptz>(row, last)?,
            updated_at: column::<_, Timestamptz>(row, last + 1)?,
            created_by: column::<_, SqlUuid>(row, last + 2)?,
            revision: column::<_, BigInt>(row, last + 3)?,
        };
        let mut record = R::blank(R::Id::from(id), OrgId(org), meta);
        for (place, (member, attr)) in (2..).zip(R::members()) {
            let field = row.get(place).ok_or("a column is missing")?;
            let cell = read(member.ty.kind(), field.value())?;
            (attr.set)(&mut record, cell)
                .map_err(|_| format!("{}.{} holds what this version does not know", R::TABLE, member.name))?;
        }
        Ok(Self(record))
    }
}

/// A value of a column that holds members of a kind; a document where there is none.
fn read(kind: Option<Kind>, value: Option<PgValue<'_>>) -> deserialize::Result<Cell> {
    let Some(value) = value else { return Ok(Cell::Null) };
    Ok(match kind {
        Some(Kind::Text | Kind::Choice(_)) => Cell::Text(FromSql::<Text, Pg>::from_sql(value)?),
        Some(Kind::Int) => Cell::Int(FromSql::<BigInt, Pg>::from_sql(value)?),
        Some(Kind::Number) => Cell::Number(FromSql::<Double, Pg>::from_sql(value)?),
        Some(Kind::Bool) => Cell::Bool(FromSql::<Bool, Pg>::from_sql(value)?),
        Some(Kind::Time) => Cell::Time(FromSql::<Timestamptz, Pg>::from_sql(value)?),
        Some(Kind::Date) => Cell::Date(FromSql::<Date, Pg>::from_sql(value)?),
        Some(Kind::Id) => Cell::Id(FromSql::<SqlUuid, Pg>::from_sql(value)?),
        Some(Kind::Texts) => Cell::Texts(FromSql::<Array<Text>, Pg>::from_sql(value)?),
        Some(Kind::Ids) => Cell::Ids(FromSql::<Array<SqlUuid>, Pg>::from_sql(value)?),
        None => Cell::Json(FromSql::<Jsonb, Pg>::from_sql(value)?),
    })
}

/// The value of a column of a row, by its place.
pub(crate) fn column<'a, T: FromSql<S, Pg>, S>(row: &impl Row<'a, Pg>, place: usize) -> deserialize::Result<T> {
    let field = row.get(place).ok_or("a column is missing")?;
    T::from_nullable_sql(field.value())
}

/// A statement whose rows are read by position.
pub(crate) struct Select(pub(crate) Parts);

impl Query for Select {
    type SqlType = Untyped;
}

impl QueryId for Select {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Select {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk(out)
    }
}

/// The groups of a tally: as many values as it was asked by, then the count.
struct Group(Vec<Option<String>>, i64);

impl FromSqlRow<Untyped, Pg> for Group {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let last = row.field_count().saturating_sub(1);
        let text = |i| {
            let value = row.get(i).ok_or("a column is missing")?;
            let text: deserialize::Result<Option<String>> =
                FromSql::<Nullable<Text>, Pg>::from_nullable_sql(value.value());
            text
        };
        let values = (0..last).map(text).collect::<deserialize::Result<_>>()?;
        let count = row.get(last).ok_or("a column is missing")?;
        Ok(Self(values, FromSql::<BigInt, Pg>::from_nullable_sql(count.value())?))
    }
}

/// The columns that are written and the values of a record for them, in the same order.
fn written<R: Resource>(record: &R) -> impl Iterator<Item = (&'static str, Option<Kind>, Cell)> {
    let meta = record.meta();
    let members = R::members().map(|(member, attr)| (member.column, member.ty.kind(), (attr.get)(record).to_cell()));
    let meta =
        [Cell::Time(meta.created_at), Cell::Time(meta.updated_at), Cell::Id(meta.created_by), Cell::Int(meta.revision)];
    let meta = META.into_iter().zip(meta).map(|((name, ty), cell)| (name, ty.kind(), cell));
    [("id", Some(Kind::Id), Cell::Id(record.id().into())), ("org_id", Some(Kind::Id), Cell::Id(record.org().0))]
        .into_iter()
        .chain(members)
        .chain(meta)
}

/// The member that two records may not share, for the words of a refusal.
fn unique<R: Resource>() -> &'static str {
    R::MEMBERS.iter().find(|member| member.unique).map_or("id", |member| member.name)
}

/// `FROM table WHERE table.org_id = $1`.
fn of_org<R: Resource>(org: OrgId) -> Parts {
    Parts::default().sql(format!("FROM {0} WHERE {0}.org_id = ", R::TABLE)).id(org)
}

impl PgTx {
    async fn one<R: Resource>(&mut self, org: OrgId, id: R::Id, tail: &str) -> StoreResult<Option<R>> {
        Ok(self.records(org, Parts::default().sql(" AND id = ").id(id).sql(tail)).await?.into_iter().next())
    }

    /// Records of an organization, by what comes after the condition on it.
    pub(crate) async fn records<R: Resource>(&mut self, org: OrgId, rest: Parts) -> StoreResult<Vec<R>> {
        let statement = Parts::default().sql(format!("SELECT {} ", selection::<R>())).and(of_org::<R>(org)).and(rest);
        let rows: Vec<Loaded<R>> = Select(statement).load(self.connection()?).await.map_err(error::store)?;
        Ok(rows.into_iter().map(|Loaded(record)| record).collect())
    }

    /// Stores those of these records that collide with none; how many.
    pub(crate) async fn insert_new_ones<R: Resource>(&mut self, records: &[R]) -> StoreResult<usize> {
        let mut stored = 0;
        // PostgreSQL takes 65,535 bound values; a statement of 500 rows is past the point of gaining by more.
        for records in records.chunks(500.min(65_000 / (R::MEMBERS.len() + 6))) {
            let mut parts = Parts::default();
            for (i, record) in records.iter().enumerate() {
                if i == 0 {
                    let names: Vec<&str> = written(record).map(|(name, ..)| name).collect();
                    parts = parts.sql(format!("INSERT INTO {} ({}) VALUES (", R::TABLE, names.join(", ")));
                } else {
                    parts = parts.sql("), (");
                }
                for (i, (_, kind, cell)) in written(record).enumerate() {
                    parts = parts.sql(if i > 0 { ", " } else { "" }).cell(kind, cell);
                }
            }
            // A violation would poison the transaction; the count of rows tells as much.
            let statement = Select(parts.sql(") ON CONFLICT DO NOTHING"));
            stored += RunQueryDsl::execute(statement, self.connection()?).await.map_err(error::store)?;
        }
        Ok(stored)
    }
}

#[async_trait]
impl<R: Resource> Repo<R> for PgTx {
    async fn find(&mut self, org: OrgId, id: R::Id) -> StoreResult<Option<R>> {
        self.one(org, id, "").await
    }

    async fn find_many(&mut self, org: OrgId, ids: &[R::Id]) -> StoreResult<Vec<R>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = ids.iter().map(|id| Scalar::Id((*id).into())).collect();
        self.records(org, Parts::default().sql(" AND id = ANY (").array(Kind::Ids, wanted).sql(")")).await
    }

    async fn lock(&mut self, org: OrgId, id: R::Id) -> StoreResult<Option<R>> {
        // Not FOR UPDATE: that would also wait for whoever refers to the record, and they for it.
        self.one(org, id, " FOR NO KEY UPDATE").await
    }

    async fn page(&mut self, org: OrgId, query: &ListQuery) -> StoreResult<Page<R>> {
        let total = if query.total {
            Some(list::count(self.connection()?, list::filter(of_org::<R>(org), query)).await?)
        } else {
            None
        };
        let rest = list::window(list::filter(Parts::default(), query), "id", query);
        Ok(Page::cut(query, self.records(org, rest).await?, total))
    }

    async fn tally(&mut self, org: OrgId, query: &ListQuery, by: &[&'static str]) -> StoreResult<Vec<Tally>> {
        let members: Vec<_> =
            by.iter().filter_map(|name| R::MEMBERS.iter().find(|member| member.name == *name)).collect();
        let casts: Vec<String> = members.iter().map(|member| format!("{}::text", member.column)).collect();
        let places: Vec<String> = (1..=members.len()).map(|place| place.to_string()).collect();
        let mut parts = Parts::default().sql(format!(
            "SELECT {}{} count(*) ",
            casts.join(", "),
            if members.is_empty() { "" } else { "," }
        ));
        parts = parts.and(list::filter(of_org::<R>(org), query));
        if !places.is_empty() {
            parts = parts.sql(format!(" GROUP BY {0} ORDER BY {0}", places.join(", ")));
        }
        let groups: Vec<Group> = Select(parts).load(self.connection()?).await.map_err(error::store)?;
        let cell = |ty: Ty, text: Option<String>| {
            let Some(text) = text else { return Cell::Null };
            match ty.kind() {
                Some(Kind::Int) => text.parse().map_or(Cell::Null, Cell::Int),
                Some(Kind::Bool) => Cell::Bool(text == "true"),
                Some(Kind::Id) => Uuid::parse_str(&text).map_or(Cell::Null, Cell::Id),
                _ => Cell::Text(text),
            }
        };
        Ok(groups
            .into_iter()
            .map(|Group(values, count)| {
                (members.iter().zip(values).map(|(member, text)| cell(member.ty, text)).collect(), count)
            })
            .collect())
    }

    async fn insert(&mut self, record: &R) -> StoreResult<()> {
        self.insert_many(std::slice::from_ref(record)).await
    }

    async fn insert_many(&mut self, records: &[R]) -> StoreResult<()> {
        match self.insert_new_ones(records).await? {
            stored if stored == records.len() => Ok(()),
            _ => Err(StoreError::Duplicate(unique::<R>())),
        }
    }

    async fn update(&mut self, record: &R, seen: i64) -> StoreResult<()> {
        let mut parts = Parts::default().sql(format!("UPDATE {} SET ", R::TABLE));
        for (i, (name, kind, cell)) in written(record).skip(2).enumerate() {
            parts = parts.sql(format!("{}{name} = ", if i > 0 { ", " } else { "" })).cell(kind, cell);
        }
        let parts = parts
            .sql(" WHERE org_id = ")
            .id(record.org())
            .sql(" AND id = ")
            .id(record.id())
            .sql(" AND revision = ")
            .bind(Scalar::Int(seen));
        let rows = RunQueryDsl::execute(Select(parts), self.connection()?).await;
        error::met(rows.map_err(error::store).map_err(|failure| match failure {
            StoreError::Duplicate(_) => StoreError::Duplicate(unique::<R>()),
            other => other,
        })?)
    }

    async fn delete(&mut self, org: OrgId, id: R::Id) -> StoreResult<()> {
        let parts = Parts::default().sql("DELETE ").and(of_org::<R>(org)).sql(" AND id = ").id(id);
        RunQueryDsl::execute(Select(parts), self.connection()?).await.map_err(error::store)?;
        Ok(())
    }
}

/// A line of a plan.
struct Line(String);

impl FromSqlRow<Untyped, Pg> for Line {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let field = row.get(0).ok_or("a column is missing")?;
        Ok(Self(FromSql::<Text, Pg>::from_nullable_sql(field.value())?))
    }
}

impl crate::PgBackend {
    /// How PostgreSQL would read a page of a list: the text of `EXPLAIN`.
    pub async fn explain_page<R: Resource>(&self, org: OrgId, query: &ListQuery) -> StoreResult<String> {
        let parts = Parts::default().sql(format!("SELECT {} ", selection::<R>()));
        let parts = list::window(parts.and(list::filter(of_org::<R>(org), query)), "id", query);
        self.explain(org, parts).await
    }

    /// How PostgreSQL would carry out a statement.
    pub(crate) async fn explain(&self, org: OrgId, statement: Parts) -> StoreResult<String> {
        let mut work = self.reader(org).await?;
        let plan = plan_of(&mut work, statement).await?;
        work.finish_read();
        Ok(plan)
    }
}

/// How PostgreSQL would carry out a statement in a transaction.
pub(crate) async fn plan_of(tx: &mut PgTx, statement: Parts) -> StoreResult<String> {
    let parts = Parts::default().sql("EXPLAIN ").and(statement);
    let lines: Vec<Line> = Select(parts).load(tx.connection()?).await.map_err(error::store)?;
    Ok(lines.into_iter().map(|Line(line)| line).collect::<Vec<_>>().join("\n"))
}

/// Where records of a kind lie that references may name.
struct Place {
    table: &'static str,
    column: &'static str,
    /// Whose they are, around the organization's id.
    owned: (&'static str, &'static str),
    /// What else must hold of them.
    condition: String,
}

fn place(kind: &str) -> Option<Place> {
    let own = ("org_id = ", "");
    let at = |table, column, owned, condition: &str| Place { table, column, owned, condition: condition.to_owned() };
    Some(match kind {
        "user" => at("memberships", "user_id", own, " AND status = 'active'"),
        "api_key" => at("api_keys", "id", own, " AND revoked_at IS NULL"),
        "organization" => at("organizations", "id", ("id = ", ""), " AND deleted_at IS NULL"),
        "framework" => at("frameworks", "id", ("(org_id IS NULL OR org_id = ", ")"), ""),
        kind => {
            let resource = grc_uow::registry::of_kind(kind)?;
            let there = resource.gone.map(|(member, word)| format!(" AND {member} <> '{word}'")).unwrap_or_default();
            at(resource.table, "id", own, &there)
        }
    })
}

/// One id of the answer.
pub(crate) struct Found(pub(crate) Uuid);

impl FromSqlRow<Untyped, Pg> for Found {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        let field = row.get(0).ok_or("a column is missing")?;
        Ok(Self(FromSql::<SqlUuid, Pg>::from_nullable_sql(field.value())?))
    }
}

#[async_trait]
impl References for PgTx {
    async fn missing(&mut self, org: OrgId, kind: &'static str, ids: &[Uuid]) -> StoreResult<Vec<Uuid>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // Of a kind that no domain keeps yet there are no records.
        let Some(Place { table, column, owned, condition }) = place(kind) else { return Ok(ids.to_vec()) };
        let wanted = ids.iter().copied().map(Scalar::Id).collect();
        let parts = Parts::default()
            .sql(format!("SELECT {column} FROM {table} WHERE {}", owned.0))
            .id(org)
            .sql(format!("{} AND {column} = ANY (", owned.1))
            .array(Kind::Ids, wanted)
            .sql(format!("){condition}"));
        let found: Vec<Found> = Select(parts).load(self.connection()?).await.map_err(error::store)?;
        Ok(ids.iter().copied().filter(|id| !found.iter().any(|Found(known)| known == id)).collect())
    }
}
