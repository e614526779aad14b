//! A team for tests: it publishes keys and signs tokens in Cloudflare's very shapes, and rotates when told to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::{LazyLock, Mutex, MutexGuard};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey, pkcs1::LineEnding, traits::PublicKeyParts};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A signing key with its published half.
#[derive(Clone)]
pub struct TestKey {
    /// Its id.
    pub kid: String,
    /// Its private half.
    pub private: EncodingKey,
    /// As it is published.
    pub public: Value,
}

/// Making RSA keys takes its time, so all tests of a run share three.
static KEYS: LazyLock<Vec<TestKey>> = LazyLock::new(|| (0..3).map(|number| make(number, 2_048)).collect());

/// A new key of so many bits.
pub fn make(number: usize, bits: usize) -> TestKey {
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap();
    let pem = key.to_pkcs1_pem(LineEnding::LF).unwrap();
    // Cloudflare's key ids are 64 hexadecimal digits.
    let kid = format!("{number:064x}");
    let part = |n: &rsa::BigUint| URL_SAFE_NO_PAD.encode(n.to_bytes_be());
    let public =
        json!({"kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "e": part(key.e()), "n": part(key.n())});
    TestKey { kid, private: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(), public }
}

/// The key of a number, 0 to 2.
pub fn key(number: usize) -> TestKey {
    KEYS[number].clone()
}

/// A team of Cloudflare Access.
pub struct TestTeam {
    /// Its issuer.
    pub issuer: String,
    /// The audience of its application.
    pub audience: String,
    /// The numbers of the published keys; the last one signs.
    published: Mutex<Vec<usize>>,
}

impl Default for TestTeam {
    fn default() -> Self {
        Self {
            issuer: "https://testers.cloudflareaccess.com".to_owned(),
            audience: "32eafc7626e737136064e2f5ad2ab3d0e1f2a4b5c6d7e8f90123456789abcdef".to_owned(),
            published: Mutex::new(vec![0]),
        }
    }
}

impl TestTeam {
    fn keys(&self) -> MutexGuard<'_, Vec<usize>> {
        self.published.lock().unwrap()
    }

    /// Publishes these keys; the last one signs from now on.
    pub fn publish(&self, numbers: &[usize]) {
        *self.keys() = numbers.to_vec();
    }

    /// What `/cdn-cgi/access/certs` answers.
    pub fn certs(&self) -> Value {
        let numbers = self.keys().clone();
        let keys: Vec<Value> = numbers.iter().map(|number| key(*number).public).collect();
        let certificates: Vec<Value> = numbers
            .iter()
            .map(|number| json!({"kid": key(*number).kid, "cert": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"}))
            .collect();
        json!({"keys": keys, "public_cert": certificates.last(), "public_certs": certificates})
    }

    /// The claims of a person's token.
    pub fn person(&self, email: &str, now: OffsetDateTime) -> Value {
        let at = now.unix_timestamp();
        json!({
            "aud": [self.audience], "email": email, "exp": at + 900, "iat": at, "nbf": at, "iss": self.issuer, "type": "app",
            "identity_nonce": "6ei69kawdKzMIAPF", "sub": "7335d417-61da-459d-899c-0a01c76a2f94", "country": "GR",
        })
    }

    /// The claims of a service token's token.
    pub fn service(&self, common_name: &str, now: OffsetDateTime) -> Value {
        let at = now.unix_timestamp();
        json!({
            "type": "app", "aud": self.audience, "exp": at + 900, "iss": self.issuer, "common_name": common_name, "iat": at,
            "sub": "",
        })
    }

    /// Signs claims with the current key.
    pub fn sign(&self, claims: &Value) -> String {
        let number = *self.keys().last().unwrap();
        sign_with(&key(number), claims)
    }
}

/// Signs claims with a key.
pub fn sign_with(key: &TestKey, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key.kid.clone());
    jsonwebtoken::encode(&header, claims, &key.private).unwrap()
}

/// Signs any header and payload text with a key: what an attacker with a key could send.
pub fn sign_text(key: &TestKey, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key.private, Algorithm::RS256).unwrap();
    format!("{signed}.{signature}")
}
