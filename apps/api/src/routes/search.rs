//! Search over every register and the text of evidence.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use grc_kernel::{FieldError, Resource, StoreError, record::timestamp};
use grc_search::{Found, Hit, Query, Wanted, highlight, ports::ONE, query::MAX};
use grc_uow::searched;
use paperclip::{
    actix::{OperationModifier, api_v2_operation, web},
    v2::{
        models::{DataType, DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    http::{
        call::{Answer, Call, Is, Need, Reply, Right},
        problem::Problem,
        resource::Served,
        shape::{Ty, may, must, null},
    },
    shapes,
};

/// The most hits of a page.
const LIMIT_MAX: usize = 50;
/// How many where nothing is said.
const LIMIT_DEFAULT: usize = 20;

shapes! {
    /// The record that a hit belongs to.
    SearchParent [&[
        must("type", Ty::Text(100), "Its type."),
        must("id", Ty::Id, "Its id."),
    ]],
    /// A record that was found.
    SearchHit [&[
        must("type", Ty::Text(100), "Its type, as in links and in the audit log."),
        must("id", Ty::Id, "Its id."),
        must("title", Ty::Text(200), "What it is called; plain text."),
        must("fragments", Ty::List(&Ty::Text(4_000), 4),
            "Where the words stand, the title first where it has any. HTML: the text is escaped, the words are in `<mark>`."),
        must("score", Ty::Number(0.0, 4.0),
            "How well it fits: 3 and more where it is called so, 2 and more where its names hold all the words, 1 and more otherwise."),
        may("parent", Ty::Object(SearchParent::SHAPE), "The record that it belongs to; absent where it belongs to none."),
        must("updated_at", Ty::Time, "When it was changed."),
        must("path", Ty::Text(300), "Where it is read: its own address, or that of the list that shows it where it has none."),
    ]],
    /// What was found, the best first.
    SearchResults [&[
        must("items", Ty::List(&Ty::Object(SearchHit::SHAPE), LIMIT_MAX), "The hits."),
        null("next_cursor", Ty::Text(500), "The cursor of the next page; null on the last."),
        must("total", Ty::Int(0, 1_000), "How many there are, as far as was looked."),
        must("total_is_lower_bound", Ty::Bool,
            "Whether there may be more: a search ranks at most 1,000 records, and does not look at all of very many."),
    ]],
}

/// Any member of the organization searches, and any key: what is found is what they may read.
pub struct Searching;

impl Right for Searching {
    const NEED: Need = Need::Any(grc_kernel::Access::Read);
}

/// Where records of a kind are read.
struct Place {
    kind: &'static str,
    path: &'static str,
    /// Whether a record has an address of its own there.
    own: bool,
}

const fn one<R: Served>() -> Place {
    Place { kind: <R as Resource>::KIND, path: R::PATH, own: true }
}

/// A record that only its list, or its only address, shows.
const fn listed<R: Served>() -> Place {
    Place { kind: <R as Resource>::KIND, path: R::PATH, own: false }
}

/// Where each kind that is searched is read. A test holds it against the kinds and the document.
const PLACES: &[Place] = &[
    one::<grc_coordination::Task>(),
    one::<grc_events::Webhook>(),
    one::<grc_assessments::Control>(),
    one::<grc_assessments::Assessment>(),
    one::<grc_assessments::Finding>(),
    one::<grc_evidence::Evidence>(),
    one::<grc_reports::Report>(),
    one::<grc_risk::Entry>(),
    listed::<grc_risk::Treatment>(),
    listed::<grc_risk::Acceptance>(),
    one::<grc_risk::Kri>(),
    listed::<grc_risk::Breach>(),
    one::<grc_risk::Analysis>(),
    one::<grc_risk::Scenario>(),
    one::<grc_vendor::Vendor>(),
    one::<grc_vendor::Service>(),
    one::<grc_vendor::Contract>(),
    one::<grc_vendor::Questionnaire>(),
    one::<grc_vendor::Assessment>(),
    listed::<grc_vendor::Grant>(),
    listed::<grc_vendor::Issued>(),
    one::<grc_incident::Incident>(),
    one::<grc_incident::TimelineEntry>(),
    one::<grc_incident::Task>(),
    listed::<grc_incident::Review>(),
    listed::<grc_incident::Exhibit>(),
    one::<grc_policy::Policy>(),
    one::<grc_bcm::Process>(),
    one::<grc_bcm::Asset>(),
    one::<grc_bcm::Dependency>(),
    one::<grc_bcm::Plan>(),
    one::<grc_bcm::Exercise>(),
    Place { kind: "user", path: "users", own: true },
    Place { kind: "framework", path: "/frameworks", own: true },
    Place { kind: "framework_control", path: "/frameworks/{framework_id}/controls", own: true },
];

/// Where a record is read: the address that a `Location` would give. A path that begins with a slash is outside the
/// organization's.
fn path(org: Uuid, hit: &Hit) -> String {
    let Some(place) = PLACES.iter().find(|place| place.kind == hit.kind) else { return String::new() };
    let mut out = "/api/v1".to_owned();
    if !place.path.starts_with('/') {
        out.push_str(&format!("/orgs/{org}/"));
    }
    for (i, part) in place.path.split('/').enumerate() {
        out.push_str(if i > 0 { "/" } else { "" });
        match (part.starts_with('{'), hit.parent) {
            (true, Some((_, parent))) => out.push_str(&parent.to_string()),
            _ => out.push_str(part),
        }
    }
    if place.own {
        out.push_str(&format!("/{}", hit.id));
    }
    out
}

/// The query parameters of a search.
pub struct Asked(Vec<(String, String)>);

/// The parameters, typed.
struct Parameters {
    query: Query,
    kinds: Vec<&'static str>,
    limit: usize,
    cursor: Option<String>,
}

impl Asked {
    fn read(&self) -> Result<Parameters, Problem> {
        let mut errors = Vec::new();
        let mut parameters =
            Parameters { query: Query::default(), kinds: Vec::new(), limit: LIMIT_DEFAULT, cursor: None };
        let mut seen: Vec<&str> = Vec::new();
        for (name, text) in &self.0 {
            if name != "type" && seen.contains(&name.as_str()) {
                errors.push(FieldError::new(name, "repeated", "may be given once"));
                continue;
            }
            seen.push(name);
            match name.as_str() {
                "q" => match Query::parse(text) {
                    Ok(query) => parameters.query = query,
                    Err(error) => errors.push(error),
                },
                "type" => match searched::sources().iter().find(|source| source.kind == text) {
                    Some(source) => parameters.kinds.push(source.kind),
                    None => {
                        let known: Vec<&str> = searched::sources().iter().map(|source| source.kind).collect();
                        errors.push(FieldError::new("type", "invalid", format!("must be one of {}", known.join(", "))));
                    }
                },
                "limit" => match text.parse::<usize>() {
                    Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => parameters.limit = limit,
                    _ => {
                        let detail = format!("must be a whole number from 1 to {LIMIT_MAX}");
                        errors.push(FieldError::new("limit", "out_of_range", detail));
                    }
                },
                "cursor" => parameters.cursor = Some(text.clone()),
                _ => errors.push(FieldError::new(name, "unknown", "is not a parameter of this route")),
            }
        }
        if !seen.contains(&"q") {
            errors.push(FieldError::new("q", "required", "must say what to look for"));
        }
        if errors.is_empty() { Ok(parameters) } else { Err(Problem::fields(errors)) }
    }
}

impl FromRequest for Asked {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let params = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map(actix_web::web::Query::into_inner)
            .map_err(|_| Problem::new(400, "the query string is malformed"));
        std::future::ready(params.map(Self))
    }
}

impl Apiv2Schema for Asked {}

impl OperationModifier for Asked {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        let parameter = |name: &str, data_type, doc: &str| Parameter {
            in_: ParameterIn::Query,
            name: name.to_owned(),
            description: Some(doc.to_owned()),
            data_type: Some(data_type),
            ..Parameter::default()
        };
        let doc = "What to look for. All words must occur; those of three letters or more, and the last one, also find \
                   what begins with them. \"In quotes\" words must follow each other; -word must not occur. Letters count \
                   the same with and without accents, small and capital.";
        let q = Parameter {
            required: true,
            min_length: Some(1),
            max_length: u32::try_from(MAX).ok(),
            ..parameter("q", DataType::String, doc)
        };
        let kinds = searched::sources().iter().map(|source| json!(source.kind)).collect();
        let kind = Parameter {
            enum_: kinds,
            ..parameter("type", DataType::String, "Only this type; repeated: any of these.")
        };
        let limit = Parameter {
            minimum: Some(1.0),
            maximum: u16::try_from(LIMIT_MAX).ok().map(f32::from),
            ..parameter("limit", DataType::Integer, &format!("The most hits of a page, {LIMIT_DEFAULT} where absent."))
        };
        let cursor = parameter("cursor", DataType::String, "The next_cursor of the page before.");
        op.parameters.extend([q, kind, limit, cursor].map(Either::Right));
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}

/// What a page shows.
fn shown(org: Uuid, wanted: &Wanted, found: Found) -> Value {
    let items: Vec<Value> = found
        .hits
        .iter()
        .map(|hit| {
            let whole = i32::try_from(hit.score).map_or(f64::from(i32::MAX), f64::from);
            let one = i32::try_from(ONE).map_or(1.0, f64::from);
            let mut item = json!({
                "type": hit.kind,
                "id": hit.id,
                "title": hit.title,
                "fragments": highlight::fragments(&wanted.query, &hit.title, &hit.body),
                "score": whole / one,
                "updated_at": timestamp(hit.updated_at),
                "path": path(org, hit),
            });
            if let (Some((kind, id)), Value::Object(members)) = (hit.parent, &mut item) {
                members.insert("parent".into(), json!({"type": kind, "id": id}));
            }
            item
        })
        .collect();
    json!({
        "items": items,
        "next_cursor": found.next.map(|after| wanted.cursor(after)),
        "total": found.total,
        "total_is_lower_bound": found.at_least,
    })
}

/// Searches every register and the text of evidence, for what the caller may read.
#[api_v2_operation(tags("Search"), operation_id = "search", summary = "Search every register and the text of evidence")]
async fn search(
    call: Call<Searching>,
    _path: web::Path<Uuid>,
    asked: Asked,
) -> Result<Reply<Is<SearchResults>>, Problem> {
    let asked = asked.read()?;
    let (kinds, every) = searched::readable(&call.ctx(), &asked.kinds);
    let mut wanted = Wanted { query: asked.query, kinds, every, limit: asked.limit, after: None };
    if let Some(cursor) = asked.cursor {
        wanted.after = Some(wanted.place(&cursor).map_err(|error| Problem::fields(vec![error]))?);
    }
    let found = call.app.db.read(call.org, async |uow| uow.app().search(call.org, &wanted).await).await;
    let found = found.map_err(|error: StoreError| Problem::from(error))?;
    let org = call.org.0;
    // The texts of files are long: not on a request thread.
    let body = tokio::task::spawn_blocking(move || shown(org, &wanted, found)).await;
    Ok(Reply::plain(Answer::ok(body.map_err(|error| Problem::new(500, error.to_string()))?)))
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(web::resource("/api/v1/orgs/{org_id}/search").route(web::get().to(search)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_is_searched_has_an_address() {
        let document = crate::serve::document();
        let paths = document["paths"].as_object().unwrap();
        for source in searched::sources() {
            let place = PLACES.iter().find(|place| place.kind == source.kind);
            let place = place.unwrap_or_else(|| panic!("{} has no place in PLACES", source.kind));
            let path = match place.path.strip_prefix('/') {
                Some(path) => format!("/api/v1/{path}"),
                None => format!("/api/v1/orgs/{{org_id}}/{}", place.path),
            };
            let read = |(known, item): (&String, &Value)| {
                let own = known
                    .strip_prefix(&format!("{path}/{{"))
                    .is_some_and(|rest| rest.find('}') == Some(rest.len() - 1));
                item.get("get").is_some() && if place.own { own } else { *known == path }
            };
            assert!(paths.iter().any(read), "{} is not read at {path}", source.kind);
            assert_eq!(
                place.path.contains('{'),
                source.parent.is_some() && place.path.contains('{'),
                "{}",
                source.kind
            );
        }
    }
}
