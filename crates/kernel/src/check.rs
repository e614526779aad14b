//! Collects every field error of an input, so that a client mends them all at once.

use crate::fault::FieldError;

/// Names and titles: characters.
pub const NAME_MAX: usize = 200;
/// Long texts: characters.
pub const TEXT_MAX: usize = 20_000;
/// The most errors that are told of one input.
pub const ERRORS_MAX: usize = 1_000;

/// A collector of field errors. Every method returns the accepted value, normalised, or notes the error.
#[derive(Debug, Default)]
pub struct Checker {
    errors: Vec<FieldError>,
    malformed: bool,
}

impl Checker {
    /// An empty collector.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes an error.
    pub fn note(&mut self, field: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        // A body of a hundred thousand mistakes must not be answered by a hundred times its size.
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(FieldError::new(field, code, detail));
        }
    }

    /// Notes that the input is not of the shape that is read: nothing can be made of it.
    pub fn malformed(&mut self, field: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.malformed = true;
        self.note(field, code, detail);
    }

    /// Whether the input is of the shape that is read, whatever limits it breaks.
    pub fn is_well_formed(&self) -> bool {
        !self.malformed
    }

    /// Notes errors that were found elsewhere, each once.
    pub fn extend(&mut self, errors: Vec<FieldError>) {
        for error in errors {
            if self.errors.len() < ERRORS_MAX && !self.errors.contains(&error) {
                self.errors.push(error);
            }
        }
    }

    /// Notes an error unless the condition holds.
    pub fn ensure(&mut self, holds: bool, field: &str, code: &'static str, detail: impl Into<String>) {
        if !holds {
            self.note(field, code, detail);
        }
    }

    /// A required single-line text of 1 to `max` characters, trimmed; no control characters.
    pub fn line(&mut self, field: &str, text: &str, max: usize) -> String {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            self.note(field, "required", "may not be empty");
        }
        self.length(field, trimmed, max);
        if trimmed.chars().any(char::is_control) {
            self.note(field, "control_character", "may not hold control characters or line breaks");
        }
        trimmed.to_owned()
    }

    /// A name or title: a line of at most [`NAME_MAX`] characters.
    pub fn name(&mut self, field: &str, text: &str) -> String {
        self.line(field, text, NAME_MAX)
    }

    /// A text of at most `max` characters. Line breaks and tabs are welcome, NUL and other control
    /// characters are not (PostgreSQL cannot store NUL).
    pub fn text_to(&mut self, field: &str, text: &str, max: usize) -> String {
        self.length(field, text, max);
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            self.note(field, "control_character", "may not hold control characters");
        }
        text.to_owned()
    }

    /// A text of at most [`TEXT_MAX`] characters.
    pub fn text(&mut self, field: &str, text: &str) -> String {
        self.text_to(field, text, TEXT_MAX)
    }

    /// A list of at most `max` entries.
    pub fn count(&mut self, field: &str, entries: usize, max: usize) {
        if entries > max {
            self.note(field, "too_many", format!("may have at most {max} entries"));
        }
    }

    /// A number within a closed range.
    pub fn range<N: PartialOrd + std::fmt::Display + Copy>(&mut self, field: &str, value: N, min: N, max: N) -> N {
        // Written so that NaN, which is in no order, is refused.
        if !(value >= min && value <= max) {
            self.note(field, "out_of_range", format!("must be from {min} to {max}"));
        }
        value
    }

    /// An e-mail address: one `@`, something on both sides, no spaces, at most 254 characters. Whether it
    /// exists only a mail can tell.
    pub fn email(&mut self, field: &str, text: &str) -> String {
        let email = text.trim();
        let shaped = email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && local.chars().count() <= 64
        });
        if !shaped || email.chars().any(|c| c.is_whitespace() || c.is_control()) {
            self.note(field, "email", "must be an e-mail address");
        }
        self.length(field, email, 254);
        email.to_owned()
    }

    /// An http or https URL with a host, of at most 2,000 characters. Whether it may be called is asked when it
    /// is called.
    pub fn url(&mut self, field: &str, text: &str) -> String {
        let url = text.trim();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        if host.is_empty() || host.contains('@') || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            self.note(field, "url", "must be an http or https URL");
        }
        self.length(field, url, 2_000);
        url.to_owned()
    }

    /// Whether nothing was noted so far.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// One of an enumeration's words; the fallback stands in after an error was noted.
    pub fn word<W: Copy>(
        &mut self,
        field: &str,
        text: &str,
        parse: impl Fn(&str) -> Option<W>,
        names: &[&str],
        fallback: W,
    ) -> W {
        parse(text).unwrap_or_else(|| {
            self.note(field, "invalid", format!("must be one of {}", names.join(", ")));
            fallback
        })
    }

    /// A member that may be absent but not null: the new value, or none to keep the old one.
    pub fn required<T>(&mut self, field: &str, patch: crate::Patch<T>) -> Option<T> {
        match patch {
            crate::Patch::Keep => None,
            crate::Patch::Clear => {
                self.note(field, "required", "may not be null");
                None
            }
            crate::Patch::Set(value) => Some(value),
        }
    }

    /// Everything noted, if anything was.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    fn length(&mut self, field: &str, text: &str, max: usize) {
        if text.chars().count() > max {
            self.note(field, "too_long", format!("may have at most {max} characters"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_thousand_errors_are_told() {
        let mut check = Checker::new();
        for n in 0..ERRORS_MAX + 5 {
            check.malformed(format!("items[{n}]"), "unknown", "is not known");
        }
        check.extend(vec![FieldError::new("late", "unknown", "is not known")]);
        assert!(!check.is_well_formed());
        assert_eq!(check.finish().unwrap_err().len(), ERRORS_MAX);
    }

    #[test]
    fn every_bad_field_is_reported_at_once() {
        let mut check = Checker::new();
        check.name("name", "  ");
        check.text("description", &"x".repeat(TEXT_MAX + 1));
        check.range("likelihood", f64::NAN, 1.0, 5.0);
        check.text("notes", "a\0b");
        let fields: Vec<_> = check.finish().unwrap_err().into_iter().map(|e| (e.field, e.code)).collect();
        let expected = [
            ("name", "required"),
            ("description", "too_long"),
            ("likelihood", "out_of_range"),
            ("notes", "control_character"),
        ];
        assert_eq!(fields, expected.map(|(f, c)| (f.to_owned(), c)));
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        let mut check = Checker::new();
        assert_eq!(check.name("name", &format!(" {} ", "é".repeat(NAME_MAX))), "é".repeat(NAME_MAX));
        assert!(check.finish().is_ok());
    }

    #[test]
    fn an_address_has_two_sides() {
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@.b", "a@b."] {
            let mut check = Checker::new();
            check.email("email", bad);
            assert!(check.finish().is_err(), "{bad}");
        }
        let mut check = Checker::new();
        check.email("email", "admin@localhost");
        assert!(check.finish().is_ok());
    }
}
