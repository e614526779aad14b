//! The public keys that an issuer publishes (RFC 7517, RFC 8037), and the check of a signature against them. Only Ed25519
//! keys count; the strict check leaves no second signature of the same text.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use grc_attest::KeyCheck;
use serde_json::Value;

/// The most keys of a set that are looked at.
const KEYS_MAX: usize = 50;

/// Keys.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<(Option<String>, VerifyingKey)>,
}

impl KeySet {
    /// Reads a set. What is no Ed25519 key for signatures is passed over.
    pub fn parse(set: &Value) -> Self {
        let all = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self { keys: all.iter().take(KEYS_MAX).filter_map(key).collect() }
    }

    /// Whether there is no key that could be used.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a signature over an input is that of the named key; of any where none is named.
    pub fn check(&self, kid: Option<&str>, input: &[u8], signature: &[u8; 64]) -> KeyCheck {
        let signature = Signature::from_bytes(signature);
        let named = |known: &Option<String>| kid.is_none() || known.as_deref() == kid;
        let mut candidates = self.keys.iter().filter(|(known, _)| named(known)).peekable();
        if candidates.peek().is_none() {
            return KeyCheck::Unknown;
        }
        if candidates.any(|(_, key)| key.verify_strict(input, &signature).is_ok()) {
            KeyCheck::Holds
        } else {
            KeyCheck::Fails
        }
    }
}

fn key(value: &Value) -> Option<(Option<String>, VerifyingKey)> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let fits = text("kty") == Some("OKP")
        && text("crv") == Some("Ed25519")
        && text("use").is_none_or(|purpose| purpose == "sig")
        && text("alg").is_none_or(|algorithm| matches!(algorithm, "EdDSA" | "Ed25519"));
    if !fits {
        return None;
    }
    let bytes = <[u8; 32]>::try_from(URL_SAFE_NO_PAD.decode(text("x")?).ok()?).ok()?;
    let key = VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak())?;
    Some((text("kid").map(str::to_owned), key))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use serde_json::json;

    use super::*;

    #[test]
    fn only_usable_keys_count() {
        let signing = SigningKey::from_bytes(&[3; 32]);
        let x = URL_SAFE_NO_PAD.encode(signing.verifying_key().to_bytes());
        let good = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": x});
        let set = json!({"keys": [
            {"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"},
            {"kty": "OKP", "crv": "X25519", "kid": "a", "x": x},
            {"kty": "OKP", "crv": "Ed25519", "kid": "b", "x": x, "use": "enc"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "c", "x": "AAAA"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "d", "x": URL_SAFE_NO_PAD.encode([0; 32])},
            7, good,
        ]});
        let keys = KeySet::parse(&set);
        let signature = signing.sign(b"input").to_bytes();
        assert_eq!(keys.check(Some("a"), b"input", &signature), KeyCheck::Holds);
        assert_eq!(keys.check(None, b"input", &signature), KeyCheck::Holds);
        assert_eq!(keys.check(Some("a"), b"other", &signature), KeyCheck::Fails);
        for absent in ["b", "c", "d", "e"] {
            assert_eq!(keys.check(Some(absent), b"input", &signature), KeyCheck::Unknown);
        }
        assert!(KeySet::parse(&json!({})).is_empty() && KeySet::parse(&json!({"keys": {}})).is_empty());
    }
}
