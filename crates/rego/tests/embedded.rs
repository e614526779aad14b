//! The embedded engine as a whole: what it answers, and what it lets nobody do.

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
use grc_rego::{Embedded, Engines, WorkerCommand};
use serde_json::{Value, json};

fn embedded(processes: usize) -> Embedded {
    let command = WorkerCommand { program: PathBuf::from(env!("CARGO_BIN_EXE_rego-worker")), arguments: Vec::new() };
    Embedded::new(command, processes)
}

fn engine() -> Engines {
    Engines::new(embedded(4), None)
}

fn org() -> OrgId {
    OrgId(Uuid::from_u128(7))
}

fn set(rego: &str) -> PolicySet {
    PolicySet::new(org(), vec![Module { name: "policy".to_owned(), rego: rego.to_owned() }])
}

fn shipped() -> PolicySet {
    PolicySet::new(org(), playbook::modules())
}

async fn ask(engine: &impl Engine, set: &PolicySet, path: &str, input: Value) -> Result<Verdict, EngineError> {
    engine.evaluate(set, &DecisionPath::parse(path).unwrap(), &input).await
}

async fn result(engine: &impl Engine, set: &PolicySet, path: &str, input: Value) -> Option<Value> {
    ask(engine, set, path, input).await.unwrap().result
}

#[tokio::test]
async fn documents_are_those_of_an_open_policy_agent() {
    let engine = engine();
    let access =
        set("package org.access\n\nimport rego.v1\n\ndefault allow := false\n\nallow if input.role == \"admin\"\n\n\
                      deny contains \"late\" if input.hour > 20\n\nlevel := 3 if input.hour\n\nnothing := null\n");
    let admin = json!({"role": "admin", "hour": 22});
    let cases = [
        ("org/access/allow", admin.clone(), Some(json!(true))),
        ("org/access/allow", json!({}), Some(json!(false))),
        ("org/access/deny", admin.clone(), Some(json!(["late"]))),
        ("org/access/deny", json!({}), Some(json!([]))),
        ("org/access/level", json!({}), None),
        ("org/access/nothing", json!({}), Some(Value::Null)),
        ("org/access/absent", admin.clone(), None),
        ("org/absent", admin.clone(), None),
        ("org/access", json!({}), Some(json!({"allow": false, "deny": [], "nothing": null}))),
        ("org", json!({}), Some(json!({"access": {"allow": false, "deny": [], "nothing": null}}))),
    ];
    for (path, input, expected) in cases {
        assert_eq!(result(&engine, &access, path, input.clone()).await, expected, "{path} of {input}");
    }
    let verdict = ask(&engine, &access, "org/access/allow", admin).await.unwrap();
    assert_eq!((verdict.engine, verdict.bundle_digest), ("embedded", Some(access.digest())));
    assert!(verdict.duration_ms > 0.0);
}

#[tokio::test]
async fn every_shipped_playbook_compiles_and_gives_actions_that_fit_the_facts() {
    let engine = engine();
    let shipped = shipped();
    for module in &shipped.modules {
        let errors = engine.check(&shipped, &module.name).await.unwrap();
        // Nothing but where they lie, which is not for organizations, may be said against them.
        let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(said, ["the package must be org.NAME"], "{}", module.name);
    }
    let ids = async |name: &str, input: Value| -> (String, Vec<String>) {
        let path = playbook::path_of(name).unwrap();
        let result = result(&engine, &shipped, path.as_str(), input).await.unwrap();
        let actions = playbook::actions_of(Some(&result)).unwrap();
        assert!(actions.len() >= 2, "{name}");
        (result["severity"].as_str().unwrap().to_owned(), actions.into_iter().map(|action| action.id).collect())
    };
    for shipped in playbook::PLAYBOOKS {
        ids(shipped.name, json!({})).await;
        ids(
            shipped.name,
            json!({"incident": {"severity": "critical", "affected_systems": ["a", "b"], "affected_records": 5}}),
        )
        .await;
    }
    let (severity, actions) =
        ids("ransomware", json!({"incident": {"severity": "high"}, "spreading": true, "backups": "intact"})).await;
    assert_eq!(severity, "critical");
    assert!(actions.contains(&"segment".to_owned()) && actions.contains(&"restore".to_owned()), "{actions:?}");
    assert!(!actions.contains(&"verify-backups".to_owned()) && !actions.contains(&"notify-authority".to_owned()));
    let (_, actions) = ids("ransomware", json!({"severity": "low", "affected_records": 12})).await;
    assert!(actions.contains(&"verify-backups".to_owned()) && actions.contains(&"notify-authority".to_owned()));
    let (severity, actions) = ids("phishing", json!({"credentials_entered": true})).await;
    assert_eq!(severity, "high");
    assert!(actions.contains(&"second-factor".to_owned()) && actions.contains(&"reset-credentials".to_owned()));
    let (severity, _) = ids("dos", json!({"customer_facing": true, "volumetric": true})).await;
    assert_eq!(severity, "high");
    let (severity, actions) = ids("data_breach", json!({"special_categories": true, "personal_data": true})).await;
    assert_eq!(severity, "critical");
    assert!(actions.contains(&"notify-people".to_owned()));
    let (severity, _) = ids("insider_threat", json!({"privileged": true, "malicious": true})).await;
    assert_eq!(severity, "critical");
}

#[tokio::test]
async fn the_first_systems_are_named_and_the_rest_counted() {
    let systems: Vec<String> = (1..=7).map(|number| format!("host-{number}")).collect();
    let input = json!({"incident": {"affected_systems": systems}});
    let result = result(&engine(), &shipped(), "incident/playbooks/ransomware/actions", input).await.unwrap();
    let text = result[0]["description"].as_str().unwrap();
    assert!(text.contains("host-1, host-2, host-3, host-4, host-5 and 2 more"), "{text}");
}

#[tokio::test]
async fn what_is_wrong_with_a_text_is_told_with_its_place() {
    let engine = engine();
    let own = "package org.a\nimport rego.v1\n";
    let cases: &[(String, &str)] = &[
        (format!("{own}x := := 1"), "line 3, column 6: expecting expression"),
        (format!("{own}x := nope(1)"), "line 3, column 10: there is no function nope"),
        (format!("{own}x := http.send({{}})"), "line 3, column 15: http.send may not be called"),
        (format!("{own}x if time.now_ns() > 0"), "line 3, column 17: time.now_ns may not be called"),
        (format!("{own}x := count(1, 2, 3)"), "line 3, column 11: count takes 1 parameters, not 3"),
        ("package system.log\nx := 1".to_owned(), "line 1, column 1: the package must be org.NAME"),
        ("package org\nx := 1".to_owned(), "line 1, column 1: the package must be org.NAME"),
        (format!("{own}x if y > 1"), "line 3, column 6: use of undefined variable `y` is unsafe"),
        (format!("{own}f(n) := g(n)\ng(n) := f(n)"), "line 3, column 1: org.a.f calls itself"),
        (
            format!("{own}f(n) := n\nx if f(1) == 1 with f as time.now_ns"),
            "line 4, column 30: time.now_ns may not be called",
        ),
        ("package org.a\nallow { input.x }".to_owned(), "line 2, column 7: `if` keyword is required before rule body"),
        (format!("{own}x := {}", "[".repeat(20)), "line 3, column 16: more than 10 brackets are open at once"),
    ];
    for (text, expected) in cases {
        let errors = engine.check(&set(text), "policy").await.unwrap();
        assert_eq!(errors.first().map(ToString::to_string).as_deref(), Some(*expected), "{text}");
    }
    let good =
        format!("{own}import data.incident.facts\n\nf(n) := n + 1\n\nx := f(1) if facts.is(\"personal_data\")\n");
    let mut with_shipped = shipped();
    with_shipped.modules.push(Module { name: "policy".to_owned(), rego: good });
    assert_eq!(engine.check(&with_shipped, "policy").await, Ok(Vec::new()));
}

/// Texts that would stop or break an evaluator, or reach beyond it. Each is `x := ...` of its package.
fn hostile() -> Vec<String> {
    let mut all: Vec<String> = [
        "x := count(numbers.range(1, 100000000))",
        "x := count(numbers.range(1, 9000000))",
        "x := count(numbers.range_step(1, 1000000000, 2))",
        "x := sum([i * j | some i in numbers.range(1, 4000); some j in numbers.range(1, 4000)])",
        "x := {[a, b, c] | some a in numbers.range(1, 300); some b in numbers.range(1, 300); some c in numbers.range(1, 300)}",
        "x := {i: j | some i in numbers.range(1, 1000000); j := i}",
        "f(n) := f(n + 1)\nx := f(1)",
        "f(n) := [f(n + 1)]\nx := f(1)",
        "f(n) := g(n)\ng(n) := f(n)\nx := f(1)",
        "y if x\nx if y",
        "x := bits.lsh(1, 1000000000)",
        "x := count(format_int(bits.lsh(1, 3000000), 10))",
        "a := bits.lsh(1, 1000000)\nb := a * a\nc := b * b\nd := c * c\ne := d * d\nx := e * e",
        "x := count(net.cidr_expand(\"10.0.0.0/8\"))",
        "x := net.cidr_expand(\"::/0\")",
        "a := concat(\"\", [\"xxxxxxxxxx\" | some i in numbers.range(1, 100000)])\nb := concat(\"\", [a | some i in numbers.range(1, 100)])\nx := concat(\"\", [b | some i in numbers.range(1, 100)])",
        "x := split(concat(\"\", [\"a,\" | some i in numbers.range(1, 900000)]), \",\")",
        "x := strings.reverse(concat(\"\", [\"ab\" | some i in numbers.range(1, 2000000)]))",
        "x := regex.match(\"((a{1000}){1000}){1000}\", \"aaa\")",
        "x := count(regex.find_n(\"(a|ab)(c|bcd)(d*)\", concat(\"\", [\"abcd\" | some i in numbers.range(1, 400000)]), -1))",
        "x := json.unmarshal(concat(\"\", [\"[\" | some i in numbers.range(1, 300000)]))",
        "a := [i | some i in numbers.range(1, 3000)]\nx := [[p, q] | some p in a; some q in a]",
        "a := {i | some i in numbers.range(1, 200000)}\nb := {i | some i in numbers.range(200001, 400000)}\nx := a | b",
        "a := {sprintf(\"%d\", [i]): i | some i in numbers.range(1, 300000)}\nx := a",
        "x if { every i in numbers.range(1, 100000000) { i > 0 } }",
        "x if { some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i * j == -1 }",
        "x := [q | walk(input.deep, [p, v]); walk(input.deep, [q, w]); walk(input.deep, [r, s]); v == w; w == s; r == p]",
        "x := sort([i * 7919 % 1000003 | some i in numbers.range(1, 900000)])",
        "x := base64.encode(concat(\"\", [\"x\" | some i in numbers.range(1, 3000000)]))",
        "x := http.send({\"method\": \"get\", \"url\": \"http://169.254.169.254/latest/meta-data\"})",
        "x := net.lookup_ip_addr(\"localhost\")",
        "x := opa.runtime()",
        "x := time.now_ns()",
        "x := rand.intn(\"a\", 1000000)",
        "x := uuid.rfc4122(\"k\")",
        "x := data.system.version",
        "x := data[_]",
        "x := 1e400",
    ]
    .map(str::to_owned)
    .into();
    for open in ["[", "{", "(", "{\"a\": ", "[y | y := ", "abs(", "[{", "({", "{[", "not (", "count([", "{1, ["] {
        for depth in [20, 24, 30, 200, 5_000] {
            let open = open.repeat(depth);
            let close: String = open
                .chars()
                .rev()
                .filter_map(|one| match one {
                    '[' => Some(']'),
                    '{' => Some('}'),
                    '(' => Some(')'),
                    _ => None,
                })
                .collect();
            all.push(format!("x := {open}1{close}"));
        }
    }
    for (what, count) in
        [("+\n1", 15_000), ("+ 1", 300), ("\n| {1}", 9_000), (".a", 400), ("[0]", 300), ("\n.a", 15_000)]
    {
        all.push(format!("x := input{}", what.repeat(count)));
    }
    all.push(format!("x := 1 if false\n{}", " else := 2 if false\n".repeat(18_000)));
    all.push(format!("x := \"{}\"", "\\u0000".repeat(100)));
    all.push("x := `unfinished".to_owned());
    all.push("x := 1\n\u{0}".to_owned());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_policy_outlasts_its_limits_or_harms_the_next() {
    let engine = Engines::new(embedded(4), None);
    let texts = hostile();
    assert!(texts.len() >= 100, "{}", texts.len());
    let deep = json!({"deep": (0..60).map(|i| vec![i; 60]).collect::<Vec<_>>()});
    let sane = set("package org.sane\n\nx := input.n + 1\n");
    let mut slowest = 0;
    for (number, text) in texts.iter().enumerate() {
        let hostile = set(&format!("package org.h\n\nimport rego.v1\n\n{text}\n"));
        let began = Instant::now();
        let checked = engine.check(&hostile, "policy").await;
        assert!(!matches!(checked, Err(EngineError::Unavailable(_))), "{checked:?}: {text:.80}");
        let said = ask(&engine, &hostile, "org/h/x", deep.clone()).await;
        let took = began.elapsed().as_millis();
        slowest = slowest.max(took);
        assert!(took < 3_500, "{took} ms: {text:.80}");
        match said {
            // What can be worked out within the limits is no attack.
            Ok(verdict) => {
                let size = verdict.result.map_or(0, |result| result.to_string().len());
                assert!(size <= grc_policy::engine::RESULT_MAX, "{size}: {text:.80}");
            }
            Err(error) => assert!(!matches!(error, EngineError::Unavailable(_)), "{error}: {text:.80}"),
        }
        let next = ask(&engine, &sane, "org/sane/x", json!({"n": number})).await.unwrap();
        assert_eq!(next.result, Some(json!(number + 1)), "after {text:.80}");
    }
    println!("{} texts, the slowest took {slowest} ms", texts.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_outside_is_refused_when_it_is_put_and_when_it_runs() {
    let engine = engine();
    let calls = [
        "http.send({})",
        "net.lookup_ip_addr(\"localhost\")",
        "opa.runtime()",
        "time.now_ns()",
        "rand.intn(\"a\", 9)",
        "uuid.rfc4122(\"a\")",
    ];
    for call in calls {
        let text = set(&format!("package org.h\n\nx := {call}\n"));
        let errors = engine.check(&text, "policy").await.unwrap();
        assert!(errors.iter().any(|error| error.message.ends_with("may not be called")), "{call}: {errors:?}");
        let said = ask(&engine, &text, "org/h/x", json!({})).await;
        assert!(matches!(said, Err(EngineError::Failed(_))), "{call}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_organization_leaves_processes_to_the_others() {
    let engine = std::sync::Arc::new(embedded(2));
    let slow = "package org.h\n\nx := count([1 | numbers.range(1, 9000)[_] > 0; numbers.range(1, 9000)[_] > 0])\n";
    let attackers: Vec<_> = (0..4)
        .map(|_| {
            let engine = std::sync::Arc::clone(&engine);
            tokio::spawn(async move { ask(engine.as_ref(), &set(slow), "org/h/x", json!({})).await })
        })
        .collect();
    let mut other = set("package org.ok\n\nx := 1\n");
    other.org = OrgId(Uuid::from_u128(8));
    for _ in 0..5 {
        assert_eq!(result(engine.as_ref(), &other, "org/ok/x", json!({})).await, Some(json!(1)));
    }
    for attacker in attackers {
        assert!(matches!(attacker.await.unwrap(), Err(EngineError::Stopped(_))));
    }
}

#[tokio::test]
async fn a_process_that_was_killed_while_idle_is_replaced() {
    let embedded = embedded(2);
    let sane = set("package org.sane\n\nx := 1\n");
    assert_eq!(result(&embedded, &sane, "org/sane/x", json!({})).await, Some(json!(1)));
    let idle = embedded.pool().idle();
    assert_eq!(idle.len(), 1);
    let killed = std::process::Command::new("kill").args(["-KILL", &idle[0].to_string()]).status().unwrap();
    assert!(killed.success());
    // At once, so that the task may meet it dying.
    assert_eq!(result(&embedded, &sane, "org/sane/x", json!({})).await, Some(json!(1)));
}

#[tokio::test]
async fn without_its_program_the_engine_says_so() {
    let command = WorkerCommand { program: PathBuf::from("/nonexistent"), arguments: Vec::new() };
    let engine = Engines::new(Embedded::new(command, 2), None);
    assert!(!engine.is_well().await);
    let said = ask(&engine, &set("package org.a\n\nx := 1\n"), "org/a/x", json!({})).await;
    assert!(matches!(said, Err(EngineError::Unavailable(_))), "{said:?}");
}

#[tokio::test]
async fn a_result_that_cannot_be_kept_is_none() {
    let engine = engine();
    let nul = set("package org.a\n\nx := sprintf(\"%c\", [0])\n");
    assert!(matches!(ask(&engine, &nul, "org/a/x", json!({})).await, Err(EngineError::Failed(_))));
    let large = set("package org.a\n\nx := numbers.range(1, 20000)\n");
    assert_eq!(ask(&engine, &large, "org/a/x", json!({})).await, Err(EngineError::TooLarge));
    let conflict = set("package org.a\n\nx := 1\nx := 2\n");
    assert!(matches!(ask(&engine, &conflict, "org/a/x", json!({})).await, Err(EngineError::Failed(_))));
}
