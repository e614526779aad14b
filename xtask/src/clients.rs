//! Clients that are generated from the document, each used against every domain of a running service.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Result;

use crate::{
    Deadline, check, install, root,
    server::{self, PASSWORD},
    target,
};

/// What makes the Python client, and what it is used with, from PyPI.
const GENERATOR: &[&str] = &["openapi-python-client==0.29.1", "httpx==0.28.1"];

/// The longest that all of it may take once the service is built.
pub const LIMIT: Duration = Duration::from_secs(180);

/// The person that the service knows at first.
const EMAIL: &str = "admin@example.com";

/// Generates both clients, starts a service and uses each against every domain.
pub fn check() -> Result<()> {
    install::postgres()?;
    check::build()?;
    let deadline = Deadline::after(LIMIT);
    let typescript = typescript(deadline)?;
    let (python, generated) = python(deadline)?;
    let folder = std::env::temp_dir().join(format!("grc-clients-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let log = root().join("target/tools/clients.log");
    let outcome = (|| {
        let settings = [
            ("GRC_BOOTSTRAP_EMAIL", EMAIL),
            ("GRC_LIMIT_UPLOADS_PER_HOUR", "0"),
            ("GRC_LIMIT_REPORTS_PER_HOUR", "0"),
            ("GRC_LIMIT_EXECUTIONS", "0"),
            // Webhooks are delivered to the service itself.
            ("GRC_ALLOW_PRIVATE_TARGETS", "true"),
        ];
        let binary = target().join("debug/sovereign-grc");
        let server = server::start(&binary, &folder, &settings, Stdio::from(File::create(&log)?))?;
        let use_it = |command: &mut Command| {
            deadline.run(command.envs([
                ("GRC_URL", server.base.as_str()),
                ("GRC_EMAIL", EMAIL),
                ("GRC_PASSWORD", PASSWORD),
            ]))
        };
        use_it(Command::new("node").arg(typescript.join("out/smoke.js")))?;
        use_it(
            Command::new(python)
                .arg(root().join("tests/python/smoke.py"))
                .env("PYTHONPATH", &generated)
                .env("PYTHONDONTWRITEBYTECODE", "1"),
        )
    })();
    let _ = fs::remove_dir_all(&folder);
    if outcome.is_err() {
        eprintln!("   the service's log is {}", log.display());
    }
    outcome
}

/// What is in the way of the check.
pub fn obstacle() -> Option<String> {
    let missing = ["node", "npm"].into_iter().find(|program| !install::has(program));
    missing
        .map(|program| format!("{program} is not on this machine"))
        .or_else(|| install::typescript_obstacle("openapi-fetch@0.14.0"))
        .or_else(|| install::python_obstacle("clients", GENERATOR))
}

/// Generates the TypeScript types and compiles what uses them; the folder, with the programs in `out`.
pub fn typescript(deadline: Deadline) -> Result<PathBuf> {
    let folder = install::typescript(deadline)?;
    for file in ["client.ts", "answers.ts", "smoke.ts"] {
        fs::copy(root().join("tests/typescript").join(file), folder.join(file))?;
    }
    fs::copy(root().join("docs/openapi.json"), folder.join("openapi.json"))?;
    let run = |program: &str, args: &[&str]| {
        deadline.run(Command::new(folder.join("node_modules/.bin").join(program)).args(args).current_dir(&folder))
    };
    // A default is what an absent member means, not a promise that it is there.
    run("openapi-typescript", &["openapi.json", "--default-non-nullable=false", "-o", "api.ts"])?;
    let strict = ["--strict", "--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022"];
    run("tsc", &[&strict[..], &["--outDir", "out", "api.ts", "client.ts", "answers.ts", "smoke.ts"]].concat())?;
    Ok(folder)
}

/// Generates the Python client; the interpreter that has what it needs, and the folder of its package.
fn python(deadline: Deadline) -> Result<(PathBuf, PathBuf)> {
    let tools = install::python("clients", GENERATOR, deadline)?;
    let generated = root().join("target/tools/generated");
    // What the document has no more must not be left.
    if generated.exists() {
        fs::remove_dir_all(&generated)?;
    }
    fs::create_dir_all(&generated)?;
    // A warning is an operation, a body or an answer that the client would lack.
    deadline.run(
        Command::new(tools.join("openapi-python-client"))
            .args(["generate", "--meta", "none", "--fail-on-warning", "--path", "docs/openapi.json"])
            .args(["--config", "tests/python/config.json", "--output-path"])
            .arg(generated.join("grc_client"))
            .current_dir(root()),
    )?;
    Ok((tools.join("python"), generated))
}
