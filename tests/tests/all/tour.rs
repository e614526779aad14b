//! The tour of the API, `docs/tour.md`: every block of it is run, in order, in one shell against a real server, and what
//! stands under a block is what the block printed.
//!
//! In a text `...` stands for whatever is there, alone in a line for any number of lines. Of JSON the page shows a part:
//! objects may have more members, lists not.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use serde_json::Value;

use crate::harness::{EMAIL, PASSWORD, Service, root, run};

/// What stands between the outputs of two blocks.
const MARK: &str = "\n@@@ block ";

/// What a block is to print.
#[derive(Debug)]
enum Expected {
    Json(Value),
    Text(String),
}

/// A block and what stands under it.
#[derive(Debug)]
struct Block {
    line: usize,
    code: String,
    expected: Option<Expected>,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(&str, usize, String)> = None;
    for (line, text) in page.lines().enumerate().map(|(i, text)| (i + 1, text)) {
        match (&mut open, text.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind, line, String::new())),
            (None, None) => {}
            (Some((_, _, code)), None) => code.extend([text, "\n"]),
            (Some(_), Some(_)) => {
                let (kind, line, code) = open.take().unwrap();
                let expected = match kind {
                    "sh" => {
                        blocks.push(Block { line, code, expected: None });
                        continue;
                    }
                    "json" => {
                        Expected::Json(serde_json::from_str(&code).unwrap_or_else(|e| panic!("line {line}: {e}")))
                    }
                    "text" => Expected::Text(code),
                    other => panic!("line {line}: a block of «{other}» is neither run nor compared"),
                };
                let block = blocks.last_mut().unwrap_or_else(|| panic!("line {line}: no block stands before it"));
                assert!(block.expected.is_none(), "line {line}: something else is expected of the block already");
                block.expected = Some(expected);
            }
        }
    }
    assert!(open.is_none(), "the last block is open");
    blocks
}

/// Whether a text is what a pattern with `...` says.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once("...") else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    text.char_indices().map(|(i, _)| i).chain([text.len()]).any(|i| is_like(rest, &text[i..]))
}

fn lines_are_like(pattern: &[&str], lines: &[&str]) -> bool {
    match pattern {
        [] => lines.is_empty(),
        ["...", rest @ ..] => (0..=lines.len()).any(|skipped| lines_are_like(rest, &lines[skipped..])),
        [first, rest @ ..] => {
            lines.first().is_some_and(|line| is_like(first, line)) && lines_are_like(rest, &lines[1..])
        }
    }
}

/// Whether JSON holds what is expected of it.
fn holds(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::String(pattern), _) if pattern == "..." => true,
        (Value::String(pattern), Value::String(text)) => is_like(pattern, text),
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().all(|(name, value)| actual.get(name).is_some_and(|actual| holds(value, actual)))
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|(e, a)| holds(e, a))
        }
        (Value::Number(expected), Value::Number(actual)) => expected.as_f64() == actual.as_f64(),
        _ => expected == actual,
    }
}

/// Runs all blocks; what each printed, by its place.
fn play(blocks: &[Block], base: String) -> (BTreeMap<usize, String>, Output) {
    let mut script = "set -euo pipefail\n".to_owned();
    for (i, block) in blocks.iter().enumerate() {
        script.push_str(&format!("printf '\\n@@@ block {i}\\n'\n{}", block.code));
    }
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("BASE", base)
        .env("EMAIL", EMAIL)
        .env("PASSWORD", PASSWORD)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let printed = text.split(MARK).skip(1).map(|part| {
        let (number, printed) = part.split_once('\n').unwrap();
        (number.parse().unwrap(), printed.to_owned())
    });
    (printed.collect(), output)
}

#[test]
fn every_block_of_the_tour_runs_and_prints_what_stands_under_it() {
    run(async {
        // The page shows the headers of the limit, and sends more in a minute than a reader would.
        // It also plays the vendor that is asked for an attestation.
        let s = Service::start(&[("GRC_RATE_LIMIT_PER_MINUTE", "10000"), ("GRC_ALLOW_PRIVATE_TARGETS", "true")]).await;
        let base = format!("http://{}", s.running.address);
        let page = std::fs::read_to_string(root().join("docs/tour.md")).unwrap();
        let blocks = blocks(&page);
        let (blocks, (printed, output)) = tokio::task::spawn_blocking(move || {
            let played = play(&blocks, base);
            (blocks, played)
        })
        .await
        .unwrap();
        let mut wrong = Vec::new();
        for (i, block) in blocks.iter().enumerate() {
            let Some(printed) = printed.get(&i) else { continue };
            let right = match &block.expected {
                None => true,
                Some(Expected::Text(text)) => {
                    lines_are_like(&text.lines().collect::<Vec<_>>(), &printed.trim_end().lines().collect::<Vec<_>>())
                }
                Some(Expected::Json(json)) => serde_json::from_str(printed).is_ok_and(|actual| holds(json, &actual)),
            };
            if !right {
                wrong.push(format!("the block in line {} printed\n{printed}", block.line));
            }
        }
        let reached = printed.keys().last().map(|last| blocks[*last].line);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(output.status.success(), "it broke off in the block in line {reached:?}: {errors}\n{printed:?}");
        assert!(blocks.len() > 40 && printed.len() == blocks.len());
        s.running.stop().await;
    });
}

#[test]
fn what_is_compared_is_compared() {
    assert!(is_like("a ... c", "a b c") && is_like("...", "") && !is_like("a ... c", "a b d") && !is_like("a", "ab"));
    assert!(lines_are_like(&["a", "...", "c"], &["a", "b", "b", "c"]) && !lines_are_like(&["a", "..."], &["b"]));
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert!(holds(&json(r#"{"a": 1, "b": "..."}"#), &json(r#"{"a": 1.0, "b": [2], "c": 3}"#)));
    for (expected, actual) in [("{\"a\": 1}", "{}"), ("[1]", "[1, 2]"), ("[1, 2]", "[1]"), ("\"a\"", "\"b\"")] {
        assert!(!holds(&json(expected), &json(actual)), "{expected} {actual}");
    }
    let page = "```sh\necho 1\n```\n\n```json\n{}\n```\n\n```sh\necho 2\n```\n";
    let found = blocks(page);
    assert!(found.len() == 2 && found[0].expected.is_some() && found[1].line == 9);
}
