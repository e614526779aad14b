//! A record as JSON text, without a detour over JSON values: lists write a hundred of them.

use serde_json::Value;
use uuid::Uuid;

use super::{CellRef, Resource, cell::push_json_str};

/// Appends a record as a JSON object: only the wanted members (and `id`) where any are named, and after its own the
/// extra ones.
pub fn write_record<R: Resource>(record: &R, wanted: Option<&[String]>, extra: &[(&str, Value)], out: &mut String) {
    let shows = |name: &str| wanted.is_none_or(|wanted| wanted.iter().any(|w| w == name));
    let id: Uuid = record.id().into();
    out.push_str("{\"id\":");
    CellRef::Id(id).write(out);
    let mut push = |name: &str, value: &CellRef<'_>| {
        if shows(name) {
            out.push(',');
            push_json_str(out, name);
            out.push(':');
            value.write(out);
        }
    };
    push("org_id", &CellRef::Id(record.org().0));
    for (member, attr) in R::members() {
        if member.role.is_shown() {
            push(member.name, &(attr.get)(record));
        }
    }
    for (name, value) in (R::DERIVED)(record) {
        push(name, &CellRef::Json(value));
    }
    if let Some(moves) = record.available_transitions() {
        push("available_transitions", &CellRef::Texts(moves.to_vec()));
    }
    for (name, value) in extra {
        push(name, &CellRef::Json(value.clone()));
    }
    let meta = record.meta();
    push("created_at", &CellRef::Time(meta.created_at));
    push("updated_at", &CellRef::Time(meta.updated_at));
    push("created_by", &CellRef::Id(meta.created_by));
    push("revision", &CellRef::Int(meta.revision));
    out.push('}');
}
