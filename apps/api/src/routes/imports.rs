//! Imports: a table, taken whole and looked through, then carried out by a job; and templates.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use grc_kernel::{FieldError, JobStatus, Refusal, record::timestamp, resource::Nested};
use grc_transfer::{
    Import, ImportId, ImportRow,
    columns::{Known, Mapping},
    model::{FAILED_MAX, Mode, RowError},
    service,
    table::{self, COLUMNS_MAX, Format},
};
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
    bulk::{self, Spool},
    http::{
        call::{Answer, AnyRead, AnyWrite, Begun, Call, Is, Reply, Templated},
        export::{CSV, XLSX},
        negotiate::negotiate,
        problem::Problem,
        shape::{Shaped, Ty, may, must, null},
    },
    shapes,
    transfer::{
        job::{ATOMIC_MAX, Options},
        scan::{self, Looked},
        target::{self, TARGETS, Target},
    },
};

const COUNT: Ty = Ty::Int(0, i64::MAX);

shapes! {
    /// A row of an import that failed.
    ImportItem [&[
        must("row", Ty::Int(1, i64::MAX), "Its number: the heading is row 1; in JSON the first object is 1."),
        must("status", Ty::Word(&["failed"]), "What became of it."),
        must("errors", Ty::List(&Ty::Object(RowError::SHAPE), COLUMNS_MAX), "What is wrong with it."),
    ]],
    /// What came of an import; of a dry run, what would.
    ImportResult [&[
        must("rows", COUNT, "The rows of the table that say something, without its heading."),
        must("done", COUNT, "How many of them were looked at."),
        must("created", COUNT, "Records created."),
        must("updated", COUNT, "Records changed."),
        must("unchanged", COUNT, "Rows that say what their records have already."),
        must("failed", COUNT, "Rows that failed."),
        must("ignored_columns", Ty::List(&Ty::Line(500), COLUMNS_MAX), "Columns that the service sets itself, or that were to be left out."),
    ]],
    /// An import: a job.
    ImportJob [&[
        must("id", Ty::Id, "Its id."),
        must("org_id", Ty::Id, "The organization."),
        must("kind", Ty::Word(&[service::JOB]), "What kind of job it is."),
        must("resource", Ty::Line(100), "The register."),
        must("format", Ty::Word(Format::NAMES), "How the table is written."),
        must("mode", Ty::Word(Mode::NAMES), "Whether it changes anything."),
        must("atomic", Ty::Bool, "Whether all rows count or none; else each for itself."),
        must("status", Ty::Word(JobStatus::NAMES), "Where it stands. One of which all or none were to count has failed where a row did."),
        must("progress", Ty::Int(0, 100), "How far it is, in hundredths."),
        must("result", Ty::Object(<ImportResult as Shaped>::SHAPE), "What came of it so far."),
        null("error", Ty::Text(20_000), "Why nothing of it counts."),
        must("items", Ty::List(&Ty::Object(<ImportItem as Shaped>::SHAPE), FAILED_MAX), "The rows that failed, the first 1,000."),
        must("sha256", Ty::Line(64), "The file's SHA-256 in hex."),
        must("size", COUNT, "The file's size in bytes."),
        must("created_at", Ty::Time, "When it was wanted."),
        must("updated_at", Ty::Time, "When it last moved."),
        must("created_by", Ty::Id, "Who wanted it."),
        must("revision", Ty::Int(1, i64::MAX), "Its revision."),
        null("finished_at", Ty::Time, "When it was over."),
    ]],
    /// A table as JSON. The list alone will do as well.
    ImportTable [&[
        must("items", Ty::List(&Ty::Any, 200_000), "The rows: objects with the members of the template.")
            .sample(r#"[{"title": "Ransomware on the file servers", "category": "cyber", "likelihood": 3, "impact": 4}]"#),
    ]],
    /// A column of a template.
    ImportColumn [&[
        must("name", Ty::Line(100), "Its heading, and the member that it stands for."),
        must("type", Ty::Line(100), "What its cells hold."),
        must("required", Ty::Bool, "Whether a new record must have it."),
        must("settable", Ty::Bool, "Whether an import looks at it; the service sets the others itself."),
        must("description", Ty::Text(2_000), "What it is."),
        may("allowed", Ty::List(&Ty::Line(200), 1_000), "Its words, where it has some."),
        may("refers_to", Ty::Line(100), "The type of record that it names: by id, by reference or name, people by e-mail address."),
    ]],
    /// What tables of a register look like.
    ImportTemplate [&[
        must("resource", Ty::Line(100), "The register, as imports name it."),
        must("type", Ty::Line(100), "The type of its records, as in links and in the audit log."),
        must("creates", Ty::Bool, "Whether a row without a record creates one."),
        must("updates", Ty::Bool, "Whether a row changes the record that it means."),
        must("matches", Ty::List(&Ty::Line(100), 10), "The members by which a row without an id can find its record, for `match`."),
        must("columns", Ty::List(&Ty::Object(<ImportColumn as Shaped>::SHAPE), COLUMNS_MAX), "Its columns, which its export has too."),
    ]],
    /// The registers that tables are imported into.
    ImportTemplates [&[
        must("items", Ty::List(&Ty::Object(<ImportTemplate as Shaped>::SHAPE), 1_000), "A template for each."),
    ]],
}

/// A table on its way in, and how it is to be taken.
pub struct Incoming {
    request: HttpRequest,
    payload: Payload,
    parameters: Vec<(String, String)>,
}

impl FromRequest for Incoming {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parameters = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map(actix_web::web::Query::into_inner)
            .map_err(|_| Problem::new(400, "the query string is malformed"));
        let (request, payload) = (request.clone(), payload.take());
        ready(parameters.map(|parameters| Self { request, payload, parameters }))
    }
}

impl Apiv2Schema for Incoming {}

impl OperationModifier for Incoming {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        let parameter = |name: &str, data_type, words: &[&str], doc: &str| {
            Either::Right(Parameter {
                in_: ParameterIn::Query,
                name: name.to_owned(),
                description: Some(doc.to_owned()),
                data_type: Some(data_type),
                enum_: words.iter().map(|word| json!(word)).collect(),
                required: name == "resource",
                ..Parameter::default()
            })
        };
        let registers: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        op.parameters.extend([
            parameter("resource", DataType::String, &registers, "The register that the table is of."),
            parameter("format", DataType::String, Format::NAMES, "How the table is written; else as `Content-Type` says."),
            parameter("mode", DataType::String, Mode::NAMES, "`dry_run` shows what would be done and changes nothing; `apply` where absent."),
            parameter("atomic", DataType::Boolean, &[], "Whether all rows count or none (the default); with false each for itself."),
            parameter("mapping", DataType::String, &[], "A JSON object: the member for each heading that is not its name, null for a column to leave out."),
            parameter("match", DataType::String, &[], "Members by which rows without an id find their records, separated by commas; else those of which no two records have the same."),
            parameter("sheet", DataType::String, &[], "The worksheet of a workbook; the first one where absent."),
        ]);
        op.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Body,
            name: "body".into(),
            required: true,
            schema: Some(DefaultSchemaRaw {
                title: Some(format!("x-shape:ImportTable+{CSV}+{XLSX}")),
                ..DefaultSchemaRaw::default()
            }),
            ..Parameter::default()
        }));
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}

/// How a table is to be taken.
struct Asked {
    target: &'static Target,
    format: Format,
    mode: Mode,
    atomic: bool,
    options: Options,
}

fn kind_of(request: &HttpRequest) -> String {
    let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The parameters, typed, every mistake reported.
fn read(parameters: &[(String, String)], kind: &str) -> Result<Asked, Problem> {
    let mut errors = Vec::new();
    let mut note = |field: &str, code: &'static str, detail: String| errors.push(FieldError::new(field, code, detail));
    let of_words = |words: &[&str]| format!("must be one of {}", words.join(", "));
    let registers: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let (mut target, mut format, mut mode, mut atomic) = (None, None, Mode::Apply, true);
    let (mut options, mut matching) = (Options::default(), None);
    let mut seen: Vec<&str> = Vec::new();
    for (name, text) in parameters {
        if seen.contains(&name.as_str()) {
            note(name, "repeated", "may be given once".to_owned());
            continue;
        }
        seen.push(name);
        match name.as_str() {
            "resource" => match target::of_name(text) {
                Some(known) => target = Some(known),
                None => note(name, "invalid", of_words(&registers)),
            },
            "format" => match Format::parse(text) {
                Some(known) => format = Some(known),
                None => note(name, "invalid", of_words(Format::NAMES)),
            },
            "mode" => match Mode::parse(text) {
                Some(known) => mode = known,
                None => note(name, "invalid", of_words(Mode::NAMES)),
            },
            "atomic" => match text.as_str() {
                "true" => atomic = true,
                "false" => atomic = false,
                _ => note(name, "invalid", of_words(&["true", "false"])),
            },
            "mapping" => match mapping(text) {
                Some(mapping) => options.mapping = mapping,
                None => note(name, "type", "must be a JSON object of texts and nulls".to_owned()),
            },
            "match" => matching = Some(text.as_str()),
            "sheet" => options.sheet = Some(text.clone()),
            _ => note(name, "unknown", "is not a parameter of this route".to_owned()),
        }
    }
    if !seen.contains(&"resource") {
        note("resource", "required", of_words(&registers));
    }
    if let Some(target) = target {
        let known = (target.known)();
        for member in options.mapping.values().flatten() {
            if known.member(member).is_none() && !known.others.contains(member.as_str()) {
                let all: Vec<&str> = known.members.iter().map(|member| member.name).collect();
                note("mapping", "unknown_member", format!("«{member}» is none of {}", all.join(", ")));
            }
        }
        let names = (target.names)();
        match matching {
            // What no two records have the same finds its record without being told.
            None => options.matching = names.iter().copied().filter(|name| is_unique(&known, name)).collect(),
            Some(text) => {
                for name in text.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "id") {
                    match names.iter().find(|known| **known == name) {
                        Some(known) => options.matching.push(known),
                        None => note("match", "invalid", format!("«{name}» is none of id, {}", names.join(", "))),
                    }
                }
            }
        }
    }
    let format = format.or(match kind {
        "application/json" => Some(Format::Json),
        kind if kind == CSV || kind == "application/csv" => Some(Format::Csv),
        kind if kind == XLSX => Some(Format::Xlsx),
        _ => None,
    });
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let format = format.ok_or_else(|| {
        Problem::new(
            415,
            format!("the body must be {CSV}, {XLSX} or application/json, or the parameter format must say so"),
        )
    })?;
    let target = target.ok_or_else(Problem::not_found)?;
    Ok(Asked { target, format, mode, atomic, options })
}

fn is_unique(known: &Known, name: &str) -> bool {
    known.member(name).is_some_and(|member| member.unique)
}

fn mapping(text: &str) -> Option<Mapping> {
    let Ok(Value::Object(members)) = grc_kernel::shape::parse(text.as_bytes()) else { return None };
    let one = |(heading, to): (String, Value)| match to {
        Value::Null => Some((heading, None)),
        Value::String(member) => Some((heading, Some(member))),
        _ => None,
    };
    members.into_iter().map(one).collect()
}

fn shown(import: &Import, rows: &[ImportRow], progress: Option<i32>) -> Value {
    let item = |row: &ImportRow| {
        json!({
            "row": row.number,
            "status": "failed",
            "errors": row.errors.iter().map(Nested::to_json).collect::<Vec<_>>(),
        })
    };
    let done = import.rows_done.saturating_mul(100).checked_div(import.rows_total.max(1)).unwrap_or(0);
    let running = i64::from(progress.unwrap_or(0)).max(done).clamp(0, 99);
    json!({
        "id": import.id.to_string(),
        "org_id": import.org.to_string(),
        "kind": service::JOB,
        "resource": import.resource,
        "format": import.format.as_str(),
        "mode": import.mode.as_str(),
        "atomic": import.atomic,
        "status": import.status.as_str(),
        "progress": if import.status.is_over() { 100 } else { running },
        "result": {
            "rows": import.rows_total,
            "done": import.rows_done,
            "created": import.created,
            "updated": import.updated,
            "unchanged": import.unchanged,
            "failed": import.failed,
            "ignored_columns": import.ignored_columns,
        },
        "error": import.error,
        "items": rows.iter().map(item).collect::<Vec<_>>(),
        "sha256": import.sha256,
        "size": import.size,
        "created_at": timestamp(import.meta.created_at),
        "updated_at": timestamp(import.meta.updated_at),
        "created_by": import.meta.created_by.to_string(),
        "revision": import.meta.revision,
        "finished_at": import.finished_at.map(timestamp),
    })
}

/// Whoever may not read or change a register imports nothing into it, and sees no import of it.
fn allowed<R>(call: &Call<R>, target: &Target, change: bool) -> Result<(), Problem>
where
    R: crate::http::call::Right,
{
    let actor = call.ctx().actor;
    let rights = [Some(target.read), change.then_some(target.write)];
    match rights.into_iter().flatten().find(|right| !actor.may(*right)) {
        Some(right) => Err(Problem::new(403, format!("this needs the permission {right}"))),
        None => Ok(()),
    }
}

/// Imports a table.
#[api_v2_operation(
    tags("Imports"),
    operation_id = "create_import",
    summary = "Import a table into a register",
    description = "The table is read at once, and what is wrong with it as a whole is the answer; its rows are carried out by a \
job, each as the request that it stands for. A row with an id, or with what no two records have the same, means that record, \
and changes what it says otherwise; any other row creates one. References are ids, references or names; people are e-mail \
addresses. See docs/import.md."
)]
async fn begin(
    call: Call<AnyWrite>,
    _path: web::Path<Uuid>,
    incoming: Incoming,
) -> Result<Reply<Begun<ImportJob>>, Problem> {
    call.alone()?;
    let Incoming { request, mut payload, parameters } = incoming;
    let asked = read(&parameters, &kind_of(&request))?;
    allowed(&call, asked.target, true)?;
    let store = call.app.store.clone().ok_or_else(|| Problem::new(503, "no evidence store is configured"))?;
    let folder = bulk::folder(&call.app.config.data_dir);
    let spool = Spool::receive(folder, call.app.config.upload_pace, &request, &mut payload).await?;
    // The same table under the same key is the same import, and is not kept a second time.
    if let Some(kept) = call.kept(&spool.sha256).await? {
        return Ok(kept);
    }
    let looked = scan::look(&spool, asked.target, asked.format, &asked.options).await?;
    if asked.atomic && asked.mode == Mode::Apply && looked.rows > ATOMIC_MAX {
        let detail = format!("all or none can count of at most {ATOMIC_MAX} rows: say atomic=false for more");
        return Err(Problem::fields(vec![FieldError::new("atomic", "too_many_rows", detail)]));
    }
    let ctx = call.ctx();
    let id: ImportId = ctx.new_id();
    let key = service::object_key(&ctx, id);
    let import = drafted(&call, id, &asked, &spool, looked, &key)?;
    store.put_from(&key, &mut spool.reader().await?).await?;
    let org = call.org;
    let reply = call
        .write(&spool.sha256, async |ctx, uow| -> Result<Answer, Refusal> {
            let import = service::begin(ctx, uow.transfer(), import).await?;
            let location = format!("/api/v1/orgs/{org}/imports/{id}");
            Ok(Answer::accepted(shown(&import, &[], None)).with("location", location))
        })
        .await;
    if reply.as_ref().map_or(true, Reply::is_replay) {
        // Nobody will ask for it.
        let _ = store.delete(&key).await;
    }
    call.app.wake.notify_one();
    reply
}

fn drafted(
    call: &Call<AnyWrite>,
    id: ImportId,
    asked: &Asked,
    spool: &Spool,
    looked: Looked,
    key: &str,
) -> Result<Import, Problem> {
    let mut import = service::draft(&call.ctx(), id);
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    import.resource = asked.target.name.to_owned();
    (import.format, import.mode, import.atomic) = (asked.format, asked.mode, asked.atomic);
    (import.sha256, import.size) = (hex::encode(spool.sha256), whole(spool.size));
    import.rows_total = whole(looked.rows);
    import.ignored_columns = looked.ignored.into_iter().map(|name| name.chars().take(500).collect()).collect();
    import.options = asked.options.to_json();
    let caller = call.caller.as_ref().ok_or_else(Problem::unauthorized)?;
    import.caller = caller.kept(&call.address);
    import.object_key = Some(key.to_owned());
    Ok(import)
}

/// How far an import is, and what is wrong with its rows.
#[api_v2_operation(tags("Imports"), operation_id = "get_import", summary = "An import, with the rows that failed")]
async fn get(call: Call<AnyRead>, path: web::Path<(Uuid, Uuid)>) -> Result<Reply<Is<ImportJob>>, Problem> {
    let id = ImportId(path.into_inner().1);
    call.read(async |ctx, uow| -> Result<Answer, Problem> {
        let (import, rows) = service::get(ctx, uow.transfer(), id).await?;
        if let Some(target) = target::of_name(&import.resource) {
            allowed(&call, target, false)?;
        }
        let job = uow.transfer().jobs().of_subject(ctx.org, service::JOB, id.0).await?;
        Ok(Answer::resource(shown(&import, &rows, job.map(|job| job.progress))))
    })
    .await
}

fn described(call: &Call<AnyRead>, target: &Target) -> Value {
    let known = (target.known)();
    let (creates, updates) = target.takes(&call.app);
    let column = |name: &'static str| {
        let member = known.member(name);
        let mut column = json!({
            "name": name,
            "type": member.map_or("any", |member| table::kind_of(member.ty)),
            "required": known.required.contains(&name),
            "settable": member.is_some(),
            "description": member.map_or("", |member| member.doc.trim()),
        });
        let words = member.and_then(|member| match member.ty {
            Ty::Word(words) => Some(json!(words)),
            Ty::List(Ty::Word(words), _) => Some(json!(words)),
            _ => None,
        });
        let kind = member.and_then(|member| grc_transfer::columns::kind_of(member.ty)).map(Value::from);
        if let Value::Object(members) = &mut column {
            let more = [("allowed", words), ("refers_to", kind)];
            members.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        column
    };
    json!({
        "resource": target.name,
        "type": target.kind,
        "creates": creates,
        "updates": updates,
        "matches": (target.names)(),
        "columns": (target.columns)().into_iter().map(column).collect::<Vec<_>>(),
    })
}

/// The registers that tables are imported into, and what their tables look like.
#[api_v2_operation(tags("Imports"), operation_id = "list_import_templates", summary = "The templates of all registers")]
async fn templates(call: Call<AnyRead>, _path: web::Path<Uuid>) -> Result<Reply<Is<ImportTemplates>>, Problem> {
    let items: Vec<Value> = TARGETS.iter().map(|target| described(&call, target)).collect();
    Ok(Reply::plain(Answer::ok(json!({"items": items}))))
}

/// What a table of a register looks like: an empty one, or with `Accept: application/json` its description.
#[api_v2_operation(
    tags("Imports"),
    operation_id = "get_import_template",
    summary = "The template of a register: an empty table, or its description"
)]
async fn template(
    call: Call<AnyRead>,
    _path: web::Path<(Uuid, String)>,
) -> Result<Reply<Templated<ImportTemplate>>, Problem> {
    let target = target::of_name(&call.named("resource")).ok_or_else(Problem::not_found)?;
    if negotiate(call.header("accept"), &[CSV, "application/json"])? == "application/json" {
        return Ok(Reply::plain(Answer::ok(described(&call, target))));
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let broken = |error: &dyn std::fmt::Display| Problem::new(500, error.to_string());
    writer.write_record((target.columns)()).map_err(|error| broken(&error))?;
    let bytes = writer.into_inner().map_err(|error| broken(&error))?;
    let name = format!("attachment; filename=\"{}-template.csv\"", target.name.replace('_', "-"));
    Ok(Reply::plain(Answer::media("text/csv; charset=utf-8", bytes).with("content-disposition", name)))
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/api/v1/orgs/{org_id}/imports").route(web::post().to(begin)))
        .service(web::resource("/api/v1/orgs/{org_id}/imports/templates").route(web::get().to(templates)))
        .service(web::resource("/api/v1/orgs/{org_id}/imports/templates/{resource}").route(web::get().to(template)))
        .service(web::resource("/api/v1/orgs/{org_id}/imports/{import_id}").route(web::get().to(get)));
}
