//! When the keys are fetched, and what happens while they are.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use time::Duration;

use super::{Source, noon, run, verifier};
use crate::{
    Refusal,
    testing::{TestTeam, key, sign_with},
};

fn token(team: &TestTeam, number: usize, at: time::OffsetDateTime) -> String {
    sign_with(&key(number), &team.person("ada@example.com", at))
}

#[test]
fn a_rotation_refuses_no_valid_token() {
    run(async {
        let team = TestTeam::default();
        let source = Source::of(&team);
        let verifier = verifier(&team, &source);
        assert!(verifier.verify(&token(&team, 0, noon()), noon()).await.is_ok());
        // The new key is there before the old one goes.
        team.publish(&[0, 1]);
        source.set(Ok(team.certs().to_string()));
        let later = noon() + Duration::seconds(5);
        for number in [1, 0, 1] {
            assert!(verifier.verify(&token(&team, number, later), later).await.is_ok(), "key {number}");
        }
        assert_eq!(source.asked(), 2, "the first fetch, and one for the new key");
        // The old one goes, and stops working once the keys were fetched again.
        team.publish(&[1, 2]);
        source.set(Ok(team.certs().to_string()));
        let later = later + Duration::seconds(61);
        assert!(verifier.verify(&token(&team, 2, later), later).await.is_ok());
        assert_eq!(verifier.verify(&token(&team, 0, later), later).await, Err(Refusal::UnknownKey));
        assert_eq!(source.asked(), 3);
    });
}

#[test]
fn a_storm_of_unknown_keys_fetches_once_a_minute() {
    run(async {
        let team = TestTeam::default();
        let source = Source::of(&team);
        let verifier = Arc::new(verifier(&team, &source));
        verifier.warm(noon()).await;
        let storm = async |at: time::OffsetDateTime, count: usize| {
            let (header, rest) = (serde_json::json!({"alg": "RS256", "kid": "made-up"}), token(&team, 0, at));
            let payload = rest.split('.').nth(1).unwrap().to_owned();
            let tasks = (0..count).map(|i| {
                let verifier = Arc::clone(&verifier);
                let mut header = header.clone();
                header["kid"] = format!("made-up-{i}").into();
                let header =
                    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header.to_string());
                let token = format!("{header}.{payload}.AAAA");
                tokio::spawn(async move { verifier.verify(&token, at).await })
            });
            for outcome in futures::future::join_all(tasks).await {
                assert_eq!(outcome.unwrap(), Err(Refusal::UnknownKey));
            }
        };
        storm(noon(), 5_000).await;
        assert_eq!(source.asked(), 2);
        storm(noon() + Duration::seconds(59), 5_000).await;
        assert_eq!(source.asked(), 2);
        storm(noon() + Duration::seconds(60), 5_000).await;
        assert_eq!(source.asked(), 3);
    });
}

#[test]
fn a_slow_fetch_blocks_nobody_with_a_known_key_and_serves_all_who_wait() {
    run(async {
        let team = TestTeam::default();
        let source = Arc::new(Source {
            answer: Mutex::new(Ok(team.certs().to_string())),
            asked: AtomicUsize::new(0),
            gate: Some(tokio::sync::Semaphore::new(1)),
        });
        let verifier = Arc::new(verifier(&team, &source));
        verifier.warm(noon()).await;
        team.publish(&[0, 1]);
        source.set(Ok(team.certs().to_string()));
        // Signing takes longer than verifying, and a fetch is not waited for without end.
        let (known, unknown) = (token(&team, 0, noon()), token(&team, 1, noon()));
        // The gate is shut: this fetch hangs until it is opened.
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let (verifier, token) = (Arc::clone(&verifier), unknown.clone());
                tokio::spawn(async move { verifier.verify(&token, noon()).await })
            })
            .collect();
        while source.asked() < 2 {
            tokio::task::yield_now().await;
        }
        // One of those who wait goes away, which takes the fetch from nobody.
        waiting[0].abort();
        for _ in 0..20 {
            assert!(verifier.verify(&known, noon()).await.is_ok());
        }
        assert!(waiting[1..].iter().all(|task| !task.is_finished()));
        source.gate.as_ref().unwrap().add_permits(1);
        for outcome in futures::future::join_all(waiting).await.into_iter().skip(1) {
            assert!(outcome.unwrap().is_ok());
        }
        assert_eq!(source.asked(), 2);
    });
}

#[test]
fn what_is_known_stays_while_fetches_fail() {
    run(async {
        let team = TestTeam::default();
        let source = Source::of(&team);
        let verifier = verifier(&team, &source);
        verifier.warm(noon()).await;
        for (minute, answer) in [
            Err("refused".to_owned()),
            Ok("<html>an error page</html>".to_owned()),
            Ok("{}".to_owned()),
            Ok(r#"{"keys": []}"#.to_owned()),
            Ok(r#"{"keys": [{"kid": "x", "kty": "RSA", "n": "AQAB", "e": "AQAB"}]}"#.to_owned()),
        ]
        .into_iter()
        .enumerate()
        {
            source.set(answer);
            let at = noon() + Duration::minutes(1 + i64::try_from(minute).unwrap());
            assert_eq!(verifier.verify(&token(&team, 1, at), at).await, Err(Refusal::UnknownKey));
            assert!(verifier.verify(&token(&team, 0, at), at).await.is_ok());
            assert_eq!(source.asked(), minute + 2);
            let status = verifier.status();
            assert_eq!((status.keys, status.fetched_at), (1, Some(noon())));
            assert!(status.failure.is_some());
        }
    });
}

#[test]
fn without_any_keys_nobody_is_let_in_and_they_are_tried_again_soon() {
    run(async {
        let team = TestTeam::default();
        let source = Source::of(&team);
        source.set(Err("refused".into()));
        let verifier = verifier(&team, &source);
        for second in 0..5 {
            let at = noon() + Duration::seconds(second);
            assert_eq!(verifier.verify(&token(&team, 0, noon()), at).await, Err(Refusal::Unavailable));
        }
        assert_eq!(source.asked(), 1);
        source.set(Ok(team.certs().to_string()));
        let at = noon() + Duration::seconds(5);
        assert!(verifier.verify(&token(&team, 0, noon()), at).await.is_ok());
        assert_eq!(source.asked(), 2);
        assert_eq!(verifier.status().failure, None);
    });
}

#[test]
fn old_keys_are_looked_at_again_without_anybody_waiting() {
    run(async {
        let team = TestTeam::default();
        let source = Arc::new(Source {
            answer: Mutex::new(Ok(team.certs().to_string())),
            asked: AtomicUsize::new(0),
            gate: Some(tokio::sync::Semaphore::new(1)),
        });
        let verifier = verifier(&team, &source);
        verifier.warm(noon()).await;
        // Key 0 is withdrawn.
        team.publish(&[1]);
        source.set(Ok(team.certs().to_string()));
        let hour = noon() + Duration::HOUR;
        assert!(verifier.verify(&token(&team, 0, hour), hour).await.is_ok(), "the answer comes from what is known");
        assert!(verifier.verify(&token(&team, 0, hour), hour).await.is_ok());
        source.gate.as_ref().unwrap().add_permits(1);
        while verifier.status().fetched_at != Some(hour) {
            tokio::task::yield_now().await;
        }
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
        assert_eq!(verifier.verify(&token(&team, 0, hour), hour).await, Err(Refusal::UnknownKey));
    });
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_the_fetching() {
    run(async {
        let team = TestTeam::default();
        let source = Source::of(&team);
        let verifier = verifier(&team, &source);
        assert_eq!(verifier.verify(&token(&team, 1, noon()), noon()).await, Err(Refusal::UnknownKey));
        let before = noon() - Duration::DAY;
        team.publish(&[0, 1]);
        source.set(Ok(team.certs().to_string()));
        // The first fetch brought no key 1; the refetch's minute begins in the future.
        assert_eq!(source.asked(), 1);
        assert!(verifier.verify(&token(&team, 1, before), before).await.is_ok());
        let earlier = before - Duration::DAY;
        assert_eq!(verifier.verify(&token(&team, 2, earlier), earlier).await, Err(Refusal::UnknownKey));
        assert_eq!(source.asked(), 3);
    });
}
