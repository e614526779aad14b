//! The compact serialisation of a signed statement: header, claims, signature.
//!
//! Only EdDSA over Ed25519 is signed or accepted: with one algorithm there is none to be talked into. The type in the
//! header keeps a token of another kind, signed with the same key, from passing for an attestation of ours.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::{
    claims::Claims,
    statement::Statement,
    verdict::{Reason, Rejection},
};

/// The type that our attestations have.
pub const TYPE: &str = "attestation+jwt";
/// The largest attestation that is read.
pub const TOKEN_MAX: usize = 256 * 1024;
/// The types that are accepted: other makers say `JWT`, or nothing.
const TYPES: &[&str] = &[TYPE, "application/attestation+jwt", "JWT"];
/// The names of the algorithm: RFC 8037, and RFC 9864, which is more exact.
const ALGORITHMS: &[&str] = &["EdDSA", "Ed25519"];

/// Signs a statement.
pub fn seal<E>(statement: &Statement, kid: &str, sign: impl FnOnce(&[u8]) -> Result<[u8; 64], E>) -> Result<String, E> {
    let header = json!({"alg": "EdDSA", "kid": kid, "typ": TYPE}).to_string();
    let claims = Value::Object(statement.to_json()).to_string();
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = sign(input.as_bytes())?;
    Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// A signed statement taken apart. Nothing of it is to be believed yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    /// Which key is said to have signed it.
    pub kid: Option<String>,
    /// What was signed.
    pub input: String,
    /// The signature.
    pub signature: [u8; 64],
    /// The claims.
    pub claims: Claims,
}

impl Sealed {
    /// Takes a token apart.
    pub fn open(token: &str) -> Result<Self, Rejection> {
        let malformed = |detail: &str| Rejection::new(Reason::Malformed, detail);
        if token.len() > TOKEN_MAX {
            return Err(malformed("the attestation is too large"));
        }
        let (input, signature) = token.rsplit_once('.').ok_or_else(|| malformed("is not a compact JWS"))?;
        let (header, claims) = input.split_once('.').ok_or_else(|| malformed("is not a compact JWS"))?;
        let header = object(header).ok_or_else(|| malformed("the header is not a JSON object"))?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        if !text("alg").is_some_and(|algorithm| ALGORITHMS.contains(&algorithm)) {
            return Err(Rejection::new(Reason::UnsupportedAlgorithm, "only EdDSA is accepted"));
        }
        if header.get("typ").is_some()
            && !text("typ").is_some_and(|typ| TYPES.iter().any(|t| t.eq_ignore_ascii_case(typ)))
        {
            return Err(malformed("the header has the type of another kind of token"));
        }
        // An extension that must be understood is one that we do not understand; neither is an unencoded payload.
        if header.contains_key("crit") || header.contains_key("b64") {
            return Err(malformed("the header has extensions that are not understood"));
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
        let signature =
            signature.ok_or_else(|| Rejection::new(Reason::BadSignature, "the signature is not 64 bytes"))?;
        let claims = object(claims).ok_or_else(|| malformed("the claims are not a JSON object"))?;
        Ok(Self {
            kid: text("kid").map(str::to_owned),
            input: input.to_owned(),
            signature,
            claims: Claims::read(claims)?,
        })
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    // A member that stands twice would let two readers see two statements (RFC 7515, section 4; RFC 7519, section 4).
    match grc_kernel::shape::strict(&bytes).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}
