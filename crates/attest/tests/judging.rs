//! What is believed and what is not, with real keys.

#![allow(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests may"
)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey};
use grc_attest::{
    Absence, Claims, Exhibit, Expected, KeyCheck, Missing, Reason, Rejection, Statement, Subject, judge, seal,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn statement() -> Statement {
    Statement {
        id: Uuid::from_u128(7),
        issuer: "https://vendor.example.org".into(),
        subject: "urn:uuid:00000000-0000-0000-0000-000000000009".into(),
        organization: "Vendor \"GmbH\"".into(),
        audience: Some("https://us.example.org".into()),
        nonce: Some("n-1".into()),
        issued_at: NOW,
        expires_at: NOW + Duration::days(90),
        frameworks: vec![Subject {
            key: "SOC2_TYPE2".into(),
            name: "SOC 2".into(),
            version: "2017".into(),
            assessed_at: NOW - Duration::days(3),
            pass: 10,
            partial: 2,
            fail: 1,
            not_applicable: 4,
            score: Some(84.6),
        }],
        evidence: vec![Exhibit {
            request: "audit_report".into(),
            name: "audit-report.pdf".into(),
            sha256: "ab".repeat(32),
            collected_at: NOW,
            valid_until: None,
        }],
        missing: vec![Missing { asked: "ISO27001".into(), reason: Absence::NotAssessed }],
    }
}

fn sealed(statement: &Statement) -> String {
    seal::<()>(statement, "k1", |input| Ok(key(1).sign(input).to_bytes())).unwrap()
}

fn wanted() -> Vec<String> {
    vec!["SOC2_TYPE2".to_owned(), "ISO27001".to_owned()]
}

fn expected(frameworks: &[String]) -> Expected<'_> {
    Expected {
        issuers: &[],
        origin: Some("https://vendor.example.org"),
        audience: Some("https://us.example.org/"),
        nonce: Some("n-1"),
        frameworks,
        now: NOW,
    }
}

fn verify(token: &str, expected: &Expected<'_>) -> Result<Claims, Rejection> {
    judge(
        token,
        |kid, input, signature| match kid {
            Some("k1") if key(1).verifying_key().verify_strict(input, &Signature::from_bytes(signature)).is_ok() => {
                KeyCheck::Holds
            }
            Some("k1") => KeyCheck::Fails,
            _ => KeyCheck::Unknown,
        },
        expected,
    )
}

/// A token of any header and claims, signed.
fn token(header: &Value, claims: &Value) -> String {
    token_of(&header.to_string(), &claims.to_string())
}

/// The same of texts.
fn token_of(header: &str, claims: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key(1).sign(input.as_bytes()).to_bytes());
    format!("{input}.{signature}")
}

fn claims() -> Value {
    Value::Object(statement().to_json())
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn what_was_sealed_is_believed_and_says_the_same() {
    let wanted = wanted();
    let claims = verify(&sealed(&statement()), &expected(&wanted)).unwrap();
    assert_eq!(claims.all, statement().to_json());
    assert_eq!(claims.frameworks, ["SOC2_TYPE2"]);
    assert_eq!(claims.all["frameworks"][0]["results"]["pass"], 10);
    assert_eq!(claims.all["missing"][0], json!({"asked": "ISO27001", "reason": "not_assessed"}));
    assert_eq!(claims.expires_at, NOW + Duration::days(90));
}

#[test]
fn each_thing_that_is_wrong_has_its_reason() {
    let wanted = wanted();
    let header = json!({"alg": "EdDSA", "kid": "k1", "typ": "attestation+jwt"});
    let seconds = |offset: i64| json!((NOW + Duration::seconds(offset)).unix_timestamp());
    let cases: Vec<(Value, Reason)> = vec![
        (with("iss", json!("https://evil.example.org")), Reason::WrongIssuer),
        (with("iss", json!("https://vendor.example.org.evil.org")), Reason::WrongIssuer),
        (with("iss", json!("http://vendor.example.org")), Reason::WrongIssuer),
        (with("iss", json!("https://vendor.example.org:8443")), Reason::WrongIssuer),
        (with("aud", json!("https://other.example.org")), Reason::WrongAudience),
        (with("aud", json!(["https://a.example.org"])), Reason::WrongAudience),
        (with("aud", Value::Null), Reason::WrongAudience),
        (with("nonce", json!("n-2")), Reason::WrongNonce),
        (with("nonce", Value::Null), Reason::WrongNonce),
        (with("exp", seconds(0)), Reason::Expired),
        (with("exp", seconds(-1)), Reason::Expired),
        (with("iat", seconds(61)), Reason::NotYetValid),
        (with("nbf", seconds(3_600)), Reason::NotYetValid),
        (with("frameworks", json!([])), Reason::NothingAttested),
        (with("frameworks", json!([{"key": "PCI_DSS"}])), Reason::NothingAttested),
        (with("frameworks", json!("SOC2_TYPE2")), Reason::Malformed),
        (with("frameworks", json!([7])), Reason::Malformed),
        (with("exp", Value::Null), Reason::Malformed),
        (with("exp", json!("tomorrow")), Reason::Malformed),
        (with("exp", json!(1e300)), Reason::Malformed),
        (with("exp", json!(i64::MAX)), Reason::Malformed),
        (with("iss", json!(7)), Reason::Malformed),
        (with("organization", json!("a\u{0}b")), Reason::Malformed),
        (with("x", json!("y".repeat(20_001))), Reason::Malformed),
        (with("x", json!(vec![0; 20_001])), Reason::Malformed),
        (with("x", (0..20).fold(json!(1), |inner, _| json!([inner]))), Reason::Malformed),
    ];
    for (claims, reason) in cases {
        let rejection = verify(&token(&header, &claims), &expected(&wanted)).unwrap_err();
        assert_eq!(rejection.reason, reason, "{claims}");
    }
    let fine = [
        with("aud", json!(["https://a.example.org", "https://us.example.org"])),
        with("iat", seconds(59)),
        with("iss", json!("HTTPS://vendor.example.org:443/")),
        with("iss", json!("Vendor GmbH")),
        with("frameworks", json!({"SOC2_TYPE2": {"score": 80}})),
        with("frameworks", json!(["SOC2_TYPE2"])),
        with("exp", json!(4_000_000_000.5)),
    ];
    for claims in fine {
        verify(&token(&header, &claims), &expected(&wanted)).unwrap_or_else(|error| panic!("{claims}: {error:?}"));
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let wanted = wanted();
    let (header, claims) = (r#"{"alg": "EdDSA", "kid": "k1"}"#, claims().to_string());
    verify(&token_of(header, &claims), &expected(&wanted)).unwrap();
    let twice = |member: &str, text: &str| format!("{{{member}, {}", &text[1..]);
    for (header, claims) in [
        (header.to_owned(), twice(r#""iss": "https://evil.example.org""#, &claims)),
        (header.to_owned(), twice(r#""exp": 1"#, &claims)),
        (twice(r#""alg": "none""#, header), claims.clone()),
        (twice(r#""kid": "k2""#, header), claims.clone()),
    ] {
        assert_eq!(verify(&token_of(&header, &claims), &expected(&wanted)).unwrap_err().reason, Reason::Malformed);
    }
}

#[test]
fn no_header_talks_us_out_of_the_signature() {
    let wanted = wanted();
    let cases = [
        (json!({"alg": "none", "kid": "k1"}), Reason::UnsupportedAlgorithm),
        (json!({"alg": "HS256", "kid": "k1"}), Reason::UnsupportedAlgorithm),
        (json!({"alg": "eddsa", "kid": "k1"}), Reason::UnsupportedAlgorithm),
        (json!({"alg": ["EdDSA"], "kid": "k1"}), Reason::UnsupportedAlgorithm),
        (json!({"kid": "k1"}), Reason::UnsupportedAlgorithm),
        (json!({"alg": "EdDSA", "kid": "k2"}), Reason::UnknownKey),
        (json!({"alg": "EdDSA"}), Reason::UnknownKey),
        (json!({"alg": "EdDSA", "kid": "k1", "typ": "at+jwt"}), Reason::Malformed),
        (json!({"alg": "EdDSA", "kid": "k1", "crit": ["exp"]}), Reason::Malformed),
        (json!({"alg": "EdDSA", "kid": "k1", "b64": false}), Reason::Malformed),
    ];
    for (header, reason) in cases {
        assert_eq!(verify(&token(&header, &claims()), &expected(&wanted)).unwrap_err().reason, reason, "{header}");
    }
    let mallory = seal::<()>(&statement(), "k1", |input| Ok(key(2).sign(input).to_bytes())).unwrap();
    assert_eq!(verify(&mallory, &expected(&wanted)).unwrap_err().reason, Reason::BadSignature);
    let genuine = sealed(&statement());
    let mut parts: Vec<String> = genuine.split('.').map(str::to_owned).collect();
    parts[1] = URL_SAFE_NO_PAD.encode(with("exp", json!(9_999_999_999_i64)).to_string());
    assert_eq!(verify(&parts.join("."), &expected(&wanted)).unwrap_err().reason, Reason::BadSignature);
    for broken in
        ["", ".", "..", "a.b.c", "a.b.c.d", &genuine[..genuine.len() - 3], &format!("{genuine}="), &"x".repeat(300_000)]
    {
        assert!(verify(broken, &expected(&wanted)).is_err());
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}", a in "[A-Za-z0-9_-]{0,80}", b in "[A-Za-z0-9_-]{0,80}") {
        let wanted = wanted();
        prop_assert!(verify(&text, &expected(&wanted)).is_err());
        let built = format!("{a}.{b}.{}", "A".repeat(86));
        prop_assert!(verify(&built, &expected(&wanted)).is_err());
    }

    #[test]
    fn a_flipped_character_is_never_believed(position in 0_usize..800, letter in "[A-Za-z0-9_.-]") {
        let wanted = wanted();
        let genuine = sealed(&statement());
        let position = position % genuine.len();
        let mut altered = genuine.clone();
        altered.replace_range(position..=position, &letter);
        prop_assume!(altered != genuine);
        prop_assert!(verify(&altered, &expected(&wanted)).is_err());
    }
}
