//! Our MCP server: the protocol is the SDK's, in both of its eras; this file is the bridge from HTTP to it, and from it to
//! the tools.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
        PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
    },
};
use serde_json::{Map, Value, json};

use super::{VERSIONS, tools::Asking};
use crate::{
    VERSION,
    http::{
        call::{Answer, BODY_MAX},
        problem::Problem,
    },
};

/// The SDK's server over ours.
pub type Service = StreamableHttpService<Server, NeverSessionManager>;

/// The headers of the protocol that are passed on.
const PASSED: &[&str] = &["origin", "mcp-protocol-version", "mcp-method", "mcp-name"];
/// The id that a message without one gets.
const BARE_ID: &str = "bare";
/// The members of a request, of a notification and of a response.
const KNOWN: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
/// The most characters of a method, and of an id.
pub const NAME_MAX: usize = 200;
/// The largest number that is an id: what every client can read (RFC 8259, section 6).
pub const ID_MAX: i64 = 9_007_199_254_740_991;

/// Sets the server up. Browsers may call it from these origins only.
pub fn service(origins: Vec<String>) -> Service {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_MAX)
        // Every request carries a credential that no foreign page has; which names lead here is the proxy's to know.
        .disable_allowed_hosts()
        .with_allowed_origins(origins)
        .enforce_origin_validation();
    StreamableHttpService::new(|| Ok(Server), Arc::new(NeverSessionManager::default()), config)
}

/// The handler of the protocol's requests. What a request may do depends on who asks, which comes with it.
#[derive(Clone, Copy, Debug)]
pub struct Server;

impl Server {
    fn asking(context: &RequestContext<RoleServer>) -> Result<Asking, ErrorData> {
        let parts = context.extensions.get::<http::request::Parts>();
        let asking = parts.and_then(|parts| parts.extensions.get::<Asking>());
        asking.cloned().ok_or_else(|| ErrorData::internal_error("nobody asks", None))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let about = "Signed attestations of an organization's compliance. Ask list_frameworks what may be asked about, then \
                     request_attestation with those keys, your public URL as audience and a fresh nonce.";
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("sovereign-grc", VERSION))
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
            .with_instructions(about)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let asking = Self::asking(&context)?;
        let tools = asking.tools().map(|tool| {
            let schema = match tool.takes.schema() {
                Value::Object(members) => members,
                _ => Map::new(),
            };
            let reads = tool.name != "request_attestation";
            Tool::new(tool.name, tool.doc, Arc::new(schema))
                .annotate(ToolAnnotations::new().read_only(reads).destructive(false).open_world(false))
        });
        Ok(ListToolsResult::with_all_items(tools.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let asking = Self::asking(&context)?;
        let arguments = request.arguments.unwrap_or_default();
        let Some(answer) = asking.call(&request.name, arguments).await else {
            let own: Vec<&str> = asking.tools().map(|tool| tool.name).collect();
            let own = own.join(", ");
            let mut said = format!("there is no tool {} for this caller, who has {own}", request.name);
            if asking.caller.at_home().is_none() {
                said.push_str("; a person speaks for no organization here: use a partner's key, or an API key");
            }
            return Err(ErrorData::invalid_params(said, None));
        };
        Ok(match answer {
            Ok(value) => CallToolResult::structured(value),
            Err(problem) if problem.status >= 500 => {
                tracing::error!(%problem, request_id = asking.request_id, "a tool failed");
                let detail = if problem.status == 503 { problem.detail.as_str() } else { "something went wrong here" };
                return Err(ErrorData::internal_error(detail.to_owned(), None));
            }
            Err(problem) => CallToolResult::structured_error(problem.body()),
        }
        .into())
    }
}

/// Answers a message. One without `jsonrpc` and `id`, as the API reference has it, is answered without them.
pub async fn answer(asking: Asking, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, Problem> {
    let mut message = grc_kernel::shape::parse(body).map_err(|why| Problem::new(400, why))?;
    for name in ["jsonrpc", "id", "params"] {
        if message.get(name).is_some_and(Value::is_null) {
            return Err(Problem::new(400, format!("{name} may be left out, but not null")));
        }
    }
    let stranger = message.as_object().and_then(|members| members.keys().find(|name| !KNOWN.contains(&name.as_str())));
    if let Some(name) = stranger {
        let name: String = name.chars().take(60).collect();
        return Err(Problem::new(400, format!("a message has no member «{name}»")));
    }
    let is_name =
        |text: &str| !text.trim().is_empty() && text.chars().count() <= NAME_MAX && !text.contains(char::is_control);
    if message.get("method").and_then(Value::as_str).is_some_and(|method| !is_name(method)) {
        return Err(Problem::new(
            400,
            format!("a method has 1 to {NAME_MAX} characters, none of them a control character"),
        ));
    }
    if let Some(id) = message.get_mut("id") {
        // 7.0 is the whole number 7, which the SDK would not see.
        if let Some(number) = whole(id) {
            *id = number.into();
        } else if !id.as_str().is_some_and(is_name) {
            return Err(Problem::new(400, format!("the id must be a whole number, or 1 to {NAME_MAX} characters")));
        }
    }
    let bare = match &mut message {
        Value::Object(members) if !members.contains_key("jsonrpc") && members.contains_key("method") => {
            members.insert("jsonrpc".to_owned(), json!("2.0"));
            members.entry("id").or_insert_with(|| json!(BARE_ID));
            true
        }
        _ => false,
    };
    let mut request = http::Request::post("/")
        .header("host", "localhost")
        .header("content-type", "application/json")
        // Whoever takes JSON is answered in JSON; the protocol wants both to be named.
        .header("accept", "application/json, text/event-stream");
    for (name, value) in headers.iter().filter(|(name, _)| PASSED.contains(name) || name.starts_with("mcp-param-")) {
        request = request.header(*name, *value);
    }
    let service = asking.app.clone();
    let mut request = request
        .body(Full::new(Bytes::from(message.to_string())))
        .map_err(|_| Problem::new(400, "a header of the request is malformed"))?;
    request.extensions_mut().insert(asking);
    let (parts, body) = service.a2a.server.handle(request).await.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let status = parts.status.as_u16();
    let json = parts.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if bytes.is_empty() {
        return Ok(Answer::none().status(status));
    }
    if !json {
        let said = String::from_utf8_lossy(&bytes).into_owned();
        // What the SDK cannot read as a message it calls an unsupported media type.
        return Err(if status == 415 {
            Problem::new(400, "the body is no message of the protocol")
        } else {
            Problem::new(status, said)
        });
    }
    let bytes = if bare { stripped(&bytes) } else { bytes.to_vec() };
    Ok(Answer::media("application/json", bytes).status(status).verbatim())
}

/// A whole number that can be an id, however it is written.
fn whole(id: &Value) -> Option<i64> {
    let written = id.as_i64().or_else(|| {
        let number = id.as_f64().filter(|number| number.fract() == 0.0)?;
        format!("{number:.0}").parse().ok()
    });
    written.filter(|number| (-ID_MAX..=ID_MAX).contains(number))
}

fn stripped(bytes: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(mut members)) => {
            members.remove("jsonrpc");
            if members.get("id").is_none_or(|id| id == BARE_ID || id.is_null()) {
                members.remove("id");
            }
            Value::Object(members).to_string().into_bytes()
        }
        _ => bytes.to_vec(),
    }
}

/// The versions that the SDK serves and we name.
pub fn versions() -> Vec<&'static str> {
    let known = |version: &&&str| ProtocolVersion::KNOWN_VERSIONS.iter().any(|one| one.as_str() == **version);
    VERSIONS.iter().filter(known).copied().collect()
}
