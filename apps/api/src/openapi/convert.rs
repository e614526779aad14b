//! Swagger 2.0, as paperclip emits it, to OpenAPI 3.1, with what it cannot say put in: shapes with all their
//! limits, access classes, the headers and errors that every operation of a kind has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::http::{export, shape::Shape};

/// The errors that operations answer with: status, name, when.
const ERRORS: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "The body is not JSON, or a header is malformed."),
    (401, "Unauthorized", "No credential, or one that is not valid."),
    (403, "Forbidden", "The caller lacks the permission."),
    (404, "NotFound", "Absent, or in an organization that the caller is not a member of."),
    (405, "MethodNotAllowed", "The path does not have this method; Allow says which it has."),
    (406, "NotAcceptable", "The answer cannot be had as what Accept names."),
    (408, "RequestTimeout", "The body did not arrive in time."),
    (409, "Conflict", "A duplicate, an illegal move, still referred to, or the same request still running."),
    (412, "PreconditionFailed", "If-Match names another revision."),
    (413, "PayloadTooLarge", "The body is too large."),
    (415, "UnsupportedMediaType", "The body is of another media type."),
    (422, "ValidationError", "A member, a parameter or a path id is of the wrong type or out of range."),
    (429, "RateLimited", "Too many requests; Retry-After says when to come again."),
    (500, "Internal", "A defect; the log has it under the request's id."),
    (503, "ServiceUnavailable", "A dependency that this route needs is down or not configured."),
];

/// Makes the document.
pub fn convert(swagger: &Value, shapes: &[&'static Shape], version: &str) -> Value {
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    let mut known: BTreeMap<&str, &'static Shape> = BTreeMap::new();
    for shape in shapes {
        shape.walk(&mut |shape| {
            known.insert(shape.name, shape);
            schemas.insert(shape.name.to_owned(), shape.schema());
        });
    }
    // Which kinds of record there are is known here, and not to the crate that refers to them.
    if let Some(kind) = schemas.get_mut("RecordReference").and_then(|schema| schema.pointer_mut("/properties/type")) {
        let mut kinds: Vec<&str> = grc_uow::registry::readable().map(|(kind, _)| kind).collect();
        kinds.sort_unstable();
        *kind = json!({"type": "string", "enum": kinds, "description": "Its type, as in the audit log."});
    }
    for resource in grc_uow::registry::resources() {
        let [shown, ..] = resource.shapes;
        if let (Some(machine), Some(Value::Object(schema))) = (resource.machine, schemas.get_mut(shown.name)) {
            let moves: Map<String, Value> =
                machine.moves.iter().map(|(from, to)| ((*from).to_owned(), json!(to))).collect();
            let machine = json!({"member": machine.field, "initial": machine.initial, "moves": moves});
            schema.insert("x-transitions".into(), machine);
        }
    }
    let mut paths = Map::new();
    let mut tags: Vec<String> = Vec::new();
    for (path, item) in swagger.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let mut converted = Map::new();
        for (method, operation) in item.as_object().into_iter().flatten() {
            if !matches!(method.as_str(), "get" | "put" | "post" | "patch" | "delete") {
                continue;
            }
            for tag in operation.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
                if !tags.iter().any(|known| known == tag) {
                    tags.push(tag.to_owned());
                }
            }
            converted.insert(method.clone(), self::operation(path, method, operation, &known, &mut schemas));
        }
        paths.insert(path.clone(), Value::Object(converted));
    }
    tags.sort();
    schemas.insert("Problem".into(), problem());
    keep_used(&paths, &mut schemas);
    schemas.insert(
        "RecordPart".into(),
        json!({
            "type": "object", "title": "RecordPart", "description": "A record with only the members that `fields` asked for, and its id.",
            "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}, "additionalProperties": true,
        }),
    );
    let responses: Map<String, Value> =
        ERRORS.iter().map(|(status, name, when)| ((*name).to_owned(), error(*status, when))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sovereign GRC",
            "version": version,
            "summary": "Governance, risk and compliance, self-hosted, REST first.",
            "description": "Every list is paged by cursor, every resource has an ETag, every POST takes an Idempotency-Key, every change leaves an audit entry in its own transaction.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": tags.iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "bearerAuth": {
                    "type": "http", "scheme": "bearer",
                    "description": "An access token from /auth/login, or an API key (sk-...).",
                },
                "cloudflareAccess": {
                    "type": "apiKey", "in": "header", "name": "Cf-Access-Jwt-Assertion",
                    "description": "A token of Cloudflare Access, where GRC_AUTH_MODE lets it in.",
                },
                "cloudflareAccessCookie": {
                    "type": "apiKey", "in": "cookie", "name": "CF_Authorization",
                    "description": "The same as a browser keeps it. What changes something must come from the service's own origin.",
                },
            },
        },
        "security": credentials(),
    })
}

/// Leaves out the schemas that no operation leads to: a resource may be served in part. Errors have `Problem`.
fn keep_used(paths: &Map<String, Value>, schemas: &mut BTreeMap<String, Value>) {
    let mut used = BTreeSet::from(["Problem".to_owned()]);
    let mut open: Vec<Value> = paths.values().cloned().collect();
    while let Some(part) = open.pop() {
        match part {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.into_iter().map(|(_, member)| member)),
            Value::String(text) => {
                let name = text.strip_prefix("#/components/schemas/").filter(|name| !used.contains(*name));
                if let Some((name, schema)) = name.and_then(|name| schemas.get_key_value(name)) {
                    used.insert(name.clone());
                    open.push(schema.clone());
                }
            }
            _ => {}
        }
    }
    schemas.retain(|name, _| used.contains(name));
}

/// Any of the credentials will do.
fn credentials() -> Value {
    json!([{"bearerAuth": []}, {"cloudflareAccess": []}, {"cloudflareAccessCookie": []}])
}

/// Path parameters that are names rather than ids: a part of the path, the parameter, its pattern.
const NAMED: &[(&str, &str, &str)] = &[("/opa/policies/", "policy_id", grc_policy::policy::NAME_PATTERN)];

/// What answers with tokens, which are not kept to be replayed.
const UNKEPT: &[&str] = &["/api/v1/auth/invitations/accept", "/api/v1/auth/login", "/api/v1/auth/refresh"];

fn operation(
    path: &str,
    method: &str,
    operation: &Value,
    known: &BTreeMap<&str, &'static Shape>,
    schemas: &mut BTreeMap<String, Value>,
) -> Value {
    let text = |name: &str| operation.get(name).and_then(Value::as_str).map(str::to_owned);
    let need = operation.pointer("/security/0/bearerAuth/0").and_then(Value::as_str).unwrap_or("public").to_owned();
    let public = need == "public";
    let mut parameters: Vec<Value> = Vec::new();
    let mut body = None;
    for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        match parameter.get("in").and_then(Value::as_str) {
            Some("body") => body = Some(parameter),
            Some(_) => parameters.push(self::parameter(parameter)),
            None => {}
        }
    }
    // Generic handlers read path parameters by name; all are ids but the plain ones that a handler declares.
    for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        // A list under another record may filter by a member of the same name.
        let is = |known: &Value, member: &str, text: &str| known.get(member).and_then(Value::as_str) == Some(text);
        if !parameters.iter().any(|known| is(known, "name", name) && is(known, "in", "path")) {
            let named = NAMED.iter().find(|(within, parameter, _)| path.contains(within) && name == *parameter);
            let schema = match named {
                Some((_, _, pattern)) => json!({"type": "string", "pattern": pattern}),
                None => json!({"type": "string", "format": "uuid"}),
            };
            parameters.push(json!({"name": name, "in": "path", "required": true, "schema": schema}));
        }
    }
    let one = path.ends_with('}');
    if method == "post" {
        let kept = if UNKEPT.contains(&path) {
            "Taken, as every POST takes one, but no token is ever kept: each request is carried out."
        } else {
            "The first answer to this key is kept 24 hours and replayed."
        };
        parameters.push(header("Idempotency-Key", kept, json!({"type": "string", "minLength": 1, "maxLength": 255})));
    } else if method != "get" {
        parameters.push(header(
            "If-Match",
            "The ETag that the caller has seen; another revision answers 412.",
            json!({"type": "string"}),
        ));
    } else if one {
        parameters.push(header(
            "If-None-Match",
            "The ETag that the caller has; where it still holds the answer is 304.",
            json!({"type": "string"}),
        ));
    }
    let mut responses = Map::new();
    for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let error = ERRORS.iter().find(|(error, _, _)| error.to_string() == *status);
        let response = error.map_or_else(
            || self::response(status, response, method, one, known, schemas),
            |(_, name, _)| json!({"$ref": format!("#/components/responses/{name}")}),
        );
        responses.insert(status.clone(), response);
    }
    if method == "get" && one {
        responses.insert("304".into(), json!({"description": "The caller's copy is current."}));
    }
    let writes = method != "get";
    let exported = operation
        .pointer("/responses/200/schema/title")
        .and_then(Value::as_str)
        .is_some_and(|t| t.starts_with("x-list:"));
    for (status, name, _) in ERRORS {
        let applies = match status {
            // Log-in and its like answer 401 to a wrong credential.
            401 => !public || path.starts_with("/api/v1/auth/"),
            // Where people sign in through Cloudflare Access alone, passwords are refused.
            403 => !public || path.starts_with("/api/v1/auth/"),
            // A question to a policy names its organization and its incident in the body.
            404 => path.contains('{') || path.ends_with("/opa/decisions"),
            400 => body.is_some() || writes || !parameters.is_empty(),
            408 | 413 | 415 => body.is_some(),
            // Said of the operations that are there to answer it.
            405 => false,
            406 => exported,
            // Somebody's own things are a person's: a key has none.
            409 => writes || need == "self",
            412 => writes && method != "post",
            422 => body.is_some() || writes || !parameters.is_empty(),
            _ => true,
        };
        if applies && !responses.contains_key(&status.to_string()) {
            responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
        }
    }
    let mut out = json!({
        "operationId": text("operationId"),
        "summary": text("summary").unwrap_or_default(),
        "tags": operation.get("tags").cloned().unwrap_or_else(|| json!([])),
        "x-permission": need,
        "security": if public { json!([]) } else { credentials() },
        "parameters": parameters,
        "responses": responses,
    });
    if let Value::Object(members) = &mut out {
        if let Some(description) = text("description") {
            members.insert("description".into(), description.into());
        }
        if let Some(body) = body {
            let name =
                body.pointer("/schema/title").and_then(Value::as_str).and_then(|title| title.strip_prefix("x-shape:"));
            // A body that may be a file as well as a document.
            let (name, files) =
                name.and_then(|name| name.split_once('+')).map_or((name, None), |(n, f)| (Some(n), Some(f)));
            let shape = name.and_then(|name| known.get(name));
            let required = method != "post" || shape.is_some_and(|shape| shape.all().any(|member| member.required));
            let mut kinds = json!({"application/json": content(name.unwrap_or_default(), shape)});
            for file in files.into_iter().flat_map(|files| files.split('+')) {
                if let Value::Object(kinds) = &mut kinds {
                    kinds.insert(file.to_owned(), json!({"schema": {"type": "string", "format": "binary"}}));
                }
            }
            members.insert("requestBody".into(), json!({"required": required, "content": kinds}));
        }
    }
    out
}

fn content(name: &str, shape: Option<&&'static Shape>) -> Value {
    match shape {
        Some(shape) => json!({"schema": {"$ref": format!("#/components/schemas/{name}")}, "example": shape.example()}),
        None => json!({"schema": {"type": "object"}}),
    }
}

fn response(
    status: &str,
    response: &Value,
    method: &str,
    one: bool,
    known: &BTreeMap<&str, &'static Shape>,
    schemas: &mut BTreeMap<String, Value>,
) -> Value {
    let description = match status {
        "201" => "Created.",
        "202" if response.get("schema").is_none() => "Taken; no answer was wanted.",
        "202" => "Accepted; the work goes on.",
        "204" => "Done; there is nothing to show.",
        _ => "Done.",
    };
    let mut out = json!({"description": description});
    let title = response.pointer("/schema/title").and_then(Value::as_str).unwrap_or_default();
    let Value::Object(members) = &mut out else { return out };
    if let Some(name) = title.strip_prefix("x-list:") {
        let page = format!("{name}Page");
        let example = known.get(name).map(|shape| json!({"items": [shape.example()], "next_cursor": null}));
        schemas.entry(page.clone()).or_insert_with(|| json!({
            "type": "object", "title": page, "description": "A page of a list.",
            "required": ["items", "next_cursor"], "additionalProperties": false,
            "properties": {
                "items": {"type": "array", "items": {"anyOf": [
                    {"$ref": format!("#/components/schemas/{name}")}, {"$ref": "#/components/schemas/RecordPart"},
                ]}},
                "next_cursor": {"type": ["string", "null"], "description": "The cursor of the next page; null on the last."},
                "total": {"type": "integer", "minimum": 0, "description": "All items that the filter matches, where asked."},
            },
        }));
        members.insert(
            "content".into(),
            json!({
                "application/json": {"schema": {"$ref": format!("#/components/schemas/{page}")}, "example": example},
                export::CSV: {"schema": {"type": "string"}},
                export::XLSX: {"schema": {"type": "string", "format": "binary"}},
            }),
        );
    } else if let Some((one, other)) = title.strip_prefix("x-shape:").and_then(|names| names.split_once('|')) {
        let either = [one, other].map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
        let example = known.get(one).map(|shape| shape.example());
        let body = json!({"schema": {"oneOf": either}, "example": example});
        members.insert("content".into(), json!({"application/json": body}));
    } else if let Some(name) = title.strip_prefix("x-shape:") {
        let (name, other) = name.split_once('+').map_or((name, None), |(name, other)| (name, Some(other)));
        let mut kinds = json!({"application/json": content(name, known.get(name))});
        if let (Some(other), Value::Object(kinds)) = (other, &mut kinds) {
            let media = if other == "svg" { "image/svg+xml" } else { export::CSV };
            kinds.insert(media.into(), json!({"schema": {"type": "string"}}));
        }
        members.insert("content".into(), kinds);
    } else if let Some(media) = title.strip_prefix("x-media:") {
        let kinds: Map<String, Value> =
            media.split(' ').map(|media| (media.to_owned(), json!({"schema": file(media)}))).collect();
        members.insert("content".into(), kinds.into());
    }
    let mut headers = Map::new();
    if status == "201" {
        headers.insert(
            "Location".into(),
            json!({"description": "Where the new resource is.", "schema": {"type": "string"}}),
        );
    }
    if status == "201" || one && (method == "get" || method == "patch") {
        headers.insert("ETag".into(), json!({"description": "The resource's revision.", "schema": {"type": "string"}}));
    }
    if !headers.is_empty() {
        members.insert("headers".into(), headers.into());
    }
    out
}

/// The schema of a file: a client must know whether to read it as JSON, as text or as bytes.
fn file(media: &str) -> Value {
    if media == "application/json" {
        json!({"type": "object"})
    } else if media.starts_with("text/") {
        json!({"type": "string"})
    } else {
        json!({"type": "string", "format": "binary"})
    }
}

fn parameter(parameter: &Value) -> Value {
    let mut schema = Map::new();
    for name in ["type", "format", "enum", "minimum", "maximum", "minLength", "maxLength", "items", "pattern"] {
        if let Some(value) = parameter.get(name) {
            let value = match value.as_f64() {
                // Bounds come as floats; those of whole numbers are whole.
                Some(number) if number.fract() == 0.0 => {
                    serde_json::from_str(&format!("{number:.0}")).unwrap_or(value.clone())
                }
                _ => value.clone(),
            };
            schema.insert(name.to_owned(), value);
        }
    }
    let location = parameter.get("in").and_then(Value::as_str).unwrap_or("query");
    let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
    let mut out = json!({"name": name, "in": location, "required": location == "path", "schema": schema});
    if let (Some(description), Value::Object(members)) = (parameter.get("description"), &mut out) {
        members.insert("description".into(), description.clone());
    }
    if parameter.get("required") == Some(&Value::Bool(true))
        && let Value::Object(members) = &mut out
    {
        members.insert("required".into(), true.into());
    }
    // The members that `fields` may name come as its words: paperclip has no patterns.
    if name == "fields"
        && let Some(Value::Object(schema)) = out.get_mut("schema")
        && let Some(Value::Array(words)) = schema.remove("enum")
    {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        let any = words.join("|");
        schema.insert("pattern".into(), format!("^({any})(,({any}))*$").into());
    }
    out
}

fn header(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema})
}

fn problem() -> Value {
    json!({
        "type": "object", "title": "Problem", "description": "An error (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
            "code": {"type": "string"}, "request_id": {"type": "string"},
            "field": {"type": "string", "description": "The first bad member."},
            "errors": {"type": "array", "items": {
                "type": "object", "required": ["field", "code", "detail"],
                "properties": {"field": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            }},
            "available_transitions": {"type": "array", "items": {"type": "string"}},
        },
    })
}

fn error(status: u16, when: &str) -> Value {
    let code = crate::http::problem::code(status);
    let mut example = json!({
        "type": format!("urn:sovereign-grc:problem:{}", code.to_lowercase().replace('_', "-")),
        "title": when, "status": status, "detail": when, "code": code, "request_id": "019cdf6a-6000-7a5b-8c1d-2e3f40516273",
    });
    if let (422, Value::Object(members)) = (status, &mut example) {
        members.insert("field".into(), "name".into());
        members.insert("errors".into(), json!([{"field": "name", "code": "required", "detail": "must be given"}]));
    }
    let mut headers = json!({});
    if let (429 | 503, Value::Object(members)) = (status, &mut headers) {
        members.insert("Retry-After".into(), json!({"description": "Seconds.", "schema": {"type": "integer"}}));
    }
    json!({
        "description": when, "headers": headers,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    })
}
