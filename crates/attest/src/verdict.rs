//! Whether an attestation is believed. The order matters: nothing that a token says of itself counts before its
//! signature holds, and of what is wrong the first is reported.

use grc_kernel::wire_enum;
use time::{Duration, OffsetDateTime};

use crate::{claims::Claims, jws::Sealed};

/// How far the clocks of two organizations may be apart.
pub const LEEWAY: Duration = Duration::seconds(60);

wire_enum! {
    /// Why an attestation is not believed.
    pub enum Reason {
        /// It is no signed statement.
        Malformed = "malformed",
        /// It is signed in another way than the one that is accepted.
        UnsupportedAlgorithm = "unsupported_algorithm",
        /// The issuer publishes no such key.
        UnknownKey = "unknown_key",
        /// The signature does not hold.
        BadSignature = "bad_signature",
        /// Somebody else made it.
        WrongIssuer = "wrong_issuer",
        /// It was made for somebody else.
        WrongAudience = "wrong_audience",
        /// It answers another question.
        WrongNonce = "wrong_nonce",
        /// It holds no more.
        Expired = "expired",
        /// It does not hold yet.
        NotYetValid = "not_yet_valid",
        /// It speaks of none of the frameworks that were asked about.
        NothingAttested = "nothing_attested",
        /// The issuer knows nothing of it.
        Unknown = "unknown",
    }
}

/// An attestation that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// The same in words.
    pub detail: String,
}

impl Rejection {
    /// A rejection.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// What the check of a signature found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCheck {
    /// The signature is the key's.
    Holds,
    /// It is not.
    Fails,
    /// There is no such key.
    Unknown,
}

/// What an attestation has to say to be believed. What is not given is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who may have made it: these names exactly.
    pub issuers: &'a [&'a str],
    /// Or whose issuer, being a URL, has this origin.
    pub origin: Option<&'a str>,
    /// For whom it must be made.
    pub audience: Option<&'a str>,
    /// What it must repeat.
    pub nonce: Option<&'a str>,
    /// The frameworks of which it must speak of one at least; none where it may speak of any.
    pub frameworks: &'a [String],
    /// The time.
    pub now: OffsetDateTime,
}

/// Judges an attestation. `check` is asked whether a signature over an input is that of a key.
pub fn judge(
    token: &str,
    check: impl FnOnce(Option<&str>, &[u8], &[u8; 64]) -> KeyCheck,
    expected: &Expected<'_>,
) -> Result<Claims, Rejection> {
    let sealed = Sealed::open(token)?;
    match check(sealed.kid.as_deref(), sealed.input.as_bytes(), &sealed.signature) {
        KeyCheck::Holds => {}
        KeyCheck::Fails => {
            return Err(Rejection::new(Reason::BadSignature, "the signature is not that of the issuer's key"));
        }
        KeyCheck::Unknown => return Err(Rejection::new(Reason::UnknownKey, "the issuer publishes no such key")),
    }
    fits(&sealed.claims, expected)?;
    Ok(sealed.claims)
}

fn fits(claims: &Claims, expected: &Expected<'_>) -> Result<(), Rejection> {
    let refuse = |reason, detail: &str| Err(Rejection::new(reason, detail));
    let issuer = claims.issuer.trim_end_matches('/');
    let named = expected.issuers.iter().any(|known| known.trim_end_matches('/') == issuer);
    // An issuer that is no URL is whoever publishes the key; one that is a URL must be where the key is.
    let placed = match (origin_of(issuer), expected.origin) {
        (Some(origin), Some(expected)) => origin.eq_ignore_ascii_case(expected),
        (None, Some(_)) => true,
        (_, None) => false,
    };
    if !named && !placed {
        return refuse(Reason::WrongIssuer, "the issuer is not who was asked");
    }
    if let Some(wanted) = expected.audience
        && !claims.audiences.iter().any(|one| one.trim_end_matches('/') == wanted.trim_end_matches('/'))
    {
        return refuse(Reason::WrongAudience, "it was made for somebody else");
    }
    if expected.nonce.is_some() && expected.nonce != claims.nonce.as_deref() {
        return refuse(Reason::WrongNonce, "it does not repeat the nonce");
    }
    if claims.expires_at <= expected.now {
        return refuse(Reason::Expired, "its time is over");
    }
    let latest = expected.now + LEEWAY;
    if [claims.not_before, claims.issued_at].into_iter().flatten().any(|moment| moment > latest) {
        return refuse(Reason::NotYetValid, "it is from the future");
    }
    let spoken_of = |wanted: &String| claims.frameworks.contains(wanted);
    if !expected.frameworks.is_empty() && !expected.frameworks.iter().any(spoken_of) {
        return refuse(Reason::NothingAttested, "it speaks of none of the frameworks that were asked about");
    }
    Ok(())
}

/// Scheme, host and port of an http or https URL, in lower case; the port left out where it is the scheme's.
fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let authority = authority.strip_suffix(default).unwrap_or(&authority);
    Some(format!("{scheme}://{authority}"))
}
