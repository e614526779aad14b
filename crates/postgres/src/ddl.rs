//! The table that a resource's declaration calls for: the first draft of its migration, and what the schema test
//! holds the real table to.

use grc_kernel::{Kind, resource::Declared, shape::Member};
use grc_search::Source;
use grc_uow::registry;

/// The SQL type of a member's column.
pub fn column_type(member: &Member) -> &'static str {
    match member.ty.kind() {
        Some(Kind::Text | Kind::Choice(_)) => "text",
        Some(Kind::Int) => "bigint",
        Some(Kind::Number) => "double precision",
        Some(Kind::Bool) => "boolean",
        Some(Kind::Time) => "timestamptz",
        Some(Kind::Date) => "date",
        Some(Kind::Id) => "uuid",
        Some(Kind::Texts) => "text[]",
        Some(Kind::Ids) => "uuid[]",
        None => "jsonb",
    }
}

/// The names of the columns that need an index `(org_id, column, id)`: every sort, and every reference, by which
/// 'where used' and deletion look rows up.
pub fn indexed(resource: &Declared) -> Vec<&'static str> {
    let own = resource.members.iter().filter(|member| {
        let reference = matches!(member.ty, grc_kernel::shape::Ty::Ref(_));
        member.sortable || reference
    });
    own.map(|member| member.column).chain(["created_at", "updated_at"]).collect()
}

/// `CREATE TABLE` and what belongs to it.
pub fn create_table(resource: &Declared) -> String {
    let table = resource.table;
    let width = resource.members.iter().map(|member| member.column.len()).max().unwrap_or(0).max(10);
    let mut lines = Vec::new();
    let mut line = |name: &str, rest: String| lines.push(format!("    {name:width$} {rest}"));
    line("id", "uuid NOT NULL".into());
    line("org_id", "uuid NOT NULL REFERENCES organizations (id)".into());
    for member in resource.members {
        let collation = match member.ty.kind() {
            Some(Kind::Text | Kind::Choice(_)) if member.filtered || member.sortable => " COLLATE \"C\"",
            _ => "",
        };
        let null = if member.nullable { "" } else { " NOT NULL" };
        line(member.column, format!("{}{collation}{null}", column_type(member)));
    }
    for name in ["created_at", "updated_at"] {
        line(name, "timestamptz NOT NULL".into());
    }
    line("created_by", "uuid NOT NULL".into());
    line("revision", "bigint NOT NULL".into());
    lines.push("    PRIMARY KEY (org_id, id)".into());
    for member in resource.members {
        if let grc_kernel::shape::Ty::Ref(kind) = member.ty
            && let Some(other) = registry::table_of(kind)
        {
            lines.push(format!("    FOREIGN KEY (org_id, {}) REFERENCES {other} (org_id, id)", member.column));
        }
    }
    let mut sql = format!("CREATE TABLE {table} (\n{}\n);\n", lines.join(",\n"));
    for name in indexed(resource) {
        sql.push_str(&format!("CREATE INDEX {table}_{name} ON {table} (org_id, {name}, id);\n"));
    }
    for member in resource.members.iter().filter(|member| member.unique) {
        sql.push_str(&format!("CREATE UNIQUE INDEX {table}_one_{0} ON {table} (org_id, {0});\n", member.column));
    }
    sql.push_str(&format!("CALL protect_tenant_table('{table}');\n"));
    if let Some(source) = Source::of(resource) {
        sql.push_str(&make_searchable(&source));
    }
    sql
}

/// The call that makes a table searchable: the same text as its migration has, to which a test holds it.
pub fn make_searchable(source: &Source) -> String {
    let array = |columns: &[&str]| match columns {
        [] => "'{}'".to_owned(),
        columns => format!("ARRAY['{}']", columns.join("', '")),
    };
    let mut arguments = vec![format!("'{}', '{}', '{}'", source.table, source.kind, source.title)];
    if !source.names.is_empty() || !source.texts.is_empty() {
        arguments.push(array(&source.names));
    }
    if !source.texts.is_empty() {
        arguments.push(array(&source.texts));
    }
    if let Some((column, kind)) = source.parent {
        arguments.push(format!("parent => '{column}', parent_kind => '{kind}'"));
    }
    if let Some((column, word)) = source.gone {
        arguments.push(format!("gone => '{column}', gone_word => '{word}'"));
    }
    if source.kind == "evidence" {
        arguments.push("deep => ARRAY['evidence_texts', 'evidence_id', 'text']".to_owned());
    }
    format!("CALL make_searchable({});\n", arguments.join(", "))
}
