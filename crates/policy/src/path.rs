//! Decision paths, written as in the API of an Open Policy Agent: `incident/playbooks/ransomware`.
//!
//! What a client may ask for lies under one of two roots: `incident/playbooks` for what the service ships, `org` for what
//! the organization wrote. Nobody chooses another document, so nothing else that an engine knows can be read through it.

use std::fmt;

use grc_kernel::FieldError;

/// The root of the shipped packages.
pub const SHIPPED: [&str; 2] = ["incident", "playbooks"];
/// The root of an organization's own packages.
pub const OWN: &str = "org";
/// How many segments a path has at most.
const SEGMENTS_MAX: usize = 16;
/// How long a path is at most.
pub const PATH_MAX: usize = 200;

/// A path that may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionPath {
    text: String,
}

impl DecisionPath {
    /// Reads a path.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let wrong = |detail: &str| Err(FieldError::new("path", "invalid", detail));
        let segments: Vec<&str> = text.split('/').collect();
        if text.len() > PATH_MAX || segments.len() > SEGMENTS_MAX {
            return wrong("is longer than a path may be");
        }
        if !segments.iter().all(|segment| is_name(segment)) {
            return wrong("must be names separated by slashes, such as incident/playbooks/ransomware");
        }
        if segments.starts_with(&SHIPPED) || segments.first() == Some(&OWN) {
            return Ok(Self { text: text.to_owned() });
        }
        wrong("must begin with incident/playbooks or org")
    }

    /// Its segments.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.text.split('/')
    }

    /// Whether it lies in the organization's own packages.
    pub fn is_own(&self) -> bool {
        self.segments().next() == Some(OWN)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for DecisionPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text is a name as Rego has them.
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_under_the_two_roots() {
        for good in ["incident/playbooks/ransomware", "org/access/allow", "org", "incident/playbooks", "org/_x/Y9"] {
            assert_eq!(DecisionPath::parse(good).unwrap().as_str(), good);
        }
        assert!(DecisionPath::parse("org/x").unwrap().is_own());
        assert!(!DecisionPath::parse("incident/playbooks/x").unwrap().is_own());
    }

    #[test]
    fn nothing_else_can_be_asked_for() {
        let long = format!("org/{}", "x".repeat(PATH_MAX));
        let deep = format!("org{}", "/x".repeat(SEGMENTS_MAX));
        let bad = [
            "",
            "/",
            "org/",
            "/org/x",
            "org//x",
            "org/../system",
            "org/%2e%2e",
            "system/log",
            "data/org/x",
            "input",
            "incident",
            "incident/facts",
            "incident/playbook",
            "organization/x",
            "Org/x",
            "org/x y",
            "org/x\"]",
            "org/x[0]",
            "org/0x",
            "org.x",
            "org/é",
            "org/x\n",
            "org\\x",
            "org/x?pretty",
            "org/x#",
            "http://org/x",
            long.as_str(),
            deep.as_str(),
        ];
        for path in bad {
            assert!(DecisionPath::parse(path).is_err(), "{path}");
        }
    }
}
