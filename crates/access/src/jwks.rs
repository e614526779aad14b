//! The team's published keys, as `/cdn-cgi/access/certs` gives them.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

/// Keys by their id.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: BTreeMap<String, DecodingKey>,
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

/// More keys than any team has: two are usual.
const MOST: usize = 32;

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: String,
    e: String,
}

impl KeySet {
    /// The keys of a document. Keys of other kinds are passed over; a document without one that can be used is an error, so
    /// that an error page never takes the place of good keys.
    pub fn parse(document: &str) -> Result<Self, String> {
        let document: Document =
            serde_json::from_str(document).map_err(|error| format!("the keys are not a JSON Web Key Set: {error}"))?;
        let mut keys = BTreeMap::new();
        for key in document.keys.into_iter().take(MOST) {
            let Ok(key) = serde_json::from_value::<Key>(key) else { continue };
            if let Some(decoding) = usable(&key) {
                keys.insert(key.kid, decoding);
            }
        }
        if keys.is_empty() { Err("the key set holds no usable RS256 key".to_owned()) } else { Ok(Self { keys }) }
    }

    /// The key of an id.
    pub fn get(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.get(kid)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn usable(key: &Key) -> Option<DecodingKey> {
    let fits = key.kty == "RSA"
        && key.alg.as_deref().is_none_or(|alg| alg == "RS256")
        && key.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
        && !key.kid.is_empty();
    // Shorter moduli are breakable (NIST SP 800-131A), much longer ones only cost time.
    let modulus = URL_SAFE_NO_PAD.decode(&key.n).ok().filter(|n| (256..=1_024).contains(&n.len()))?;
    let exponent = URL_SAFE_NO_PAD.decode(&key.e).ok().filter(|e| (1..=8).contains(&e.len()))?;
    fits.then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}
