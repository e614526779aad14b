//! Secrets and signatures, after Standard Webhooks 1.0 (<https://www.standardwebhooks.com>): HMAC-SHA256 over
//! `id.timestamp.body`, in base64, behind the version `v1`.

use base64::{Engine, engine::general_purpose::STANDARD};
use grc_kernel::resource::{Cell, CellRef, Codec, Misfit};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// What every secret begins with.
pub const PREFIX: &str = "whsec_";

/// The secret that a webhook's deliveries are signed with, as its receiver is given it. It must be kept readable, for it
/// signs; no answer, list, journal entry or log shows it after its first time.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret of random bytes.
    #[must_use]
    pub fn of(random: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", STANDARD.encode(random)))
    }

    /// A secret that was written down.
    #[must_use]
    pub fn written(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text itself, for the one answer that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it can sign.
    #[must_use]
    pub fn works(&self) -> bool {
        self.key().is_some_and(|key| key.len() >= 24)
    }

    fn key(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.0.strip_prefix(PREFIX)?).ok()
    }

    /// The signature of a message; none where the secret cannot sign.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key()?).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Codec for Secret {
    fn blank() -> Self {
        Self(String::new())
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Text(&self.0)
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        String::from_cell(cell).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard's own libraries.
    #[test]
    fn signatures_are_the_standards() {
        let secret = Secret::written("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn a_secret_is_never_printed_and_a_broken_one_does_not_sign() {
        let secret = Secret::of([7; 32]);
        assert!(secret.works() && secret.reveal().starts_with(PREFIX));
        assert_eq!(format!("{secret:?}"), "Secret");
        for broken in ["", "whsec_", "whsec_?", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="] {
            assert!(!Secret::written(broken).works(), "{broken}");
        }
    }
}
