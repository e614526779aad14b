//! Everything that must hold.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{Deadline, cargo, clients, install, root, sh, target};

/// Runs all checks, the quick ones first, and says how long each took.
pub fn all() -> Result<()> {
    let begun = Instant::now();
    install::postgres()?;
    install::tools(&["curl", "git", "jq", "openssl", "python3", "redis-server", "unzip"])?;
    install::processes()?;
    timed("format", || cargo(&["fmt", "--all", "--check"]))?;
    timed("lint", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"])
    })?;
    // The example of the cluster's tests and the service are started as processes by the tests.
    timed("build", build)?;
    timed("test", || cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]))?;
    timed("documentation", || {
        let status = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
            .args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .current_dir(root())
            .status()?;
        anyhow::ensure!(status.success(), "cargo doc failed");
        Ok(())
    })?;
    timed("clients", || if_possible("the generated clients were not checked", clients::obstacle(), clients::check))?;
    timed("schema", || {
        if_possible(
            "the document was not held to the service",
            install::python_obstacle("python", CHECKERS),
            quick_schema,
        )
    })?;
    timed("peers", || if_possible("no peer of another make was met", install::python_obstacle("peers", PEER), peers))?;
    timed("scaffold", scaffold)?;
    timed("dependencies", dependencies)?;
    eprintln!("everything holds, after {} s", begun.elapsed().as_secs());
    Ok(())
}

/// A check with what the machine may not have: then it says what is missing. Nothing is installed for it but into the
/// target directory.
pub fn if_possible(else_say: &str, obstacle: Option<String>, check: impl FnOnce() -> Result<()>) -> Result<()> {
    if let Some(why) = obstacle {
        eprintln!("   {else_say}: {why}");
        return Ok(());
    }
    check()
}

/// What checks the document, from PyPI.
const CHECKERS: &[&str] = &["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"];

/// Builds the programs, all at once: those of a part of the workspace have other features and would be built again.
pub fn build() -> Result<()> {
    cargo(&["build", "--workspace", "--bins", "--examples", "--locked", "--quiet"])
}

/// The document is valid, every operation succeeds by its example, and what chance makes of it is answered as the
/// document says. What is left out is every value at every limit: minutes, and the same each time.
fn quick_schema() -> Result<()> {
    validity(Deadline::after(clients::LIMIT))?;
    schema("examples,fuzzing", 1)
}

/// Holds the service to its document with schemathesis, by some of its phases.
pub fn schema(phases: &str, examples: u32) -> Result<()> {
    let tools = install::python("python", CHECKERS, Deadline::after(clients::LIMIT))?;
    build()?;
    let mut program = Command::new(target().join("debug/examples/schema"));
    program.arg(tools.join("schemathesis")).args([phases, &examples.to_string()]).current_dir(root());
    Deadline::after(Duration::from_secs(1_800)).run(&mut program)
}

/// The peer of another make, from PyPI.
const PEER: &[&str] = &["mcp==2.3.0", "cryptography==50.0.2"];

/// Attestations between this service and a peer on the protocol's Python SDK, both ways.
pub fn peers() -> Result<()> {
    let deadline = Deadline::after(clients::LIMIT);
    let tools = install::python("peers", PEER, deadline)?;
    build()?;
    deadline.run(Command::new(target().join("debug/examples/peer")).arg(tools.join("python")).current_dir(root()))
}

/// The committed document is valid OpenAPI, and a TypeScript client made from it compiles.
pub fn document() -> Result<()> {
    let deadline = Deadline::after(clients::LIMIT);
    validity(deadline)?;
    clients::typescript(deadline).map(drop)
}

fn validity(deadline: Deadline) -> Result<()> {
    let tools = install::python("python", CHECKERS, deadline)?;
    sh(&tools.join("openapi-spec-validator").display().to_string(), &["docs/openapi.json"])
}

/// A domain and its resources scaffolded into a copy compile, and the table that one calls for is written.
pub fn scaffold() -> Result<()> {
    let copy = root().join("target/scaffold");
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()?;
    anyhow::ensure!(listed.status.success(), "git ls-files failed");
    for file in String::from_utf8(listed.stdout)?.split_terminator('\0') {
        let (from, to) = (root().join(file), copy.join(file));
        // A file that is deleted and not committed yet is still listed.
        if !from.is_file() {
            continue;
        }
        std::fs::create_dir_all(to.parent().context("a file has a folder")?)?;
        std::fs::copy(from, to)?;
    }
    crate::scaffold::domain(&copy, "library")?;
    // Several: what the first finds as it was made, the formatter has rearranged for the next.
    for name in ["late_fee", "borrowed_book", "reading_room"] {
        crate::scaffold::resource(&copy, "library", name)?;
    }
    // In the same target directory, so that nothing but the workspace itself is compiled again; the lock file gains
    // the new crate, hence not locked, but nothing is fetched for it.
    let cargo = |args: &[&str]| -> Result<()> {
        let status = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
            .args(args)
            .env("CARGO_TARGET_DIR", root().join("target"))
            .current_dir(&copy)
            .status()?;
        anyhow::ensure!(status.success(), "the scaffolded copy failed at cargo {}", args.join(" "));
        Ok(())
    };
    cargo(&["check", "--offline", "--quiet", "--workspace", "--all-targets"])?;
    crate::scaffold::migration(&copy, "add_reading_rooms", &["reading_room".to_owned()])?;
    std::fs::remove_dir_all(&copy)?;
    Ok(())
}

fn timed(name: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    let begun = Instant::now();
    let outcome = check();
    eprintln!("-- {name}: {} s", begun.elapsed().as_secs());
    outcome
}

/// Licences, bans and sources always; advisories where their database can be reached.
pub fn dependencies() -> Result<()> {
    let deny = install::cargo_deny()?;
    sh(&deny, &["--offline", "--log-level", "error", "check", "licenses", "bans", "sources"])?;
    let reachable = Command::new("git")
        .args(["ls-remote", "--exit-code", "--quiet", "https://github.com/RustSec/advisory-db", "HEAD"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .is_ok_and(|output| output.status.success());
    if reachable {
        sh(&deny, &["--log-level", "error", "check", "advisories"])
    } else {
        eprintln!("   the advisory database is out of reach: advisories were not checked");
        Ok(())
    }
}

/// Runs the tests and writes their names and outcomes, sorted and without times, so that equal runs give equal
/// reports.
pub fn report() -> Result<()> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .current_dir(root())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<&str> =
        text.lines().filter(|line| line.starts_with("test ") && line.contains(" ... ")).collect();
    lines.sort_unstable();
    let failed = lines.iter().filter(|line| line.ends_with("FAILED")).count();
    let head = format!(
        "Test report of the test suite, version {}. Each change is tested by it before it lands.\n{} tests, {failed} \
         failed.\n\n",
        env!("CARGO_PKG_VERSION"),
        lines.len()
    );
    std::fs::write(root().join("docs/test-report.txt"), head + &lines.join("\n") + "\n")?;
    anyhow::ensure!(output.status.success(), "tests failed; the report says which");
    Ok(())
}
