//! What the project shows of itself: its own documents, as they were when the binary was built.

/// The documents by their names.
const DOCUMENTS: &[(&str, &str)] = &[
    ("security-policy.md", include_str!("../../../../docs/security-policy.md")),
    ("ARCHITECTURE.md", include_str!("../../../../docs/ARCHITECTURE.md")),
    ("deny.toml", include_str!("../../../../deny.toml")),
    ("ci-checks.txt", include_str!("../../../../xtask/src/check.rs")),
    ("test-report.txt", include_str!("../../../../docs/test-report.txt")),
    ("authorization-matrix.txt", include_str!("../../../../docs/authz-matrix.txt")),
];

/// The text of a document.
pub(super) fn text(name: &str) -> Option<&'static str> {
    DOCUMENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
