//! A signed tree head, as text that other programs read: a C2SP tlog-checkpoint in a C2SP signed note.
//!
//! ```text
//! sovereign-grc.audit/0198b7c2-6f0e-7c1e-9d0a-3d1f5a1b2c3d
//! 40
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! 2026-03-01T12:00:00Z
//!
//! — sovereign-grc.audit/0198b7c2-6f0e-7c1e-9d0a-3d1f5a1b2c3d Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```
//!
//! The origin names the organization, then come the number of entries, the root in Base64, and the time. What is signed (Ed25519,
//! RFC 8032) is the text up to the empty line, the last line's end included. The signature's Base64 begins with four bytes
//! that name the key: of SHA-256 over the name, a line's end, the byte 1 and the public key.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use grc_kernel::{OrgId, Uuid, merkle::Hash, record::timestamp};
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// What every origin begins with.
const ORIGIN: &str = "sovereign-grc.audit/";

/// The head of an organization's tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Whose journal.
    pub org: OrgId,
    /// Over how many entries.
    pub size: i64,
    /// The root.
    pub root: Hash,
    /// When it was signed.
    pub at: OffsetDateTime,
}

/// Signs tree heads.
pub trait Signer: Send + Sync {
    /// The Ed25519 signature of a text; a failure says why there is none.
    fn sign(&self, text: &[u8]) -> Result<[u8; 64], String>;
    /// The public key.
    fn public(&self) -> [u8; 32];
}

/// The public keys that may have signed a tree head: the one in use, and those that were.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<[u8; 32]>);

/// Why a note is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It is no such note.
    #[error("it is no checkpoint")]
    Malformed,
    /// None of our keys signed it.
    #[error("it is signed by a key that is not known")]
    UnknownKey,
    /// The signature is not over this text.
    #[error("its signature does not fit")]
    BadSignature,
}

impl Head {
    /// Whose it is.
    pub fn origin(org: OrgId) -> String {
        format!("{ORIGIN}{}", org.0)
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n{}\n", Self::origin(self.org), self.size, STANDARD.encode(self.root), timestamp(self.at))
    }

    /// The signed note.
    pub fn signed(&self, signer: &dyn Signer) -> Result<String, String> {
        let (mut note, name) = (self.text(), Self::origin(self.org));
        let mut signature = key_id(&name, &signer.public()).to_vec();
        signature.extend(signer.sign(note.as_bytes())?);
        // Writing to a text cannot fail.
        let _ = writeln!(note, "\n\u{2014} {name} {}", STANDARD.encode(signature));
        Ok(note)
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let org = Uuid::parse_str(lines.next()?.strip_prefix(ORIGIN)?).ok()?;
        let size: i64 = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let at = OffsetDateTime::parse(lines.next()?, &Rfc3339).ok()?;
        let head = Self { org: OrgId(org), size, root, at };
        // One text for one head: nothing else can hide in it.
        (size > 0 && head.text() == text).then_some(head)
    }
}

fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let hash: [u8; 32] =
        Sha256::new().chain_update(name).chain_update([b'\n', 1]).chain_update(public).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

impl Keys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The head that a note states, where one of the keys signed it.
    pub fn read(&self, note: &str) -> Result<Head, Distrust> {
        let (text, signatures) = note.split_once("\n\n").ok_or(Distrust::Malformed)?;
        let text = format!("{text}\n");
        let head = Head::read(&text).ok_or(Distrust::Malformed)?;
        let name = Head::origin(head.org);
        let mut known = false;
        for line in signatures.lines() {
            let signature = line.strip_prefix("\u{2014} ").and_then(|line| line.strip_prefix(name.as_str()));
            let signature = signature.and_then(|signature| STANDARD.decode(signature.strip_prefix(' ')?).ok());
            let bytes: Option<[u8; 68]> = signature.and_then(|bytes| bytes.try_into().ok());
            let (id, signature) =
                bytes.as_ref().and_then(|bytes| bytes.split_at_checked(4)).ok_or(Distrust::Malformed)?;
            let Ok(signature) = Signature::from_slice(signature) else { return Err(Distrust::Malformed) };
            for key in self.0.iter().filter(|key| key_id(&name, key) == *id) {
                known = true;
                let fits = VerifyingKey::from_bytes(key)
                    .is_ok_and(|key| key.verify_strict(text.as_bytes(), &signature).is_ok());
                if fits {
                    return Ok(head);
                }
            }
        }
        Err(if known { Distrust::BadSignature } else { Distrust::UnknownKey })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};
    use time::macros::datetime;

    use super::*;

    /// A key for tests.
    #[derive(Debug)]
    pub(crate) struct Key(pub SigningKey);

    impl Key {
        pub(crate) fn new(seed: u8) -> Self {
            Self(SigningKey::from_bytes(&[seed; 32]))
        }
    }

    impl Signer for Key {
        fn sign(&self, text: &[u8]) -> Result<[u8; 64], String> {
            Ok(self.0.sign(text).to_bytes())
        }
        fn public(&self) -> [u8; 32] {
            self.0.verifying_key().to_bytes()
        }
    }

    #[test]
    fn a_head_is_read_as_it_was_signed_and_nothing_else_is() {
        let head =
            Head { org: OrgId(Uuid::from_u128(7)), size: 40, root: [3; 32], at: datetime!(2026-03-01 12:00 UTC) };
        let (ours, foreign) = (Key::new(1), Key::new(2));
        let keys = Keys::new([ours.public()]);
        let note = head.signed(&ours).unwrap();
        assert_eq!(keys.read(&note), Ok(head.clone()));
        assert_eq!(Keys::new([foreign.public(), ours.public()]).read(&note), Ok(head.clone()));
        assert_eq!(Keys::new([foreign.public()]).read(&note), Err(Distrust::UnknownKey));
        assert_eq!(keys.read(&head.signed(&foreign).unwrap()), Err(Distrust::UnknownKey));
        assert_eq!(keys.read(&note.replacen("\n40\n", "\n41\n", 1)), Err(Distrust::BadSignature));
        for broken in [
            "",
            "a\n\nb",
            &note.replace("40", "040"),
            &note.replace("2026-03-01T12", "2026-03-01t12"),
            note.trim_end_matches("=\n"),
        ] {
            assert_eq!(keys.read(broken), Err(Distrust::Malformed), "{broken:?}");
        }
        let other = Head { org: OrgId(Uuid::from_u128(8)), ..head };
        let spliced = format!("{}\n{}", other.text(), note.split_once("\n\n").unwrap().1);
        assert_eq!(keys.read(&spliced), Err(Distrust::Malformed));
    }
}
