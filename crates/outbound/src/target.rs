//! What a URL may look like before anything is looked up: its scheme, its host, its port, and nothing that two parsers
//! could read in two ways.

use std::net::IpAddr;

use reqwest::Url;

use crate::address::{Reach, reach};

/// The longest URL.
pub const URL_MAX: usize = 2_048;

/// Names that lead inside, whatever a resolver says of them: special-use domains (RFC 6761 and others) and those that
/// clouds answer from within.
const INSIDE: &[&str] = &[
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "in-addr.arpa",
    "ip6.arpa",
    "onion",
    "alt",
    "test",
    "invalid",
    "example",
    "metadata.goog",
    "metadata.tencentyun.com",
];

/// What is allowed besides the open internet.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whether private addresses, plain HTTP and any port may be used: for tests and closed networks. Link-local and
    /// metadata addresses stay out of reach.
    pub private: bool,
    /// Names of the service itself, which has no reason to call itself.
    pub own_hosts: Vec<String>,
}

/// Why a URL is not one to send anything to. The texts say what to change and nothing of what lies behind the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no URL that every parser reads the same way.
    #[error("must be a plain absolute URL without user, fragment, backslash, spaces or control characters")]
    Form,
    /// It has another scheme.
    #[error("must begin with https://")]
    Scheme,
    /// It has another port.
    #[error("must use port 443")]
    Port,
    /// Its host is an address or a name that may not be reached.
    #[error("must be a host on the open internet")]
    Host,
}

/// A URL of an acceptable form. Where it leads is judged when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
}

impl Target {
    /// Judges a URL by its form.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, Refused> {
        // The standard has parsers drop tabs and newlines and take backslashes for slashes; others do not.
        let plain = text.len() <= URL_MAX && text.chars().all(|c| c.is_ascii_graphic() && c != '\\');
        let url = Url::parse(text).ok().filter(|_| plain).ok_or(Refused::Form)?;
        match url.scheme() {
            "https" => {}
            "http" if policy.private => {}
            _ => return Err(Refused::Scheme),
        }
        let authority = text.split_once("//").map_or(text, |(_, rest)| rest).split(['/', '?', '#']).next();
        if authority.is_none_or(|authority| authority.contains('@')) || url.fragment().is_some() {
            return Err(Refused::Form);
        }
        if url.port_or_known_default() != Some(443) && !policy.private {
            return Err(Refused::Port);
        }
        let target = Self { url };
        let fits = match target.address() {
            Some(address) => allowed(address, policy),
            None => target.host().is_some_and(|host| name_allowed(host, policy)),
        };
        if fits { Ok(target) } else { Err(Refused::Host) }
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its host, as the standard normalises it.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.url.host_str()
    }

    /// Its host where that is an address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        let host = self.host()?;
        host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Another path of the same origin.
    pub fn at(&self, path: &str) -> Result<Self, Refused> {
        let url = self.url.join(path).map_err(|_| Refused::Form)?;
        if url.origin() == self.url.origin() { Ok(Self { url }) } else { Err(Refused::Host) }
    }
}

/// Whether an address may be connected to.
#[must_use]
pub fn allowed(address: IpAddr, policy: &Policy) -> bool {
    match reach(address) {
        Reach::Global => true,
        Reach::Private => policy.private,
        Reach::Never => false,
    }
}

fn name_allowed(host: &str, policy: &Policy) -> bool {
    if policy.private {
        return !host.is_empty();
    }
    let host = host.to_ascii_lowercase();
    let inside = |suffix: &&str| host == **suffix || host.strip_suffix(*suffix).is_some_and(|rest| rest.ends_with('.'));
    // A name without a dot would be looked up in the search domains of our own network; one with a dot at its end is
    // the same name to a resolver and another one to whoever compares it.
    host.contains('.')
        && !host.ends_with('.')
        && !INSIDE.iter().any(inside)
        && !policy.own_hosts.iter().any(|own| own.eq_ignore_ascii_case(&host))
}
