//! The cluster's life and its deaths, with real processes. Under root most of it is tried once more as `nobody`.

#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

mod deaths;
mod leftovers;
mod life;
mod refusals;
mod support;

use std::process::Command;

use support::{Folder, give_to, program};

#[test]
fn it_holds_for_a_normal_user_too() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Copies, because the directory of the build may be closed to others.
    let folder = Folder::new("nobody");
    let binary = folder.0.join("deps/lifecycle");
    let example = folder.0.join("examples/hold");
    for (from, to) in [(std::env::current_exe().unwrap(), &binary), (program("hold"), &example)] {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
    give_to(&folder.0, 65_534);
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
        .arg(&binary)
        // Not the refusals: who is refused does not depend on the user, and initdb takes its second each time.
        .args(["deaths::", "leftovers::", "life::", "--test-threads=2"])
        .current_dir("/")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("0 failed") && !said.contains(" 0 passed"), "{said}");
}
