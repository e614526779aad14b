//! Cloudflare Access at the door: which credential a request presents, and whether its cookie may speak for it.

use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap, HeaderName};
use grc_access::{Team, Verifier, origin};
use grc_kernel::{OrgId, Role, Uuid};
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::{
    adapters::certs::Certs,
    config::{AuthMode, CloudflareAccess, ServiceToken},
};

/// The header that Cloudflare adds.
const HEADER: HeaderName = HeaderName::from_static("cf-access-jwt-assertion");
/// The cookie that a browser keeps.
const COOKIE: &str = "CF_Authorization";

/// A credential as a request presents it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// A token of ours, or an API key.
    Bearer(&'a str),
    /// A token of Cloudflare Access.
    Access(&'a str),
}

/// A service token that the allow-list names, in the organizations that it names.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The name that Cloudflare gave it.
    pub name: String,
    /// The id under which it acts, which follows from the name.
    pub id: Uuid,
    /// Its organizations and roles.
    pub places: Vec<(OrgId, Role)>,
}

impl Machine {
    /// The id of a name: the same on every server, without being stored anywhere.
    pub fn id_of(name: &str) -> Uuid {
        let digest: [u8; 32] = Sha256::digest(format!("cloudflare-service-token:{name}")).into();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// The door.
pub struct Door {
    /// Which credentials people may use.
    pub mode: AuthMode,
    /// Who verifies Access tokens, where they are let in.
    pub verifier: Option<Arc<Verifier>>,
    /// The service tokens that may act.
    pub machines: Vec<ServiceToken>,
    public_url: String,
}

impl Door {
    /// The door of a configuration.
    pub fn new(mode: AuthMode, access: Option<&CloudflareAccess>, public_url: &str) -> anyhow::Result<Self> {
        let verifier = access.map(|access| -> anyhow::Result<_> {
            let team = Team { issuer: format!("https://{}", access.domain), audiences: access.audiences.clone() };
            Ok(Arc::new(Verifier::new(team, Arc::new(Certs::new(&access.certs_url)?))))
        });
        Ok(Self {
            mode,
            verifier: verifier.transpose()?,
            machines: access.map(|access| access.service_tokens.clone()).unwrap_or_default(),
            public_url: public_url.to_owned(),
        })
    }

    /// The credential of a request: what stands in `Authorization`, else Cloudflare's header, else its cookie. One that is
    /// there and not of its form is an error; the next one does not make up for it.
    pub fn presented<'a>(&self, headers: &'a HeaderMap) -> Result<Option<Presented<'a>>, Problem> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(|text| text.split_once(' '));
            let token =
                token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            return token.map(|token| Some(Presented::Bearer(token))).ok_or_else(Problem::unauthorized);
        }
        if self.verifier.is_none() {
            return Ok(None);
        }
        let token = match one(headers, HEADER) {
            Some(token) => Some(token),
            None => cookie(headers),
        };
        token.map(|token| token.map(Presented::Access).map_err(|()| Problem::unauthorized())).transpose()
    }

    /// Refuses a request that carries the cookie, changes something, and does not come from our own pages. The header beside
    /// it changes nothing: Cloudflare adds it to whatever a browser was made to send.
    pub fn guard(&self, method: &str, headers: &HeaderMap) -> Result<(), Problem> {
        if self.verifier.is_none() || origin::is_safe(method) || cookie(headers).is_none() {
            return Ok(());
        }
        let source = origin::Source {
            fetch_site: one(headers, HeaderName::from_static("sec-fetch-site")),
            origin: one(headers, header::ORIGIN),
            host: headers.get(header::HOST).and_then(|host| host.to_str().ok()),
        };
        if origin::is_same(source, &self.public_url) {
            return Ok(());
        }
        let detail =
            "a request that changes something with the CF_Authorization cookie must come from the service's own origin";
        Err(Problem::new(403, detail))
    }
}

/// A header that may stand once: an error where it stands twice or is no text.
fn one(headers: &HeaderMap, name: HeaderName) -> Option<Result<&str, ()>> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    if values.next().is_some() {
        return Some(Err(()));
    }
    Some(first.to_str().map_err(|_| ()))
}

/// The cookie: an error where two of the name disagree.
fn cookie(headers: &HeaderMap) -> Option<Result<&str, ()>> {
    let mut found: Option<&str> = None;
    for value in headers.get_all(header::COOKIE) {
        let Ok(text) = value.to_str() else { continue };
        for (name, value) in text.split(';').filter_map(|pair| pair.trim().split_once('=')) {
            if name == COOKIE {
                let value = value.trim_matches('"');
                match found {
                    Some(known) if known != value => return Some(Err(())),
                    _ => found = Some(value),
                }
            }
        }
    }
    found.map(Ok)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn door(mode: AuthMode) -> Door {
        let access = CloudflareAccess {
            domain: "testers.cloudflareaccess.com".into(),
            audiences: vec!["a".into()],
            certs_url: "http://127.0.0.1:1/certs".into(),
            service_tokens: Vec::new(),
        };
        let access = (mode != AuthMode::Local).then_some(access);
        Door::new(mode, access.as_ref(), "https://grc.example.com").unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn the_credential_is_the_most_explicit_one() {
        let door = door(AuthMode::Both);
        let presented = |pairs: &[(&'static str, &'static str)]| {
            let map = headers(pairs);
            door.presented(&map).map(|found| found.map(|p| format!("{p:?}"))).map_err(|problem| problem.status)
        };
        let access = |token: &str| Ok(Some(format!("Access({token:?})")));
        let all =
            [("authorization", "bearer sk-1"), ("cf-access-jwt-assertion", "h"), ("cookie", "CF_Authorization=c")];
        assert_eq!(presented(&all), Ok(Some("Bearer(\"sk-1\")".into())));
        assert_eq!(presented(&all[1..]), access("h"));
        assert_eq!(presented(&[("cookie", "a=b; CF_Authorization=c; d=e")]), access("c"));
        assert_eq!(presented(&[("cookie", "CF_Authorization=\"c\""), ("cookie", "CF_Authorization=c")]), access("c"));
        assert_eq!(presented(&[("cookie", "XCF_Authorization=c; cf_authorization=d")]), Ok(None));
        assert_eq!(presented(&[]), Ok(None));
        for ambiguous in [
            &[("authorization", "Basic YTpi"), ("cf-access-jwt-assertion", "h")][..],
            &[("cf-access-jwt-assertion", "h"), ("cf-access-jwt-assertion", "h")],
            &[("cookie", "CF_Authorization=c; CF_Authorization=d")],
        ] {
            assert_eq!(presented(ambiguous), Err(401), "{ambiguous:?}");
        }
    }

    #[test]
    fn without_access_its_header_and_cookie_mean_nothing() {
        let door = door(AuthMode::Local);
        let map = headers(&[("cf-access-jwt-assertion", "h"), ("cookie", "CF_Authorization=c")]);
        assert_eq!(door.presented(&map).unwrap(), None);
        assert!(door.guard("POST", &map).is_ok());
    }

    #[test]
    fn a_cookie_speaks_for_our_own_pages_only() {
        let door = door(AuthMode::Cloudflare);
        let allowed =
            |method: &str, pairs: &[(&'static str, &'static str)]| door.guard(method, &headers(pairs)).is_ok();
        let (cookie, header) = (("cookie", "CF_Authorization=c"), ("cf-access-jwt-assertion", "h"));
        assert!(allowed("GET", &[cookie, ("sec-fetch-site", "cross-site")]));
        assert!(allowed("POST", &[header]), "whoever sends the header alone is no browser");
        assert!(allowed("POST", &[cookie, ("sec-fetch-site", "same-origin")]));
        assert!(allowed("DELETE", &[cookie, ("origin", "https://grc.example.com")]));
        for source in ["same-site", "cross-site"] {
            let map = HeaderMap::new();
            assert!(door.guard("POST", &map).is_ok());
            let mut map = headers(&[cookie, header]);
            map.append(HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static(source));
            assert_eq!(door.guard("POST", &map).unwrap_err().status, 403, "{source}");
        }
        assert!(!allowed("POST", &[cookie]));
        assert!(!allowed("PATCH", &[cookie, ("origin", "null")]));
        assert!(!allowed("PUT", &[cookie, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]));
        assert!(!allowed(
            "POST",
            &[("cookie", "CF_Authorization=c; CF_Authorization=d"), ("origin", "https://evil.example")]
        ));
    }

    #[test]
    fn a_service_token_s_id_follows_from_its_name() {
        assert_eq!(Machine::id_of("x.access"), Machine::id_of("x.access"));
        assert_ne!(Machine::id_of("x.access"), Machine::id_of("y.access"));
        assert_eq!(Machine::id_of("x.access").get_version_num(), 8);
    }
}
