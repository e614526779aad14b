//! Brings ReDoc's bundle from its npm package, by the lockfile, where npm is there. A build without npm works
//! too: the page then says what is missing.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a build script speaks to cargo through both")]

use std::{env, fs, path::Path, process::Command};

fn main() {
    let folder = Path::new("redoc");
    println!("cargo:rerun-if-changed=redoc/package-lock.json");
    println!("cargo:rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").unwrap_or_default();
    let target = Path::new(&out).join("redoc.standalone.js");
    let work = Path::new(&out).join("redoc");
    let _ = fs::create_dir_all(&work);
    for name in ["package.json", "package-lock.json"] {
        let _ = fs::copy(folder.join(name), work.join(name));
    }
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
        .current_dir(&work)
        .status()
        .is_ok_and(|status| status.success());
    let bundle = work.join("node_modules/redoc/bundles/redoc.standalone.js");
    let bytes = if installed { fs::read(&bundle).unwrap_or_default() } else { Vec::new() };
    if bytes.is_empty() {
        println!("cargo:warning=ReDoc is left out: npm could not install it");
    }
    if let Err(error) = fs::write(&target, bytes) {
        println!("cargo:warning=writing {}: {error}", target.display());
    }
}
