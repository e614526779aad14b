//! Keyset pages: SQL for a [`ListQuery`].
//!
//! The statement is a query fragment of our own rather than `diesel::sql_query`, because Diesel never caches
//! the latter's prepared statement. Its text holds only what a [`grc_kernel::ListSpec`] declares; every value is bound.

use std::marker::PhantomData;

use diesel::{
    Expression, Selectable,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Array, BigInt, Bool, Date, Double, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, methods::LoadQuery};
use grc_kernel::{
    Kind, ListQuery, Page, Record, StoreError, StoreResult,
    list::{Field, Scalar, Test},
    resource::Cell,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error;

/// A piece of a statement: text of ours, or a bound value.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Text, never a user's.
    Sql(String),
    /// A value.
    Bind(Bind),
}

/// A bound value.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    /// One value.
    One(Scalar),
    /// Several values of a kind, as an array.
    Many(Kind, Vec<Scalar>),
    /// The value of a resource's member, for a column of a kind (of documents where there is none).
    Cell(Option<Kind>, Cell),
}

/// A statement in pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts(Vec<Part>);

impl Parts {
    /// Text of ours.
    pub(crate) fn sql(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Sql(text.into()));
        self
    }

    /// A bound value.
    pub(crate) fn bind(mut self, value: Scalar) -> Self {
        self.0.push(Part::Bind(Bind::One(value)));
        self
    }

    /// A bound id.
    pub(crate) fn id(self, id: impl Into<Uuid>) -> Self {
        self.bind(Scalar::Id(id.into()))
    }

    /// Bound values as an array.
    pub(crate) fn array(mut self, kind: Kind, values: Vec<Scalar>) -> Self {
        // One value, however many it holds: a statement may bind 65,535, and is cached by its text.
        let bind = match kind {
            Kind::Id | Kind::Ids => {
                let ids = values.into_iter().filter_map(|value| match value {
                    Scalar::Id(id) => Some(id),
                    _ => None,
                });
                Bind::Cell(Some(Kind::Ids), Cell::Ids(ids.collect()))
            }
            Kind::Text | Kind::Texts | Kind::Choice(_) => {
                let texts = values.into_iter().filter_map(|value| match value {
                    Scalar::Text(text) => Some(text),
                    _ => None,
                });
                Bind::Cell(Some(Kind::Texts), Cell::Texts(texts.collect()))
            }
            kind => Bind::Many(kind, values),
        };
        self.0.push(Part::Bind(bind));
        self
    }

    /// A bound value of a resource's member.
    pub(crate) fn cell(mut self, kind: Option<Kind>, cell: Cell) -> Self {
        self.0.push(Part::Bind(Bind::Cell(kind, cell)));
        self
    }

    /// More pieces.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    pub(crate) fn walk<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for part in &self.0 {
            match part {
                Part::Sql(text) => out.push_sql(text),
                Part::Bind(Bind::One(value)) => bind_one(&mut out, value)?,
                Part::Bind(Bind::Many(kind, values)) => bind_many(&mut out, *kind, values)?,
                Part::Bind(Bind::Cell(kind, cell)) => bind_cell(&mut out, *kind, cell)?,
            }
        }
        Ok(())
    }
}

fn bind_one<'b>(out: &mut AstPass<'_, 'b, Pg>, value: &'b Scalar) -> QueryResult<()> {
    match value {
        Scalar::Text(text) => out.push_bind_param::<Text, _>(text),
        Scalar::Int(number) => out.push_bind_param::<BigInt, _>(number),
        Scalar::Number(number) => out.push_bind_param::<Double, _>(number),
        Scalar::Bool(flag) => out.push_bind_param::<Bool, _>(flag),
        Scalar::Time(at) => out.push_bind_param::<Timestamptz, _>(at),
        Scalar::Date(date) => out.push_bind_param::<Date, _>(date),
        Scalar::Id(id) => out.push_bind_param::<SqlUuid, _>(id),
    }
}

fn bind_cell<'b>(out: &mut AstPass<'_, 'b, Pg>, kind: Option<Kind>, cell: &'b Cell) -> QueryResult<()> {
    match cell {
        Cell::Null => match kind {
            Some(Kind::Text | Kind::Choice(_)) => out.push_bind_param::<Nullable<Text>, _>(&None::<String>),
            Some(Kind::Int) => out.push_bind_param::<Nullable<BigInt>, _>(&None::<i64>),
            Some(Kind::Number) => out.push_bind_param::<Nullable<Double>, _>(&None::<f64>),
            Some(Kind::Bool) => out.push_bind_param::<Nullable<Bool>, _>(&None::<bool>),
            Some(Kind::Time) => out.push_bind_param::<Nullable<Timestamptz>, _>(&None::<OffsetDateTime>),
            Some(Kind::Date) => out.push_bind_param::<Nullable<Date>, _>(&None::<time::Date>),
            Some(Kind::Id) => out.push_bind_param::<Nullable<SqlUuid>, _>(&None::<Uuid>),
            Some(Kind::Texts) => out.push_bind_param::<Nullable<Array<Text>>, _>(&None::<Vec<String>>),
            Some(Kind::Ids) => out.push_bind_param::<Nullable<Array<SqlUuid>>, _>(&None::<Vec<Uuid>>),
            None => out.push_bind_param::<Nullable<Jsonb>, _>(&None::<serde_json::Value>),
        },
        Cell::Text(text) => out.push_bind_param::<Text, _>(text),
        Cell::Int(number) => out.push_bind_param::<BigInt, _>(number),
        Cell::Number(number) => out.push_bind_param::<Double, _>(number),
        Cell::Bool(flag) => out.push_bind_param::<Bool, _>(flag),
        Cell::Time(at) => out.push_bind_param::<Timestamptz, _>(at),
        Cell::Date(date) => out.push_bind_param::<Date, _>(date),
        Cell::Id(id) => out.push_bind_param::<SqlUuid, _>(id),
        Cell::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts),
        Cell::Ids(ids) => out.push_bind_param::<Array<SqlUuid>, _>(ids),
        Cell::Json(value) => out.push_bind_param::<Jsonb, _>(value),
    }
}

/// An array of what a filter names a few of travels as its elements, `ARRAY[$1, $2]`, with a cast that names the type
/// where it is empty.
fn bind_many<'b>(out: &mut AstPass<'_, 'b, Pg>, kind: Kind, values: &'b [Scalar]) -> QueryResult<()> {
    out.push_sql("ARRAY[");
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push_sql(", ");
        }
        bind_one(out, value)?;
    }
    out.push_sql(match kind {
        Kind::Int => "]::bigint[]",
        Kind::Number => "]::double precision[]",
        Kind::Bool => "]::boolean[]",
        Kind::Time => "]::timestamptz[]",
        Kind::Date => "]::date[]",
        Kind::Text | Kind::Texts | Kind::Choice(_) => "]::text[]",
        Kind::Id | Kind::Ids => "]::uuid[]",
    });
    Ok(())
}

/// `SELECT <the row's columns> <the rest>`, cached by its text.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    rest: Parts,
    row: PhantomData<R>,
}

impl<R> Rows<R> {
    /// Rows of a type from `FROM ...` on.
    pub(crate) fn from(rest: Parts) -> Self {
        Self { rest, row: PhantomData }
    }
}

impl<R: Selectable<Pg>> Query for Rows<R>
where
    R::SelectExpression: Expression,
{
    type SqlType = <R::SelectExpression as Expression>::SqlType;
}

impl<R> QueryId for Rows<R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R: Selectable<Pg>> QueryFragment<Pg> for Rows<R>
where
    R::SelectExpression: QueryFragment<Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT ");
        // The selection of a `Selectable` row is a list of columns: it binds nothing, so a fresh one may be
        // walked for its text alone.
        out.push_sql(&selection::<R>()?);
        out.push_sql(" ");
        self.rest.walk(out)
    }
}

fn selection<R: Selectable<Pg>>() -> QueryResult<String>
where
    R::SelectExpression: QueryFragment<Pg>,
{
    use diesel::query_builder::QueryBuilder;
    let mut builder = diesel::pg::PgQueryBuilder::default();
    R::construct_selection().to_sql(&mut builder, &Pg)?;
    Ok(builder.finish())
}

/// `SELECT count(*) <the rest>`.
struct Count(Parts);

impl Query for Count {
    type SqlType = BigInt;
}

impl QueryId for Count {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Count {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) ");
        self.0.walk(out)
    }
}

/// A statement for what Diesel's own language cannot say. The rows of one that has any are read by position.
pub(crate) struct Statement(pub(crate) Parts);

impl Query for Statement {
    type SqlType = diesel::sql_types::Untyped;
}

impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk(out)
    }
}

/// One page of a table (or of a join) for a list request.
///
/// `from` is everything between the selection and the filters, ending in a condition: `FROM risks WHERE
/// risks.org_id = $1`. `id` is the column that breaks ties.
pub(crate) async fn page<R, T>(
    connection: &mut AsyncPgConnection,
    from: Parts,
    id: &str,
    query: &ListQuery,
) -> StoreResult<Page<T>>
where
    Rows<R>: for<'q> LoadQuery<'q, AsyncPgConnection, R>,
    R: TryInto<T> + Send + 'static,
    StoreError: From<<R as TryInto<T>>::Error>,
    T: Record,
{
    let filtered = filter(from, query);
    let total = if query.total { Some(count(connection, filtered.clone()).await?) } else { None };
    let rows: Vec<R> = Rows::<R>::from(window(filtered, id, query)).load(connection).await.map_err(error::store)?;
    let items =
        rows.into_iter().map(|row| row.try_into().map_err(StoreError::from)).collect::<StoreResult<Vec<T>>>()?;
    Ok(Page::cut(query, items, total))
}

/// How many rows there are from `FROM ...` on.
pub(crate) async fn count(connection: &mut AsyncPgConnection, from: Parts) -> StoreResult<i64> {
    Count(from).get_result(connection).await.map_err(error::store)
}

/// Adds the cursor, the order and the limit: one row more than asked for, which tells whether there are more.
pub(crate) fn window(filtered: Parts, id: &str, query: &ListQuery) -> Parts {
    let direction = if query.sort.descending { "DESC" } else { "ASC" };
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    after(filtered, id, query)
        .sql(format!(" ORDER BY {} {direction}, {id} {direction} LIMIT ", query.sort.field.column))
        .bind(Scalar::Int(limit))
}

/// Adds the request's filters and search words.
pub(crate) fn filter(mut parts: Parts, query: &ListQuery) -> Parts {
    for filter in query.conditions() {
        parts = test(parts.sql(" AND "), filter.field, &filter.test);
    }
    let searched: Vec<&str> = query.spec.all().filter(|field| field.searched).map(|field| field.column).collect();
    for word in &query.search {
        let pattern = format!("%{}%", word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        parts = parts.sql(" AND (");
        for (i, column) in searched.iter().enumerate() {
            parts = parts
                // The columns' own collation sorts by bytes and knows the case of no letter beyond ASCII.
                .sql(format!("{}{column} COLLATE \"und-x-icu\" ILIKE ", if i > 0 { " OR " } else { "" }))
                .bind(Scalar::Text(pattern.clone()));
        }
        parts = parts.sql(")");
    }
    parts
}

fn test(parts: Parts, field: &Field, test: &Test) -> Parts {
    let column = field.column;
    match test {
        Test::AnyOf(values) if field.kind.is_list() => {
            parts.sql(format!("{column} && ")).array(field.kind, values.clone())
        }
        Test::NoneOf(values) if field.kind.is_list() => {
            parts.sql(format!("NOT coalesce({column} && ")).array(field.kind, values.clone()).sql(", false)")
        }
        Test::AnyOf(values) => match values.as_slice() {
            // Written out, so that an index over those that are serves, whatever the plan knows of bound values.
            [Scalar::Bool(flag)] => parts.sql(format!("{}({column})", if *flag { "" } else { "NOT " })),
            [value] => parts.sql(format!("{column} = ")).bind(value.clone()),
            _ => parts.sql(format!("{column} = ANY (")).array(field.kind, values.clone()).sql(")"),
        },
        Test::NoneOf(values) => {
            parts.sql(format!("NOT coalesce({column} = ANY (")).array(field.kind, values.clone()).sql("), false)")
        }
        Test::AtLeast(value) => parts.sql(format!("{column} >= ")).bind(value.clone()),
        Test::AtMost(value) => parts.sql(format!("{column} <= ")).bind(value.clone()),
        Test::Null(null) if field.kind.is_list() => {
            parts.sql(format!("coalesce(cardinality({column}), 0) {} 0", if *null { "=" } else { ">" }))
        }
        Test::Null(null) => parts.sql(format!("{column} IS {}NULL", if *null { "" } else { "NOT " })),
        Test::Any(filters) => {
            let any = filters
                .iter()
                .fold(parts.sql("(false"), |parts, filter| self::test(parts.sql(" OR "), filter.field, &filter.test));
            any.sql(")")
        }
    }
}

/// Adds the condition that rows come after the cursor. Absent values are the greatest.
fn after(parts: Parts, id: &str, query: &ListQuery) -> Parts {
    let Some(cursor) = &query.after else { return parts };
    let field = query.sort.field;
    let (column, sign) = (field.column, if query.sort.descending { "<" } else { ">" });
    match (&cursor.value, field.nullable) {
        // A row comparison, which an index over (org_id, column, id) answers as a range.
        (Some(value), false) => {
            parts.sql(format!(" AND ({column}, {id}) {sign} (")).bind(value.clone()).sql(", ").id(cursor.id).sql(")")
        }
        (Some(value), true) => {
            let parts = parts
                .sql(format!(" AND (({column}, {id}) {sign} ("))
                .bind(value.clone())
                .sql(", ")
                .id(cursor.id)
                .sql(")");
            if query.sort.descending { parts.sql(")") } else { parts.sql(format!(" OR {column} IS NULL)")) }
        }
        (None, _) => {
            let parts = parts.sql(format!(" AND (({column} IS NULL AND {id} {sign} ")).id(cursor.id).sql(")");
            if query.sort.descending { parts.sql(format!(" OR {column} IS NOT NULL)")) } else { parts.sql(")") }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_one_value_however_long_it_is() {
        let texts = (0..70_000).map(|n| Scalar::Text(n.to_string())).collect();
        let ids = (0..70_000).map(|n| Scalar::Id(Uuid::from_u128(n))).collect();
        let parts = Parts::default().array(Kind::Texts, texts).sql(" ").array(Kind::Ids, ids);
        let mut builder = diesel::pg::PgQueryBuilder::default();
        QueryFragment::<Pg>::to_sql(&Statement(parts), &mut builder, &Pg).unwrap();
        assert_eq!(diesel::query_builder::QueryBuilder::<Pg>::finish(builder), "$1 $2");
    }
}
