//! What an organization's own keys may read over MCP: the registers, by the same lists, permissions and limits as over
//! REST.

use grc_kernel::{
    Ctx, FieldError, Uuid, kit,
    list::ListRequest,
    resource::write_record,
    shape::{Member, Ty, may, must},
};
use grc_uow::Uow;
use serde_json::{Value, json};

use crate::{
    http::{
        problem::Problem,
        resource::Served,
        shape::{Input, Shape, Shaped},
    },
    shapes,
};

shapes! {
    /// A page of a register.
    ListRecords [&[REGISTER], &[
        may("filters", Ty::Map(&Ty::Scalar), "Filters as the REST list has them: `{\"status\": \"open\"}`."),
        may("q", Ty::Line(200), "Words to search for."),
        may("sort", Ty::Line(100), "The member to sort by; a minus before it turns the order around."),
        may("limit", Ty::Int(1, 200), "How many records; 50 where nothing is said."),
        may("cursor", Ty::Line(2_000), "Where the page before ended."),
    ]],
    /// One record of a register.
    GetRecord [&[REGISTER], &[must("id", Ty::Id, "Its id.")]],
}

/// What a call reads.
enum Wanted {
    Page(Vec<(String, String)>),
    One(Uuid),
}

macro_rules! registers {
    ($($name:literal: $resource:ty),+ $(,)?) => {
        /// The registers by name.
        pub const NAMES: &[&str] = &[$($name),+];

        async fn read(register: &str, ctx: &Ctx, uow: &mut Uow, wanted: Wanted) -> Result<Value, Problem> {
            match register {
                $($name => read_in::<$resource>(ctx, uow, wanted).await,)+
                _ => Err(Problem::not_found()),
            }
        }
    };
}

registers! {
    "risks": grc_risk::Entry,
    "risk_treatments": grc_risk::Treatment,
    "key_risk_indicators": grc_risk::Kri,
    "vendors": grc_vendor::Vendor,
    "vendor_contracts": grc_vendor::Contract,
    "vendor_assessments": grc_vendor::Assessment,
    "vendor_attestations": grc_vendor::Attestation,
    "incidents": grc_incident::Incident,
    "processes": grc_bcm::Process,
    "assets": grc_bcm::Asset,
    "controls": grc_assessments::Control,
    "assessments": grc_assessments::Assessment,
    "findings": grc_assessments::Finding,
    "evidence": grc_evidence::Evidence,
}

const REGISTER: Member = must("register", Ty::Word(NAMES), "Which register.");

/// The schema of a tool's arguments.
pub fn schemas() -> [&'static Shape; 2] {
    [ListRecords::SHAPE, GetRecord::SHAPE]
}

/// A page of a register.
pub async fn list(ctx: &Ctx, uow: &mut Uow, input: &Input) -> Result<Value, Problem> {
    let mut params: Vec<(String, String)> = Vec::new();
    for name in ["q", "sort", "limit", "cursor"] {
        if let Some(value) = input.members().get(name).filter(|value| !value.is_null()) {
            params.push((name.to_owned(), plain(value)));
        }
    }
    if let Some(Value::Object(filters)) = input.members().get("filters") {
        if let Some(reserved) = filters.keys().find(|name| params.iter().any(|(known, _)| known == *name)) {
            let field = format!("filters.{reserved}");
            return Err(Problem::fields(vec![FieldError::new(field, "unknown_field", "is no filter")]));
        }
        params.extend(filters.iter().map(|(name, value)| (name.clone(), plain(value))));
    }
    read(&input.text("register"), ctx, uow, Wanted::Page(params)).await
}

/// One record.
pub async fn get(ctx: &Ctx, uow: &mut Uow, input: &Input) -> Result<Value, Problem> {
    let id = input.get("id").unwrap_or_default();
    read(&input.text("register"), ctx, uow, Wanted::One(id)).await
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn read_in<R: Served>(ctx: &Ctx, uow: &mut Uow, wanted: Wanted) -> Result<Value, Problem> {
    let (records, next_cursor) = match wanted {
        Wanted::Page(params) => {
            let request = ListRequest::parse(R::LIST, &[], &params).map_err(Problem::fields)?;
            let page = kit::page::<R>(ctx, R::tx(uow), &request.query).await?;
            (page.items, Some(page.next_cursor))
        }
        Wanted::One(id) => (vec![kit::get::<R>(ctx, R::tx(uow), R::Id::from(id)).await?], None),
    };
    let records: Vec<R> = records.into_iter().map(|record| record.at(ctx)).collect();
    let mut extra = R::extra(ctx, uow, &records).await?.unwrap_or_default().into_iter();
    let mut shown = Vec::with_capacity(records.len());
    for record in &records {
        let mut text = String::with_capacity(1_024);
        write_record(record, None, &extra.next().unwrap_or_default(), &mut text);
        let value: Value = serde_json::from_str(&text).map_err(|error| Problem::new(500, error.to_string()))?;
        shown.push(value);
    }
    Ok(match next_cursor {
        Some(cursor) => json!({"items": shown, "next_cursor": cursor}),
        None => shown.into_iter().next().unwrap_or_default(),
    })
}
