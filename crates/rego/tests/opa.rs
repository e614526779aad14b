//! The client of an Open Policy Agent, against a server that speaks as one does and against one that misbehaves.

#![allow(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests may"
)]

use std::{path::PathBuf, time::Instant};

use grc_kernel::{OrgId, Uuid};
use grc_policy::{
    Engine,
    engine::{EngineError, Module, PolicySet, Verdict},
    path::DecisionPath,
    playbook,
};
use grc_rego::{
    Embedded, Engines, Opa, WorkerCommand,
    stub::{Mood, Stub},
};
use serde_json::{Value, json};

fn worker() -> WorkerCommand {
    WorkerCommand { program: PathBuf::from(env!("CARGO_BIN_EXE_rego-worker")), arguments: Vec::new() }
}

async fn both() -> (Stub, Engines) {
    let stub = Stub::start(worker()).await.unwrap();
    let engines = Engines::new(Embedded::new(worker(), 2), Some(Opa::new(&stub.url()).unwrap()));
    (stub, engines)
}

fn shipped() -> PolicySet {
    PolicySet::new(OrgId(Uuid::from_u128(7)), playbook::modules())
}

async fn ask(engine: &Engines, path: &str, input: Value) -> Result<Verdict, EngineError> {
    engine.evaluate(&shipped(), &DecisionPath::parse(path).unwrap(), &input).await
}

#[tokio::test]
async fn both_engines_give_the_same_answers() {
    let (_stub, remote) = both().await;
    let embedded = Engines::new(Embedded::new(worker(), 2), None);
    let inputs = [
        json!({}),
        json!({"incident": {"severity": "critical", "affected_systems": ["a"], "affected_records": 20_000}, "public": true}),
        json!({"severity": "low", "credentials_entered": true, "recipients": 12, "spreading": true, "backups": "intact"}),
    ];
    for playbook in playbook::PLAYBOOKS {
        let path = playbook::path_of(playbook.name).unwrap();
        for input in &inputs {
            let one = ask(&remote, path.as_str(), input.clone()).await.unwrap();
            let other = ask(&embedded, path.as_str(), input.clone()).await.unwrap();
            assert_eq!(one.result, other.result, "{path} of {input}");
            assert!(one.result.is_some());
            assert_eq!((one.engine, other.engine), ("opa", "embedded"));
        }
    }
    assert_eq!((remote.kind(), embedded.kind()), ("opa", "embedded"));
}

#[tokio::test]
async fn a_playbook_that_the_agent_lacks_is_put_once_and_again_when_it_forgot() {
    let (stub, engine) = both().await;
    let path = "incident/playbooks/ransomware";
    for _ in 0..2 {
        assert!(ask(&engine, path, json!({})).await.unwrap().result.is_some());
    }
    let puts = |stub: &Stub| stub.take_seen().iter().filter(|seen| seen.method == "PUT").count();
    assert_eq!(puts(&stub), playbook::modules().len());
    assert!(stub.policies().contains(&"sovereign-grc/ransomware".to_owned()));
    stub.forget();
    assert!(ask(&engine, path, json!({})).await.unwrap().result.is_some());
    assert_eq!(puts(&stub), playbook::modules().len());
}

#[tokio::test]
async fn a_playbook_of_the_operators_own_takes_precedence() {
    let (stub, engine) = both().await;
    stub.put("operator/phishing", "package incident.playbooks.phishing\n\nactions := []\n");
    let verdict = ask(&engine, "incident/playbooks/phishing", json!({})).await.unwrap();
    assert_eq!(verdict.result, Some(json!({"actions": []})));
}

#[tokio::test]
async fn undefined_is_no_answer_and_never_yes() {
    let (stub, engine) = both().await;
    let verdict = ask(&engine, "incident/playbooks/ransomware/nothing", json!({})).await.unwrap();
    assert_eq!(verdict.result, None);
    stub.forget();
    stub.set(Mood::ReadOnly);
    let verdict = ask(&engine, "incident/playbooks/ransomware", json!({})).await.unwrap();
    assert_eq!(verdict.result, None);
}

#[tokio::test]
async fn what_an_organization_wrote_never_reaches_the_agent() {
    let (stub, engine) = both().await;
    let own = Module { name: "own".to_owned(), rego: "package org.a\n\nx := \"secret\"\n".to_owned() };
    let mut set = shipped();
    set.modules.push(own);
    let path = DecisionPath::parse("org/a/x").unwrap();
    let verdict = engine.evaluate(&set, &path, &json!({})).await.unwrap();
    assert_eq!((verdict.result, verdict.engine), (Some(json!("secret")), "embedded"));
    assert_eq!(engine.check(&set, "own").await, Ok(Vec::new()));
    assert!(stub.take_seen().is_empty());
}

#[tokio::test]
async fn a_policy_that_fails_there_is_told_from_an_agent_that_does() {
    let (stub, engine) = both().await;
    stub.put("operator/x", "package incident.playbooks.own\n\nx := 1\nx := 2\n");
    let said = ask(&engine, "incident/playbooks/own/x", json!({})).await;
    assert!(matches!(&said, Err(EngineError::Failed(_))), "{said:?}");
}

#[tokio::test]
async fn the_password_of_the_url_is_its_token_and_is_shown_nowhere() {
    let stub = Stub::start(worker()).await.unwrap();
    let opa = Opa::new(&format!("http://x:s3cret@{}", stub.address)).unwrap();
    assert!(opa.is_well().await);
    assert_eq!(stub.take_seen()[0].token.as_deref(), Some("s3cret"));
    assert!(!format!("{opa:?}{}", opa.url()).contains("s3cret"));
    for bad in ["ftp://opa", "opa:8181", "http://opa/?x=1", "http://opa#x", ""] {
        assert!(Opa::new(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn an_agent_behind_a_prefix_is_asked_under_it() {
    let stub = Stub::start(worker()).await.unwrap();
    let opa = Opa::new(&format!("{}/policy/", stub.url())).unwrap();
    let _ = opa.is_well().await;
    assert_eq!(stub.take_seen()[0].target, "/policy/health");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_agent_does_there_is_an_answer_in_time_and_it_is_never_yes() {
    let (stub, engine) = both().await;
    let moods = [
        Mood::Silent,
        Mood::Slow,
        Mood::Broken,
        Mood::Garbage,
        Mood::WrongShape,
        Mood::Endless,
        Mood::Failing,
        Mood::Refusing,
        Mood::Redirecting,
    ];
    for mood in moods {
        stub.set(mood);
        let began = Instant::now();
        let said = ask(&engine, "incident/playbooks/ransomware", json!({})).await;
        assert!(matches!(said, Err(EngineError::Unavailable(_) | EngineError::TooLarge)), "{mood:?}: {said:?}");
        assert!(began.elapsed().as_millis() < 5_000, "{mood:?}");
        if let Err(error) = said {
            assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        }
    }
    stub.set(Mood::Well);
    assert!(ask(&engine, "incident/playbooks/ransomware", json!({})).await.unwrap().result.is_some());
    assert!(engine.is_well().await);
    let address = stub.address;
    drop(stub);
    let gone = Opa::new(&format!("http://{address}")).unwrap();
    let gone = Engines::new(Embedded::new(worker(), 2), Some(gone));
    let said = ask(&gone, "incident/playbooks/ransomware", json!({})).await;
    assert!(matches!(said, Err(EngineError::Unavailable(_))), "{said:?}");
    assert!(!gone.is_well().await);
}
