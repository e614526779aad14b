//! Pure rules: which passwords are refused, how slugs and secrets look.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grc_kernel::FieldError;
use sha2::{Digest, Sha256};

/// The shortest password (NIST SP 800-63B-4: 15 where it is the only factor).
pub const PASSWORD_MIN: usize = 15;
/// The longest.
pub const PASSWORD_MAX: usize = 1_024;

/// Units that common long passwords are built of.
const COMMON: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "qwerty",
    "qwertz",
    "azerty",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r",
    "1qaz2wsx",
    "qazwsx",
    "letmein",
    "welcome",
    "admin",
    "administrator",
    "changeme",
    "iloveyou",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "superman",
    "batman",
    "trustno1",
    "secret",
    "master",
    "default",
    "test",
    "user",
    "login",
    "abc123",
    "abcdef",
    "abcdefghijklmnop",
    "12345",
    "123456",
    "1234567890",
    "0987654321",
    "987654321",
    "correcthorsebatterystaple",
    "hunter2",
    "whatever",
    "computer",
    "internet",
    "company",
    "summer",
    "winter",
    "spring",
    "autumn",
];

/// Checks a new password: 15 to 1,024 characters, any Unicode, no rule of composition; refused where it holds
/// the e-mail address or is made of common pieces.
pub fn check_password(field: &str, password: &str, email: &str) -> Result<(), FieldError> {
    let length = password.chars().count();
    if length < PASSWORD_MIN {
        return Err(FieldError::new(field, "too_short", format!("must have at least {PASSWORD_MIN} characters")));
    }
    if length > PASSWORD_MAX {
        return Err(FieldError::new(field, "too_long", format!("may have at most {PASSWORD_MAX} characters")));
    }
    let lower = password.to_lowercase();
    let email = email.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    if lower.contains(&email)
        || (local.chars().count() >= 4 && lower.contains(local) && length < local.chars().count() + PASSWORD_MIN)
    {
        return Err(FieldError::new(field, "contains_email", "may not be built on the e-mail address"));
    }
    if is_common(&lower) {
        return Err(FieldError::new(field, "common", "is too easy to guess: choose words that do not belong together"));
    }
    Ok(())
}

/// Whether nothing much is left of a password when common words, digits, punctuation and repetition are
/// taken away.
fn is_common(lower: &str) -> bool {
    let mut rest = lower.to_owned();
    let mut words: Vec<&str> = COMMON.to_vec();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        rest = rest.replace(word, "");
    }
    let left = rest.chars().filter(|c| c.is_alphabetic()).count();
    left <= 3 || repeats(lower) || is_run(lower)
}

/// Whether the text is one unit of up to six characters over and over.
fn repeats(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=6).any(|unit| chars.iter().zip(chars.iter().skip(unit)).all(|(a, b)| a == b))
}

/// Whether each character follows the one before it: abcdef, 98765.
fn is_run(text: &str) -> bool {
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let steps = |delta: i64| {
        codes.iter().zip(codes.iter().skip(1)).filter(|(a, b)| i64::from(**b) - i64::from(**a) == delta).count()
    };
    steps(1).max(steps(-1)) * 10 >= codes.len() * 8
}

/// A slug of a name: lower-case ASCII letters, digits and single hyphens, at most 60 characters, never empty.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(60);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "organization".to_owned() } else { slug.to_owned() }
}

/// The hash under which a secret is kept.
pub fn hash_secret(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// An opaque token of random bytes.
pub fn token(random: [u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

/// An API key: `sk-`, 32 random bytes, and a checksum of six characters by which a secret scanner tells a
/// key from a look-alike without asking us.
pub fn api_key_secret(random: [u8; 32]) -> String {
    let body = URL_SAFE_NO_PAD.encode(random);
    format!("sk-{body}{}", checksum(&body))
}

/// Whether a text has the form and the checksum of an API key.
pub fn is_api_key(text: &str) -> bool {
    text.strip_prefix("sk-").and_then(|rest| rest.split_at_checked(43)).is_some_and(|(body, sum)| sum == checksum(body))
}

fn checksum(body: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(body.as_bytes())).chars().take(6).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn guessable_passwords_are_refused_and_phrases_accepted() {
        let code =
            |password: &str| check_password("password", password, "ada.lovelace@example.com").err().map(|e| e.code);
        for (password, expected) in [
            ("short", Some("too_short")),
            ("aaaaaaaaaaaaaaaa", Some("common")),
            ("abcabcabcabcabcabc", Some("common")),
            ("passwordpassword1", Some("common")),
            ("Password123456789!", Some("common")),
            ("123456789012345678", Some("common")),
            ("abcdefghijklmnopqrs", Some("common")),
            ("qwertyuiopasdfghjkl", Some("common")),
            ("correcthorsebatterystaple", Some("common")),
            ("my ada.lovelace key", Some("contains_email")),
            ("ada.lovelace@example.com and more", Some("contains_email")),
            ("violet tractor humming", None),
            ("δεκαπέντε χαρακτήρες ή πιο πολλοί", None),
            ("7tG!kq02Lm#xW9pzR", None),
        ] {
            assert_eq!(code(password), expected, "{password}");
        }
        assert_eq!(code(&"ab9 kq".repeat(200)), Some("too_long"));
    }

    #[test]
    fn a_slug_is_readable_and_never_empty() {
        assert_eq!(slug("  Ärger & Söhne GmbH  "), "rger-s-hne-gmbh");
        assert_eq!(slug("ΑΒΓ"), "organization");
        assert_eq!(slug("Acme Corp."), "acme-corp");
    }

    proptest! {
        #[test]
        fn a_key_carries_its_checksum(random: [u8; 32], position in 3_usize..46) {
            let key = api_key_secret(random);
            prop_assert!(is_api_key(&key));
            let mut altered: Vec<char> = key.chars().collect();
            altered[position] = if altered[position] == 'A' { 'B' } else { 'A' };
            prop_assert!(!is_api_key(&altered.into_iter().collect::<String>()));
        }

        #[test]
        fn no_text_breaks_the_rules(text in ".{0,60}") {
            let _ = check_password("password", &text, &text);
            prop_assert!(!slug(&text).is_empty());
            prop_assert!(!is_api_key(&text));
        }
    }
}
