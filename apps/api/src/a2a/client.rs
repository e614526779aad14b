//! Calling one tool of another organization's MCP server over Streamable HTTP, in either era of the protocol.
//!
//! The handshake comes first, because every server of the older era has it and one of the newer era refuses it in a way
//! that can be told. Everything goes through the guard; whatever the peer says is bounded, and data.

use futures::StreamExt;
use grc_outbound::{
    Answer, Method, Outbound, OutboundError, Request, Target,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use grc_vendor::a2a::attestation::Silence;
use serde_json::{Value, json};

use super::VERSIONS;
use crate::VERSION;

/// The version that is offered in the handshake: the newest that has one.
const OFFERED: &str = "2025-11-25";
/// The version without a handshake.
const STATELESS: &str = "2026-07-28";
/// The longest session id.
const SESSION_MAX: usize = 500;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of trouble.
    pub silence: Silence,
    /// The same in words.
    pub detail: String,
}

impl Trouble {
    /// Trouble.
    pub fn new(silence: Silence, detail: impl Into<String>) -> Self {
        Self { silence, detail: detail.into() }
    }

    fn protocol(detail: impl Into<String>) -> Self {
        Self::new(Silence::ProtocolError, detail)
    }
}

impl From<OutboundError> for Trouble {
    fn from(error: OutboundError) -> Self {
        let silence = match error {
            OutboundError::Refused(_) => Silence::TargetRefused,
            OutboundError::Unreachable => Silence::Unreachable,
            OutboundError::TimedOut => Silence::TimedOut,
            OutboundError::TooLarge(_) | OutboundError::Redirected | OutboundError::Compressed => {
                Silence::ProtocolError
            }
        };
        Self::new(silence, error.to_string())
    }
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// The protocol version that was spoken.
    pub version: String,
    /// The result of `tools/call`.
    pub result: Value,
}

/// Calls a tool.
pub async fn call(
    outbound: &Outbound,
    target: Target,
    key: Option<&str>,
    tool: &str,
    arguments: &Value,
) -> Result<Called, Trouble> {
    let mut peer = Peer { outbound, target, key, version: None, session: None };
    let Some(version) = peer.shake_hands().await? else { return peer.call_statelessly(tool, arguments).await };
    peer.version = Some(version.clone());
    peer.notify("notifications/initialized").await?;
    let params = json!({"name": tool, "arguments": arguments});
    let result = peer.ask(2, "tools/call", params, &[]).await;
    peer.leave().await;
    match result? {
        Said::Result(result) => Ok(Called { version, result }),
        Said::Error(error) => Err(declined(&error)),
        Said::Status(status) => Err(Trouble::protocol(format!("it answers a call with HTTP {status}"))),
    }
}

/// What a peer said to a request.
enum Said {
    Result(Value),
    Error(Value),
    /// Nothing that could be read, under this status.
    Status(u16),
}

struct Peer<'a> {
    outbound: &'a Outbound,
    target: Target,
    key: Option<&'a str>,
    version: Option<String>,
    session: Option<String>,
}

impl Peer<'_> {
    /// The version agreed on; none where the peer has no handshake.
    async fn shake_hands(&mut self) -> Result<Option<String>, Trouble> {
        let params = json!({
            "protocolVersion": OFFERED, "capabilities": {}, "clientInfo": {"name": "sovereign-grc", "version": VERSION},
        });
        match self.ask(1, "initialize", params, &[]).await? {
            Said::Result(result) => match result.get("protocolVersion").and_then(Value::as_str) {
                Some(STATELESS) => Ok(None),
                Some(version) if VERSIONS.contains(&version) => Ok(Some(version.to_owned())),
                _ => Err(Trouble::protocol("it speaks no version of the protocol that we do")),
            },
            // Whatever the reason, the other way is worth one try.
            Said::Error(_) | Said::Status(_) => Ok(None),
        }
    }

    /// A call without a handshake: everything that the peer needs to know is in the request.
    async fn call_statelessly(mut self, tool: &str, arguments: &Value) -> Result<Called, Trouble> {
        self.version = Some(STATELESS.to_owned());
        self.session = None;
        let params = json!({
            "name": tool, "arguments": arguments,
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientInfo": {"name": "sovereign-grc", "version": VERSION},
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        });
        let headers = [("mcp-method", "tools/call"), ("mcp-name", tool)];
        match self.ask(3, "tools/call", params, &headers).await? {
            Said::Result(result) => Ok(Called { version: STATELESS.to_owned(), result }),
            Said::Error(error) => Err(declined(&error)),
            Said::Status(status) => Err(Trouble::protocol(format!("it answers with HTTP {status} and no message"))),
        }
    }

    fn request(&self, method: Method, body: Vec<u8>, headers: &[(&'static str, &str)]) -> Result<Request, Trouble> {
        let mut request = Request { method, target: self.target.clone(), headers: Vec::new(), body };
        request = request.with(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        if !request.body.is_empty() {
            request = request.with(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let bearer = self.key.map(|key| format!("Bearer {key}"));
        let ours = [
            ("authorization", bearer.as_deref()),
            ("mcp-protocol-version", self.version.as_deref()),
            ("mcp-session-id", self.session.as_deref()),
        ];
        let given = headers.iter().map(|(name, value)| (*name, Some(*value)));
        for (name, value) in ours.into_iter().chain(given) {
            let Some(value) = value else { continue };
            let mut value =
                HeaderValue::from_str(value).map_err(|_| Trouble::protocol(format!("{name} cannot be sent")))?;
            value.set_sensitive(name == AUTHORIZATION.as_str());
            request = request.with(HeaderName::from_static(name), value);
        }
        Ok(request)
    }

    async fn ask(
        &mut self,
        id: u64,
        method: &str,
        params: Value,
        headers: &[(&'static str, &str)],
    ) -> Result<Said, Trouble> {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string();
        let answer = self.outbound.send(self.request(Method::Post, message.into_bytes(), headers)?).await?;
        let status = answer.status;
        if matches!(status, 401 | 403 | 407) {
            return Err(Trouble::new(Silence::AccessDenied, format!("it answers with HTTP {status}")));
        }
        if method == "initialize" && status < 300 {
            let session = answer.header("mcp-session-id").map(str::to_owned);
            let fits = |id: &String| id.len() <= SESSION_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
            self.session = session.filter(fits);
        }
        let message = match answer.media_type().as_str() {
            "text/event-stream" => from_events(answer, id).await?,
            "application/json" => from_json(&answer.bytes().await?, id),
            _ => None,
        };
        Ok(match message {
            Some(message) => match (message.get("result"), message.get("error")) {
                (Some(result), None) => Said::Result(result.clone()),
                (_, Some(error)) => Said::Error(error.clone()),
                (None, None) => Said::Status(status),
            },
            None => Said::Status(status),
        })
    }

    async fn notify(&self, method: &str) -> Result<(), Trouble> {
        let message = json!({"jsonrpc": "2.0", "method": method}).to_string();
        let answer = self.outbound.send(self.request(Method::Post, message.into_bytes(), &[])?).await?;
        match answer.status {
            401 | 403 => Err(Trouble::new(Silence::AccessDenied, format!("it answers with HTTP {}", answer.status))),
            // What it says to a notification is of no consequence: the call tells.
            _ => Ok(()),
        }
    }

    /// Ends the session. A peer that does not care for that has its own time-out.
    async fn leave(&self) {
        if self.session.is_some()
            && let Ok(request) = self.request(Method::Delete, Vec::new(), &[])
        {
            let _ = self.outbound.send(request).await;
        }
    }
}

fn declined(error: &Value) -> Trouble {
    let said = error.get("message").and_then(Value::as_str).unwrap_or("no reason given");
    Trouble::new(Silence::Declined, format!("it answers with an error: {said}"))
}

/// The message with an id: alone, or one of a batch.
fn from_json(bytes: &[u8], id: u64) -> Option<Value> {
    let answers = |message: &Value| message.is_object() && message.get("id").and_then(Value::as_u64) == Some(id);
    match serde_json::from_slice(bytes).ok()? {
        Value::Array(batch) => batch.into_iter().find(answers),
        message if answers(&message) => Some(message),
        // An error about a message that could not be read has no id.
        message if message.get("error").is_some() && message.get("id").is_none_or(Value::is_null) => Some(message),
        _ => None,
    }
}

/// The message with an id out of a stream of events. What else the peer sends meanwhile is passed over.
async fn from_events(answer: Answer, id: u64) -> Result<Option<Value>, Trouble> {
    let mut stream = answer.stream();
    let (mut pending, mut data) = (Vec::new(), Vec::new());
    while let Some(chunk) = stream.next().await {
        for byte in chunk? {
            if byte != b'\n' {
                pending.push(byte);
                continue;
            }
            let line = pending.strip_suffix(b"\r").unwrap_or(&pending);
            if let Some(part) = line.strip_prefix(b"data:") {
                if !data.is_empty() {
                    data.push(b'\n');
                }
                data.extend_from_slice(part.strip_prefix(b" ").unwrap_or(part));
            } else if line.is_empty() {
                if let Some(message) = from_json(&data, id) {
                    return Ok(Some(message));
                }
                data.clear();
            }
            pending.clear();
        }
    }
    Ok(from_json(&data, id))
}
