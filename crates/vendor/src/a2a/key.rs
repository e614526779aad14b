//! The keys of partners. A key names its organization, so that whoever presents it is looked for in that organization's
//! records and in no other's: the lock between tenants stays shut for the look-up too.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grc_kernel::{OrgId, Uuid};
use sha2::{Digest, Sha256};

/// How every such key begins. The dot is in no other key of the service.
pub const PREFIX: &str = "sk-a2a.";
/// How many characters of a key are shown to recognise it by.
pub const SHOWN: usize = 14;

/// The key of a partner of an organization, made of 32 bytes that nobody can guess.
#[must_use]
pub fn make(org: OrgId, random: [u8; 32]) -> String {
    // The random part comes first, so that the characters that are shown tell keys apart.
    let bytes = [random.as_slice(), org.0.as_bytes().as_slice()].concat();
    let body = URL_SAFE_NO_PAD.encode(bytes);
    format!("{PREFIX}{body}{}", checksum(&body))
}

/// The organization that a key names; none where it is no such key.
#[must_use]
pub fn org_of(key: &str) -> Option<OrgId> {
    let (body, sum) = key.strip_prefix(PREFIX)?.split_at_checked(64)?;
    if sum != checksum(body) {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
    Uuid::from_slice(bytes.get(32..)?).ok().filter(|id| !id.is_nil()).map(OrgId)
}

/// What is kept of a key.
#[must_use]
pub fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Tells a mistyped key from one that is not known, without asking the store.
fn checksum(body: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(body.as_bytes())).chars().take(6).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_names_its_organization_and_no_altered_one_does(id in 1_u128.., random: [u8; 32], at in 7_usize..77) {
            let org = OrgId(Uuid::from_u128(id));
            let key = make(org, random);
            prop_assert_eq!(org_of(&key), Some(org));
            prop_assert!(key.len() < 100);
            let mut altered: Vec<char> = key.chars().collect();
            altered[at] = if altered[at] == 'A' { 'B' } else { 'A' };
            prop_assert_eq!(org_of(&altered.into_iter().collect::<String>()), None);
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,120}") {
            prop_assert_eq!(org_of(&text), None);
            prop_assert_eq!(org_of(&format!("{PREFIX}{text}")), None);
        }
    }
}
