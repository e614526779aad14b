//! A peer of another make, both ways: it asks this service for attestations, and is asked by it.
//!
//! `cargo xtask peers` runs it: it needs a Python with the protocol's SDK.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests may"
)]

#[path = "../tests/all/harness.rs"]
mod harness;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
};

use harness::{Service, root, run, text};
use serde_json::{Value, json};

/// What partners may call, and what an organization's own keys may call besides.
const FOR_PARTNERS: &str = "request_attestation,list_frameworks,verify_attestation";
const AT_HOME: &str = "request_attestation,list_frameworks,verify_attestation,list_records,get_record";

/// The peer as a vendor; it ends with the value.
struct Vendor {
    process: Child,
    origin: String,
}

impl Vendor {
    fn start(python: &str, how: &[&str]) -> Self {
        let mut process = Command::new(python)
            .arg(root().join("tests/peers/mcp_peer.py"))
            .arg("answer")
            .args(how)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut origin = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut origin).unwrap();
        assert!(origin.starts_with("http://"), "the peer did not start");
        Self { process, origin: origin.trim().to_owned() }
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn main() -> ExitCode {
    let Some(python) = std::env::args().nth(1) else {
        println!("usage: peer PYTHON: cargo xtask peers calls it");
        return ExitCode::from(2);
    };
    run(async move {
        let s = Service::start(&[("GRC_ALLOW_PRIVATE_TARGETS", "true")]).await;
        let token = s.admin().await;
        let org = s.assessed(&token, "Vendor GmbH").await;
        let grant = json!({"partner": "Customer AG", "frameworks": ["SOC2_TYPE2"]});
        let grant = s.json(&token, "POST", &format!("/orgs/{org}/a2a/grants"), grant).await.must(201);
        let own = json!({"name": "agent", "role": "admin"});
        let own = s.json(&token, "POST", &format!("/orgs/{org}/api-keys"), own).await.must(201);
        for (key, tools) in [(text(&grant, "key"), FOR_PARTNERS), (text(&own, "key"), AT_HOME)] {
            let url = format!("http://{}/api/v1/a2a/mcp", s.running.address);
            let mut peer = Command::new(&python);
            peer.arg(root().join("tests/peers/mcp_peer.py")).args(["ask", &url, &key, tools]);
            let status = tokio::task::spawn_blocking(move || peer.status().unwrap()).await.unwrap();
            assert!(status.success(), "the peer did not get what it asked for");
        }
        for (how, status, reason) in [
            (&[][..], "verified", Value::Null),
            (&["sessions"], "verified", Value::Null),
            (&["forging"], "rejected", json!("bad_signature")),
        ] {
            let vendor = Vendor::start(&python, how);
            let endpoint = format!("{}/mcp", vendor.origin);
            let body = json!({"name": format!("Peer {how:?}"), "a2a_endpoint": endpoint});
            let id = text(&s.json(&token, "POST", &format!("/orgs/{org}/vendors"), body).await.must(201), "id");
            let ask = json!({"frameworks": ["SOC2_TYPE2"]});
            let asked = s.json(&token, "POST", &format!("/orgs/{org}/vendors/{id}/attestations"), ask).await;
            let location = asked.header("location");
            asked.must(202);
            let path = location.trim_start_matches("/api/v1");
            let stored = s.until(&token, path, |body| body["status"] != "pending").await;
            assert_eq!((&stored["status"], &stored["reason"]), (&json!(status), &reason), "{stored}");
            let believed = s.get(&token, &format!("/orgs/{org}/vendors/{id}")).await.must(200);
            assert_eq!(believed["attested_until"].is_string(), status == "verified", "{believed}");
            let program = std::env::current_exe().unwrap().parent().unwrap().with_file_name("sovereign-grc");
            let mut attest = Command::new(program);
            attest.args(["attest", "--endpoint", &endpoint, "--frameworks", "SOC2_TYPE2"]);
            attest.env("GRC_ALLOW_PRIVATE_TARGETS", "true");
            let output = tokio::task::spawn_blocking(move || attest.output().unwrap()).await.unwrap();
            let wanted = if status == "verified" { 0 } else { 1 };
            assert_eq!(output.status.code(), Some(wanted), "{output:?}");
            println!("asked {how:?} over {}: {status} {reason}", stored["protocol_version"]);
        }
        s.running.stop().await;
        ExitCode::SUCCESS
    })
}
