//! One request to a target: resolved once, judged, connected to a judged address, bounded in size and time.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use reqwest::{
    Client, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
    redirect,
};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    resolve::{Resolve, SystemResolver},
    target::{Policy, Refused, Target, allowed},
};

/// How long the rest of an answer is waited for of which only the head matters.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body that is read.
    pub body: usize,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long everything may take, from the look-up to the last byte.
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body: 1024 * 1024, connect: Duration::from_secs(5), total: Duration::from_secs(10) }
    }
}

/// Why there is no answer. None of it tells one unreachable host from another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The target is not one to send anything to.
    #[error("the address {0}")]
    Refused(#[from] Refused),
    /// It could not be reached, or broke off.
    #[error("the address could not be reached")]
    Unreachable,
    /// It took too long.
    #[error("the address did not answer in time")]
    TimedOut,
    /// It answered with more than is read.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// It sends elsewhere, and redirects are not followed.
    #[error("the address answers with a redirect, which is not followed")]
    Redirected,
    /// It compresses although nobody asked it to.
    #[error("the answer is compressed, which was not asked for")]
    Compressed,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Send.
    Post,
    /// Remove.
    Delete,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// To what.
    pub target: Target,
    /// Headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A GET.
    #[must_use]
    pub fn get(target: Target) -> Self {
        Self { method: Method::Get, target, headers: Vec::new(), body: Vec::new() }
    }

    /// A POST.
    #[must_use]
    pub fn post(target: Target, body: Vec<u8>) -> Self {
        Self { method: Method::Post, body, ..Self::get(target) }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// An answer whose body is still to be read.
pub struct Answer {
    /// The status: never a redirect.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    body: BoxStream<'static, Result<Bytes, OutboundError>>,
}

impl Answer {
    /// The text of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The media type, without parameters.
    #[must_use]
    pub fn media_type(&self) -> String {
        let text = self.header("content-type").unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The whole body.
    pub async fn bytes(self) -> Result<Bytes, OutboundError> {
        let whole = self.body.try_fold(BytesMut::new(), async |mut whole, chunk| {
            whole.extend_from_slice(&chunk);
            Ok(whole)
        });
        Ok(whole.await?.freeze())
    }

    /// The body as it comes, within the same limits.
    #[must_use]
    pub fn stream(self) -> BoxStream<'static, Result<Bytes, OutboundError>> {
        self.body
    }
}

/// An answer of which only the head is looked at.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// The status, which may be a redirect.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
}

/// The addresses that a target may be connected to, found and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The target.
    pub target: Target,
    /// Every address that its host has, each of them allowed.
    pub addresses: Vec<IpAddr>,
}

/// Sends requests.
#[derive(Clone)]
pub struct Outbound {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolve>,
    limits: Limits,
    agent: HeaderValue,
}

impl Outbound {
    /// A sender over the machine's resolver.
    #[must_use]
    pub fn new(policy: Policy, limits: Limits) -> Self {
        let agent = HeaderValue::from_static(concat!("sovereign-grc/", env!("CARGO_PKG_VERSION")));
        Self { policy: Arc::new(policy), resolver: Arc::new(SystemResolver), limits, agent }
    }

    /// The same over another resolver.
    #[must_use]
    pub fn resolving(mut self, resolver: Arc<dyn Resolve>) -> Self {
        self.resolver = resolver;
        self
    }

    /// What is allowed.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A target of a URL.
    pub fn target(&self, url: &str) -> Result<Target, Refused> {
        Target::parse(url, &self.policy)
    }

    /// Looks a target's name up, once, and judges every address that it has.
    pub async fn admit(&self, target: Target) -> Result<Admitted, OutboundError> {
        // It may have been made under another policy.
        let target = Target::parse(target.url().as_str(), &self.policy)?;
        let addresses = match (target.address(), target.host()) {
            (Some(address), _) => vec![address],
            (None, Some(host)) => self.resolver.resolve(host).await.map_err(|_| OutboundError::Unreachable)?,
            (None, None) => return Err(Refused::Host.into()),
        };
        if addresses.is_empty() {
            return Err(OutboundError::Unreachable);
        }
        if addresses.iter().all(|address| allowed(*address, &self.policy)) {
            Ok(Admitted { target, addresses })
        } else {
            Err(Refused::Host.into())
        }
    }

    /// Sends a request whose answer matters by its status alone, whatever that is; redirects are answers here, and not
    /// followed either. The rest of it is read as far as the limit and a short time go, and thrown away.
    pub async fn tell(&self, request: Request) -> Result<Reaction, OutboundError> {
        let until = Instant::now() + self.limits.total;
        let response = self.exchange(request, until).await?;
        let reaction = Reaction { status: response.status().as_u16(), headers: response.headers().clone() };
        let patience = until.min(Instant::now() + PATIENCE);
        let mut rest = bounded(response.bytes_stream().boxed(), self.limits.body, patience);
        while let Some(Ok(_)) = rest.next().await {}
        Ok(reaction)
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn send(&self, request: Request) -> Result<Answer, OutboundError> {
        let until = Instant::now() + self.limits.total;
        let response = self.exchange(request, until).await?;
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            return Err(OutboundError::Redirected);
        }
        let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if response.headers().get(CONTENT_ENCODING).is_some_and(|encoding| !plain(encoding)) {
            return Err(OutboundError::Compressed);
        }
        let most = self.limits.body;
        if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > most)) {
            return Err(OutboundError::TooLarge(most));
        }
        let headers = response.headers().clone();
        Ok(Answer { status, headers, body: bounded(response.bytes_stream().boxed(), most, until) })
    }

    async fn exchange(&self, request: Request, until: Instant) -> Result<Response, OutboundError> {
        let admitted = timeout_at(until, self.admit(request.target.clone()));
        let admitted = admitted.await.map_err(|_| OutboundError::TimedOut)??;
        let client = self.client(&admitted)?;
        let url = admitted.target.url().clone();
        let mut builder = match request.method {
            Method::Get => client.get(url),
            Method::Post => client.post(url).body(request.body),
            Method::Delete => client.delete(url),
        };
        builder = builder.header(ACCEPT_ENCODING, "identity").header(USER_AGENT, self.agent.clone());
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let sent = timeout_at(until, builder.send()).await.map_err(|_| OutboundError::TimedOut)?;
        sent.map_err(|error| trouble(&error))
    }

    /// A client that can connect to the admitted addresses and to nothing else. It lives for one request, so that no
    /// later one finds a connection that was judged under an earlier answer of the name server.
    fn client(&self, admitted: &Admitted) -> Result<Client, OutboundError> {
        let builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(self.limits.connect);
        let builder = match (admitted.target.address(), admitted.target.host()) {
            (None, Some(host)) => {
                // A port of nought stands for the URL's.
                let pinned: Vec<_> = admitted.addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect();
                builder.resolve_to_addrs(host, &pinned)
            }
            _ => builder,
        };
        builder.build().map_err(|_| OutboundError::Unreachable)
    }
}

fn trouble(error: &reqwest::Error) -> OutboundError {
    if error.is_timeout() { OutboundError::TimedOut } else { OutboundError::Unreachable }
}

/// A body that ends with an error where it grows too large or takes too long.
fn bounded(
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    most: usize,
    until: Instant,
) -> BoxStream<'static, Result<Bytes, OutboundError>> {
    let chunks = stream::try_unfold((body, 0_usize), move |(mut body, had)| async move {
        let left = until.saturating_duration_since(Instant::now());
        let next = timeout(left, body.next()).await.map_err(|_| OutboundError::TimedOut)?;
        let Some(chunk) = next else { return Ok(None) };
        let chunk = chunk.map_err(|error| trouble(&error))?;
        let has = had.saturating_add(chunk.len());
        if has > most {
            return Err(OutboundError::TooLarge(most));
        }
        Ok(Some((chunk, (body, has))))
    });
    chunks.boxed()
}
