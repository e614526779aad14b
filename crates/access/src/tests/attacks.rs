//! Tokens that must not pass, each with what it tries.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{Source, noon, run, verifier};
use crate::testing::{TestTeam, key, sign_text};

fn b64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The claims of a good token, changed.
fn but(team: &TestTeam, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = team.person("ada@example.com", noon());
    change(&mut claims);
    team.sign(&claims)
}

fn without(team: &TestTeam, name: &str) -> String {
    but(team, |claims| {
        claims.as_object_mut().unwrap().remove(name);
    })
}

/// Headers over a good payload, signed with the good key.
fn headers(team: &TestTeam, all: &mut Vec<(String, String)>) {
    let payload = team.person("ada@example.com", noon()).to_string();
    let kid = key(0).kid;
    for alg in [
        "none", "None", "NONE", "nOnE", "", "rs256", "RS256 ", "RS384", "RS512", "PS256", "HS256", "HS512", "ES256",
        "EdDSA",
    ] {
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"}).to_string();
        all.push((format!("alg {alg:?}"), sign_text(&key(0), &header, &payload)));
        all.push((format!("alg {alg:?}, unsigned"), format!("{}.{}.", b64(&header), b64(&payload))));
    }
    // The public key as the secret of an HMAC, in each form that a library might take it in.
    let public = key(0).public;
    for secret in [public["n"].as_str().unwrap().to_owned(), public.to_string(), team.certs().to_string()] {
        for alg in ["HS256", "RS256"] {
            let signed = format!("{}.{}", b64(json!({"alg": alg, "kid": kid}).to_string()), b64(&payload));
            let hmac = EncodingKey::from_secret(secret.as_bytes());
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &hmac, Algorithm::HS256).unwrap();
            all.push((format!("HMAC of the public key as {alg}"), format!("{signed}.{signature}")));
        }
    }
    for made_up in [
        "../../../../dev/null",
        "' OR '1'='1",
        "https://evil.example/keys.json",
        "",
        " ",
        "\u{0}",
        "0",
        "*",
        &"k".repeat(10_000),
    ] {
        let header = json!({"alg": "RS256", "kid": made_up}).to_string();
        all.push((format!("kid {:.20}", made_up), sign_text(&key(1), &header, &payload)));
        all.push((format!("kid {:.20} by the good key", made_up), sign_text(&key(0), &header, &payload)));
    }
    for (name, value) in [
        ("jwk", key(1).public),
        ("jku", json!("https://evil.example/keys.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
    ] {
        for signer in [0, 1] {
            let mut header = json!({"alg": "RS256", "kid": kid});
            header[name] = value.clone();
            all.push((format!("{name} {value}, key {signer}"), sign_text(&key(signer), &header.to_string(), &payload)));
        }
    }
    let texts = [
        format!(r#"{{"alg":"none","alg":"RS256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RS256","kid":"{kid}","kid":"x"}}"#),
        r#"{"alg":"RS256"}"#.to_owned(),
        r#"{"alg":"RS256","kid":7}"#.to_owned(),
        r#"{"alg":["RS256"],"kid":"x"}"#.to_owned(),
        "[]".to_owned(),
        "{".to_owned(),
        String::new(),
    ];
    all.extend(texts.iter().map(|header| (format!("header {header}"), sign_text(&key(0), header, &payload))));
}

/// Claims, signed with the good key: what a token for somebody or something else says.
fn claims(team: &TestTeam, all: &mut Vec<(String, String)>) {
    let at = noon().unix_timestamp();
    for (name, value) in [
        ("iss", json!("https://others.cloudflareaccess.com")),
        ("iss", json!("https://testers.cloudflareaccess.com/")),
        ("iss", json!("http://testers.cloudflareaccess.com")),
        ("iss", json!("https://testers.cloudflareaccess.com.evil.example")),
        ("iss", json!(["https://testers.cloudflareaccess.com"])),
        ("iss", json!(null)),
        ("iss", json!("")),
        ("aud", json!("others")),
        ("aud", json!([])),
        ("aud", json!(["others"])),
        ("aud", json!("")),
        ("aud", json!(null)),
        ("aud", json!({"0": team.audience})),
        ("aud", json!([[team.audience]])),
        ("aud", json!(format!("{} ", team.audience))),
        ("aud", json!(team.audience.to_uppercase())),
        ("exp", json!(at)),
        ("exp", json!(at - 1)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!(i64::MIN)),
        ("exp", json!((at + 900).to_string())),
        ("exp", json!(1e300)),
        ("exp", json!(at as f64 + 900.5)),
        ("exp", json!(null)),
        ("exp", json!([at + 900])),
        ("exp", json!(true)),
        ("nbf", json!(at + 1)),
        ("nbf", json!(at + 900)),
        ("nbf", json!("soon")),
        ("nbf", json!(-0.5)),
        ("iat", json!("then")),
        ("type", json!("org")),
        ("type", json!("App")),
        ("type", json!(null)),
        ("type", json!(7)),
        ("email", json!("")),
        ("email", json!("nobody")),
        ("email", json!(null)),
        ("email", json!(["ada@example.com"])),
        ("email", json!("ada@example.com\u{0}")),
        ("email", json!("ada@example.com admin@example.com")),
        ("email", json!(format!("{}@example.com", "a".repeat(250)))),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("common_name", json!("machine.access")),
    ] {
        all.push((format!("{name} {value:.60}"), but(team, |claims| claims[name] = value.clone())));
    }
    for name in ["iss", "aud", "exp", "type", "email", "sub"] {
        all.push((format!("no {name}"), without(team, name)));
    }
    let mut machine = team.service("machine.access", noon());
    machine["sub"] = json!("7335d417-61da-459d-899c-0a01c76a2f94");
    all.push(("a service token with a subject".into(), team.sign(&machine)));
    machine["sub"] = json!("");
    machine["common_name"] = json!("m".repeat(300));
    all.push(("a service token with an endless name".into(), team.sign(&machine)));
    // A reader that takes the first of two would see another claim than one that takes the last.
    let header = json!({"alg": "RS256", "kid": key(0).kid}).to_string();
    for (first, second) in [
        (r#""email":"ada@example.com""#, r#""email":"root@example.com""#),
        (&*format!(r#""exp":{at}"#), &*format!(r#""exp":{}"#, at + 900)),
        (&*format!(r#""aud":"{}""#, team.audience), r#""aud":"others""#),
        (r#""iss":"https://evil.example""#, &*format!(r#""iss":"{}""#, team.issuer)),
    ] {
        let good = team.person("ada@example.com", noon()).to_string();
        let twice = format!("{{{first},{second},{}", &good[1..]);
        all.push((format!("twice: {first}"), sign_text(&key(0), &header, &twice)));
    }
    for payload in ["", "{}", "[]", "null", "\"text\"", "{", "\u{feff}{}"] {
        all.push((format!("payload {payload:?}"), sign_text(&key(0), &header, payload)));
    }
}

/// A good token, damaged or put together anew.
fn forms(team: &TestTeam, all: &mut Vec<(String, String)>) {
    let good = team.sign(&team.person("ada@example.com", noon()));
    let other = team.sign(&team.person("root@example.com", noon()));
    let parts: Vec<&str> = good.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let theirs: Vec<&str> = other.split('.').collect();
    let zeros = b64([0_u8; 256]);
    let ones = b64([255_u8; 256]);
    let one = b64([[0_u8; 255].as_slice(), &[1]].concat());
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[0] ^= 1;
    let long = format!("{}.{}.{}", header, b64("x".repeat(1_000_000)), signature);
    for (what, token) in [
        ("nothing", String::new()),
        ("dots", "..".into()),
        ("one part", header.to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("no signature", format!("{header}.{payload}.")),
        ("four parts", format!("{good}.{signature}")),
        ("a zero signature", format!("{header}.{payload}.{zeros}")),
        ("a signature of ones", format!("{header}.{payload}.{ones}")),
        ("a signature that is 1", format!("{header}.{payload}.{one}")),
        ("a short signature", format!("{header}.{payload}.AA")),
        ("a flipped bit", format!("{header}.{payload}.{}", b64(&flipped))),
        ("a longer signature", format!("{good}AA")),
        ("another's payload", format!("{header}.{}.{signature}", theirs[1])),
        ("another's signature", format!("{header}.{payload}.{}", theirs[2])),
        ("padding", format!("{header}=.{payload}.{signature}")),
        ("plain base64", format!("{header}.{payload}.+/{}", &signature[2..])),
        ("a space in front", format!(" {good}")),
        ("a line end", format!("{good}\n")),
        ("a scheme", format!("Bearer {good}")),
        ("a token within a token", format!("{header}.{}.{signature}", b64(&good))),
        ("a megabyte", long),
        ("no ASCII", "ключ.ключ.ключ".into()),
        ("five-part encryption", format!("{header}.a.b.c.{signature}")),
    ] {
        all.push((what.to_owned(), token));
    }
    all.push((
        "a key that is not published".into(),
        crate::testing::sign_with(&key(1), &team.person("ada@example.com", noon())),
    ));
    let posing = crate::testing::TestKey { kid: key(0).kid, ..key(1) };
    all.push((
        "another key under a good id".into(),
        crate::testing::sign_with(&posing, &team.person("ada@example.com", noon())),
    ));
}

#[test]
fn none_of_the_attacks_is_accepted() {
    run(async {
        let team = TestTeam::default();
        let source = Source::of(&team);
        let verifier = verifier(&team, &source);
        let mut all = Vec::new();
        headers(&team, &mut all);
        claims(&team, &mut all);
        forms(&team, &mut all);
        assert!(all.len() >= 150, "{} attacks", all.len());
        let mut accepted = Vec::new();
        for (what, token) in &all {
            if verifier.verify(token, noon()).await.is_ok() {
                accepted.push(what);
            }
        }
        assert!(accepted.is_empty(), "accepted: {accepted:#?}");
        // The control: what the attacks are made of is accepted.
        let control = sign_text(
            &key(0),
            &json!({"alg": "RS256", "kid": key(0).kid, "typ": "JWT"}).to_string(),
            &team.person("ada@example.com", noon()).to_string(),
        );
        assert!(verifier.verify(&control, noon()).await.is_ok());
        assert!(verifier.verify(&but(&team, |_| {}), noon()).await.is_ok());
        assert!(source.asked() <= 2, "the first fetch, and one for all unknown keys");
    });
}
