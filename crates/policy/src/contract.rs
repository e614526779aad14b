//! What every adapter of this domain must show: run on memory and on Postgres in the workspace's tests.
//!
//! The transaction is bound to `ctx.org`, whose row exists and of which the actor is an active member.

#![allow(clippy::panic, clippy::indexing_slicing, clippy::unwrap_used, reason = "a suite fails by panicking")]

use grc_kernel::{
    Ctx, Fault, FaultKind, Refusal, Resource, Role, kit,
    list::{ListQuery, Scalar},
};
use serde_json::{Map, Value, json};

use crate::{
    Decision, Policy, Version, decision,
    decision::{Outcome as Came, Question},
    engine::{EngineError, Verdict},
    path::DecisionPath,
    policy,
    ports::Tx,
};

type Outcome = Result<(), Refusal>;

/// The whole suite.
pub async fn suite(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    versions(ctx, tx).await?;
    limits(ctx, tx).await?;
    log(ctx, tx).await
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> FaultKind {
    outcome.unwrap_err().kind()
}

fn text(number: usize) -> String {
    format!("package org.access\n\nx := {number}\n")
}

fn of(name: &str, list: ListQuery) -> ListQuery {
    list.only("policy_id", vec![Scalar::Text(name.to_owned())])
}

/// Putting makes versions, which outlast their policy.
async fn versions(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let (first, is_new) = policy::put(ctx, tx, "access", text(1), None).await?;
    assert!(is_new);
    assert_eq!((first.version, first.package.as_str(), first.meta.revision), (1, "org.access", 1));
    let (same, is_new) = policy::put(ctx, tx, "access", text(1), None).await?;
    assert_eq!((same, is_new), (first.clone(), false));
    let (second, is_new) = policy::put(ctx, tx, "access", text(2), Some(1)).await?;
    assert!(!is_new);
    assert_eq!((second.id, second.version, second.meta.revision), (first.id, 2, 2));
    assert_eq!(kind(policy::put(ctx, tx, "access", text(3), Some(1)).await), FaultKind::Stale);
    assert_eq!(kind(policy::put(ctx, tx, "other", text(3), Some(1)).await), FaultKind::NotFound);
    assert_eq!(policy::get(ctx, tx, "access").await?.rego, text(2));
    policy::remove(ctx, tx, "access", None).await?;
    assert_eq!(kind(policy::get(ctx, tx, "access").await), FaultKind::NotFound);
    assert_eq!(kind(policy::remove(ctx, tx, "access", None).await), FaultKind::NotFound);
    let (third, is_new) = policy::put(ctx, tx, "access", text(1), None).await?;
    assert!(is_new && third.id != first.id);
    assert_eq!(third.version, 3);
    let kept = kit::page::<Version>(ctx, tx, &of("access", Version::LIST.query())).await?.items;
    let kept: Vec<(i64, String)> = kept.into_iter().map(|version| (version.version, version.rego)).collect();
    assert_eq!(kept, [(3, text(1)), (2, text(2)), (1, text(1))]);
    for role in [Role::Analyst, Role::Auditor, Role::Viewer] {
        let ctx = ctx.clone().with_role(role);
        assert_eq!(kind(policy::put(&ctx, tx, "access", text(9), None).await), FaultKind::Forbidden);
        assert_eq!(kind(policy::remove(&ctx, tx, "access", None).await), FaultKind::Forbidden);
        assert_eq!(policy::get(&ctx, tx, "access").await?.version, 3);
    }
    Ok(())
}

/// An organization has so many policies and so much text at most, and names that fit into paths.
async fn limits(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    assert_eq!(kind(policy::put(ctx, tx, "a/b", text(1), None).await), FaultKind::Invalid);
    let long = format!("package org.long\n# {}\n", "x".repeat(65_000));
    for name in ["long-1", "long-2", "long-3", "long-4"] {
        policy::put(ctx, tx, name, long.clone(), None).await?;
    }
    assert_eq!(kind(policy::put(ctx, tx, "long-5", long.clone(), None).await), FaultKind::Invalid);
    policy::put(ctx, tx, "long-4", text(1), None).await?;
    assert_eq!(kind(policy::put(ctx, tx, "long-4", "x".repeat(policy::REGO_MAX + 1), None).await), FaultKind::Invalid);
    for number in 0..policy::POLICIES_MAX - 5 {
        policy::put(ctx, tx, &format!("small-{number}"), text(number), None).await?;
    }
    assert_eq!(kind(policy::put(ctx, tx, "one-more", text(1), None).await), FaultKind::Conflict);
    assert_eq!(policy::put(ctx, tx, "access", text(4), None).await?.0.version, 4);
    assert_eq!(policy::all(ctx, tx).await?.len(), policy::POLICIES_MAX);
    Ok(())
}

/// Decisions are kept with what they were asked, whatever came of them, and only those who may read the log do.
async fn log(ctx: &Ctx, tx: &mut Tx) -> Outcome {
    let input: Map<String, Value> = [("severity".to_owned(), json!("high"))].into_iter().collect();
    let asked =
        |path: &str| Question { path: DecisionPath::parse(path).unwrap(), input: input.clone(), incident: None };
    let verdict = |result: Option<Value>| Verdict {
        result,
        engine: "embedded",
        bundle_digest: Some("ab".repeat(32)),
        duration_ms: 1.5,
    };
    let own = asked("org/access/x");
    let set = decision::policies(ctx, tx, &own.path).await?;
    assert!(set.modules.iter().any(|module| module.name == "access"));
    let shipped = asked("incident/playbooks/ransomware");
    assert!(!decision::policies(ctx, tx, &shipped.path).await?.modules.iter().any(|module| module.name == "access"));
    let cases = [
        (Ok(verdict(Some(json!({"actions": [{"id": "a", "title": "Do it"}]})))), Came::Defined, 1),
        (Ok(verdict(Some(json!([1, "x", null])))), Came::Defined, 0),
        (Ok(verdict(Some(Value::Null))), Came::Defined, 0),
        (Ok(verdict(Some(json!(false)))), Came::Defined, 0),
        (Ok(verdict(None)), Came::Undefined, 0),
        (Err(EngineError::Stopped("it takes more than 100 ms".to_owned())), Came::Failed, 0),
    ];
    for (said, came, actions) in cases {
        let drafted = decision::draft(ctx, &own, &set, "embedded", &said);
        decision::record(ctx, tx, &drafted, own.input.clone()).await?;
        let (kept, asked) = decision::get(ctx, tx, drafted.id).await?;
        assert_eq!((&kept, &asked), (&drafted, &input));
        assert_eq!((kept.outcome, kept.actions().len()), (came, actions));
        assert_eq!(kept.error.is_some(), came == Came::Failed);
        for role in [Role::Analyst, Role::Viewer] {
            let ctx = ctx.clone().with_role(role);
            assert_eq!(kind(decision::get(&ctx, tx, drafted.id).await), FaultKind::Forbidden);
        }
        assert_eq!(kind(kit::remove::<Decision>(ctx, tx, drafted.id, None).await), FaultKind::Conflict);
    }
    let failed = Decision::LIST.query().only("outcome", vec![Scalar::Text("failed".to_owned())]);
    let page = kit::page::<Decision>(&ctx.clone().with_role(Role::Auditor), tx, &failed).await?;
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].error.as_deref(), Some("the policy was stopped: it takes more than 100 ms"));
    let all = kit::page::<Policy>(ctx, tx, &Policy::LIST.query()).await?;
    assert_eq!(all.items.len(), policy::POLICIES_MAX);
    Ok(())
}
