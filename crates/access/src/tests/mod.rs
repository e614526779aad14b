//! The verifier against a team that signs as Cloudflare does, and against everybody who does not.

#![allow(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests may"
)]

mod attacks;
mod fetching;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use crate::{
    Identity, KeySource, Refusal, Team, Verifier,
    testing::{TestTeam, key, make, sign_with},
};

/// A source whose answers a test sets, and which counts how often it is asked.
pub(super) struct Source {
    pub(super) answer: Mutex<Result<String, String>>,
    pub(super) asked: AtomicUsize,
    /// A fetch waits for one permit each; none are wanted where it is none.
    pub(super) gate: Option<tokio::sync::Semaphore>,
}

impl Source {
    pub(super) fn of(team: &TestTeam) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(Ok(team.certs().to_string())), asked: AtomicUsize::new(0), gate: None })
    }

    pub(super) fn set(&self, answer: Result<String, String>) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for Source {
    async fn fetch(&self) -> Result<String, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        self.answer.lock().unwrap().clone()
    }
}

pub(super) fn verifier(team: &TestTeam, source: &Arc<Source>) -> Verifier {
    let ours = Team { issuer: team.issuer.clone(), audiences: vec!["another".into(), team.audience.clone()] };
    Verifier::new(ours, Arc::clone(source) as Arc<dyn KeySource>)
}

pub(super) fn noon() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_000_000).unwrap()
}

pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

#[test]
fn a_person_s_and_a_service_token_s_tokens_are_told_apart() {
    run(async {
        let team = TestTeam::default();
        let source = Source::of(&team);
        let verifier = verifier(&team, &source);
        let person = team.sign(&team.person("Ada@Example.com", noon()));
        let identity = verifier.verify(&person, noon()).await;
        assert_eq!(identity, Ok(Identity::Person { email: "Ada@Example.com".into(), since: Some(noon()) }));
        let service = team.sign(&team.service("e367826f93b8d71185e03fe518aff3b4.access", noon()));
        let name = "e367826f93b8d71185e03fe518aff3b4.access".to_owned();
        assert_eq!(verifier.verify(&service, noon()).await, Ok(Identity::Service { common_name: name }));
        assert_eq!(source.asked(), 1);
    });
}

#[test]
fn a_token_lives_exactly_as_long_as_it_says() {
    run(async {
        let team = TestTeam::default();
        let verifier = verifier(&team, &Source::of(&team));
        let token = team.sign(&team.person("ada@example.com", noon()));
        assert_eq!(verifier.verify(&token, noon() - Duration::SECOND).await, Err(Refusal::NotYet));
        assert!(verifier.verify(&token, noon()).await.is_ok());
        assert!(verifier.verify(&token, noon() + Duration::seconds(899)).await.is_ok());
        assert_eq!(verifier.verify(&token, noon() + Duration::seconds(900)).await, Err(Refusal::Expired));
    });
}

#[test]
fn a_key_that_is_too_short_or_of_another_kind_is_passed_over() {
    run(async {
        let team = TestTeam::default();
        let short = make(7, 1_024);
        let certs = |keys: &[serde_json::Value]| Ok(serde_json::json!({"keys": keys}).to_string());
        let mut other_use = key(1).public;
        other_use["use"] = "enc".into();
        let mut other_algorithm = key(2).public;
        other_algorithm["alg"] = "PS256".into();
        let elliptic = serde_json::json!({"kid": "e", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
        let source = Source::of(&team);
        source.set(certs(&[short.public.clone(), other_use, other_algorithm, elliptic, key(0).public]));
        let verifier = verifier(&team, &source);
        for number in [1, 2] {
            let token = sign_with(&key(number), &team.person("ada@example.com", noon()));
            assert_eq!(verifier.verify(&token, noon()).await, Err(Refusal::UnknownKey));
        }
        let token = sign_with(&short, &team.person("ada@example.com", noon()));
        assert_eq!(verifier.verify(&token, noon()).await, Err(Refusal::UnknownKey));
        assert!(verifier.verify(&team.sign(&team.person("ada@example.com", noon())), noon()).await.is_ok());
    });
}
