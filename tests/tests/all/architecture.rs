//! The layer rules, as tests.

use std::{path::Path, process::Command};

use crate::harness::root;

const DOMAINS: &[&str] = &[
    "grc-identity",
    "grc-assessments",
    "grc-evidence",
    "grc-reports",
    "grc-risk",
    "grc-vendor",
    "grc-incident",
    "grc-policy",
    "grc-bcm",
    "grc-events",
];

fn tree(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", package, "-e", "normal", "--prefix", "none", "-f", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn has(tree: &str, package: &str) -> bool {
    tree.lines().any(|line| line.split_whitespace().next() == Some(package))
}

#[test]
fn a_domain_depends_on_the_kernel_and_no_other_domain() {
    for domain in DOMAINS {
        let tree = tree(domain);
        assert!(has(&tree, "grc-kernel"));
        for other in DOMAINS.iter().filter(|other| *other != domain) {
            assert!(!has(&tree, other), "{domain} depends on {other}");
        }
        for outer in ["diesel", "actix-web", "paperclip", "tokio", "grc-uow", "grc-flows"] {
            assert!(!has(&tree, outer), "{domain} depends on {outer}");
        }
    }
}

#[test]
fn only_the_adapter_knows_sql_and_only_the_app_knows_http() {
    for package in ["grc-uow", "grc-flows"] {
        let tree = tree(package);
        for outer in ["diesel", "diesel-async", "actix-web", "paperclip"] {
            assert!(!has(&tree, outer), "{package} depends on {outer}");
        }
    }
    assert!(!has(&tree("grc-postgres"), "actix-web"));
    let manifest = std::fs::read_to_string(root().join("apps/api/Cargo.toml")).unwrap();
    assert!(!manifest.contains("diesel"), "the app speaks SQL through the adapter only");
}

fn sources(folder: &Path, visit: &mut dyn FnMut(&Path, &str)) {
    for entry in folder.read_dir().unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            sources(&path, visit);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            visit(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_source_file_says_what_belongs_in_it_and_stays_readable() {
    let mut wrong = Vec::new();
    for folder in ["crates", "apps", "xtask", "tests"] {
        sources(&root().join(folder), &mut |path, text| {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            if !text.starts_with("//!") {
                wrong.push(format!("{name} does not begin with a //! paragraph"));
            }
            if text.lines().count() > 800 {
                wrong.push(format!("{name} has more than 800 lines"));
            }
            if text.lines().any(|line| line.ends_with(' ')) {
                wrong.push(format!("{name} has trailing spaces"));
            }
            if text.contains(concat!("#[", "ignore")) || text.contains(concat!("#[", "should_panic")) {
                wrong.push(format!("{name} ignores a test"));
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn entities_are_not_serialised() {
    for domain in DOMAINS.iter().copied().chain(["grc-kernel"]).filter_map(|name| name.strip_prefix("grc-")) {
        sources(&root().join("crates").join(domain).join("src"), &mut |path, text| {
            assert!(!text.contains("derive(Serialize") && !text.contains("serde::Serialize"), "{}", path.display());
        });
    }
}
