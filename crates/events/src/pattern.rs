//! Which events are meant: `risk.created` one, `risk.*` all of a type of record, `*` all.

use grc_kernel::shape::forms;

/// The longest pattern.
pub const LENGTH_MAX: usize = 100;
/// The form of a pattern.
pub const FORM: forms::Form = forms::form(r"^(\*|[a-z][a-z0-9_]*\.(\*|[a-z][a-z0-9_]*))$", "risk.*");

/// Events, by their type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// All.
    All,
    /// All of a type of record.
    Of(String),
    /// Those of one type: the type of record, and the whole.
    One(String, String),
}

impl Pattern {
    /// Reads a pattern: `*`, or the type of a record, a dot, and a verb or `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let (kind, verb) = text.split_once('.')?;
        let word = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_lowercase())
                && text.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_')
        };
        if text.len() > LENGTH_MAX || !word(kind) {
            return None;
        }
        match verb {
            "*" => Some(Self::Of(kind.to_owned())),
            verb if word(verb) => Some(Self::One(kind.to_owned(), text.to_owned())),
            _ => None,
        }
    }

    /// Whether an event of a type is meant.
    #[must_use]
    pub fn matches(&self, event: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(kind) => event.split_once('.').is_some_and(|(of, _)| of == kind),
            Self::One(_, whole) => event == whole,
        }
    }

    /// The type of record that it is about; none where it is about all.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Of(kind) | Self::One(kind, _) => Some(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_strictly() {
        for good in ["*", "risk.*", "risk.created", "fair_run.updated", "a2a_grant.created"] {
            assert!(Pattern::parse(good).is_some(), "{good}");
        }
        let long = format!("risk.{}", "x".repeat(LENGTH_MAX));
        for bad in
            ["", "risk", "risk.", ".created", "*.created", "risk.*.x", "risk.cre*", "Risk.created", "risk .x", &long]
        {
            assert!(Pattern::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn patterns_match_what_they_say_and_nothing_else() {
        for (pattern, event, matched) in [
            ("*", "risk.created", true),
            ("*", "webhook.test", true),
            ("risk.*", "risk.created", true),
            ("risk.*", "risk_treatment.created", false),
            ("risk.*", "kri.created", false),
            ("risk.created", "risk.created", true),
            ("risk.created", "risk.created_twice", false),
            ("risk.created", "risk.updated", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(event), matched, "{pattern} {event}");
        }
    }
}
