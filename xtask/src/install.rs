//! What the machine must have, and how it gets it on Debian and Ubuntu.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{Deadline, cargo, root, sh};

/// The version of cargo-deny that the checks are written for.
const CARGO_DENY: &str = "0.20.2";

/// Whether a program is on the machine.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Installs Debian packages, as root or through sudo; elsewhere says what is wanted.
pub fn packages(names: &[&str]) -> Result<()> {
    if !has("apt-get") {
        bail!("please install {} and try again", names.join(", "));
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    let elevate = |args: &[&str]| if root { sh("env", args) } else { sh("sudo", args) };
    if !root && !has("sudo") {
        bail!("please run as root: apt-get install -y {}", names.join(" "));
    }
    elevate(&["apt-get", "update", "-qq"])?;
    let mut args = vec!["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"];
    args.extend(names);
    elevate(&args)
}

/// PostgreSQL's programs.
pub fn postgres() -> Result<()> {
    let packaged = Path::new("/usr/lib/postgresql").read_dir().is_ok_and(|mut folder| folder.next().is_some());
    if packaged || has("initdb") { Ok(()) } else { packages(&["postgresql"]) }
}

/// What the tests' scripts call.
pub fn tools(names: &[&str]) -> Result<()> {
    let missing: Vec<&str> = names.iter().copied().filter(|name| !has(name)).collect();
    if missing.is_empty() { Ok(()) } else { packages(&missing) }
}

/// `kill` as a program, which is in a package of another name.
pub fn processes() -> Result<()> {
    if has("kill") { Ok(()) } else { packages(&["procps"]) }
}

/// cargo-deny, kept in the target directory; its path.
pub fn cargo_deny() -> Result<String> {
    let folder = root().join("target/tools");
    let binary = folder.join("bin/cargo-deny");
    let current = Command::new(&binary).arg("--version").output();
    if !current.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(CARGO_DENY)) {
        let folder = folder.display().to_string();
        cargo(&[
            "install",
            "cargo-deny",
            "--version",
            CARGO_DENY,
            "--locked",
            "--quiet",
            "--root",
            &folder,
            "--target-dir",
            "target/tools/build",
        ])?;
    }
    Ok(binary.display().to_string())
}

/// Python packages in an environment of their own, kept in the target directory; its folder of programs.
pub fn python(name: &str, packages: &[&str], deadline: Deadline) -> Result<PathBuf> {
    let folder = root().join("target/tools").join(name);
    let stamp = folder.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder.join("bin"));
    }
    // Debian's Python comes without what makes environments.
    let venv = |folder: &str| Command::new("python3").args(["-m", "venv", "--clear", folder]).output();
    let made = has("python3") && venv(&folder.display().to_string()).is_ok_and(|output| output.status.success());
    if !made {
        self::packages(&["python3", "python3-venv"])?;
        sh("python3", &["-m", "venv", "--clear", &folder.display().to_string()])?;
    }
    let mut pip = Command::new(folder.join("bin/pip"));
    deadline.run(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages))?;
    std::fs::write(stamp, wanted)?;
    Ok(folder.join("bin"))
}

/// What is in the way of Python packages that are not installed yet.
pub fn python_obstacle(name: &str, packages: &[&str]) -> Option<String> {
    let tools = root().join("target/tools");
    if std::fs::read_to_string(tools.join(name).join("installed")).is_ok_and(|stamp| stamp == packages.join("\n")) {
        return None;
    }
    if !has("python3") {
        return Some("python3 is not on this machine".to_owned());
    }
    // Debian has what environments are made with in a package of its own.
    if !answers("python3", &["-c", "import ensurepip, venv"]) {
        return Some("this machine's python3 makes no environments (venv)".to_owned());
    }
    let probe = tools.join("probe");
    let folder = probe.display().to_string();
    let made = answers("python3", &["-m", "venv", "--clear", &folder]);
    let ask = ["--retries", "0", "--timeout", "10", "--disable-pip-version-check", "download", "--quiet", "--no-deps"];
    let pip = probe.join("bin/pip").display().to_string();
    let reached = made && answers(&pip, &[&ask[..], &["--dest", &folder, "attrs"]].concat());
    let _ = std::fs::remove_dir_all(probe);
    if reached { None } else { Some("the index of Python packages does not answer".to_owned()) }
}

/// What is in the way of the packages of the TypeScript client: whether the registry has one of them.
pub fn typescript_obstacle(package: &str) -> Option<String> {
    let installed = root().join("target/tools/typescript/node_modules/installed");
    let lock = root().join("tests/typescript/package-lock.json");
    let stamp = std::fs::read_to_string(installed).ok();
    if stamp.is_some() && stamp == std::fs::read_to_string(lock).ok() {
        return None;
    }
    // `npm ping` is not answered by every mirror; a package that is needed anyway is.
    let ask = ["view", package, "version", "--fetch-retries=0", "--fetch-timeout=10000"];
    if answers("npm", &ask) { None } else { Some("the registry of npm does not answer".to_owned()) }
}

fn answers(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
}

/// The packages of the TypeScript client, kept in the target directory; their folder.
pub fn typescript(deadline: Deadline) -> Result<PathBuf> {
    // The package of npm brings Node.js.
    tools(&["npm"])?;
    let folder = root().join("target/tools/typescript");
    std::fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(root().join("tests/typescript").join(file), folder.join(file))?;
    }
    let stamp = folder.join("node_modules/installed");
    let wanted = std::fs::read_to_string(folder.join("package-lock.json"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    let mut npm = Command::new("npm");
    deadline.run(npm.args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    std::fs::write(stamp, wanted)?;
    Ok(folder)
}
