//! How the demo's story is written: steps in JSON, with ages and names in the place of moments and ids.
//!
//! `@-12d` is the day twelve days ago, `@-12d 09:40` a moment of it, `@-95m` ninety-five minutes ago; `@` and anything
//! else is whatever an earlier step made `as` that name. A step without `at` and `by` is of the same moment and person as
//! the one before it in its file.

use std::fmt;

use grc_kernel::record::timestamp;
use serde::Deserialize;
use serde_json::Value;
use time::{Date, Duration, OffsetDateTime, Time};

/// The files, each with its name for messages.
const FILES: &[(&str, &str)] = &[
    ("people", include_str!("story/people.json")),
    ("vendors", include_str!("story/vendors.json")),
    ("reviews", include_str!("story/reviews.json")),
    ("processes", include_str!("story/processes.json")),
    ("dependencies", include_str!("story/dependencies.json")),
    ("recovery", include_str!("story/recovery.json")),
    ("risks", include_str!("story/risks.json")),
    ("indicators", include_str!("story/indicators.json")),
    ("analyses", include_str!("story/analyses.json")),
    ("project", include_str!("story/project.json")),
    ("incidents", include_str!("story/incidents.json")),
    ("policies", include_str!("story/policies.json")),
    ("coordination", include_str!("story/coordination.json")),
];

/// What a step sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Post,
    Put,
    Patch,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        })
    }
}

/// A step as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    at: Option<String>,
    by: Option<String>,
    post: Option<String>,
    put: Option<String>,
    patch: Option<String>,
    #[serde(rename = "as")]
    name: Option<String>,
    #[serde(default)]
    active: bool,
    document: Option<String>,
    text: Option<String>,
    body: Value,
}

/// Something that somebody did.
#[derive(Debug)]
pub(super) struct Step {
    /// When.
    pub(super) at: OffsetDateTime,
    /// Who, by the name that the story has for them.
    pub(super) by: String,
    /// How.
    pub(super) method: Method,
    /// To what, under the organization.
    pub(super) path: String,
    /// The name that the story has for what came of it.
    pub(super) name: Option<String>,
    /// Whether a person has a password, which nobody knows, and so can own things.
    pub(super) active: bool,
    /// The project's document that is uploaded.
    pub(super) document: Option<String>,
    /// The text that is uploaded.
    pub(super) text: Option<String>,
    /// What was said.
    pub(super) body: Value,
}

/// A day, or a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    Day(Date),
    At(OffsetDateTime),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::At(at) => f.write_str(&timestamp(*at)),
        }
    }
}

/// Whether a text is written as an age.
pub(super) fn is_age(text: &str) -> bool {
    text.starts_with(['+', '-'])
}

/// The moment of an age.
pub(super) fn moment(age: &str, now: OffsetDateTime) -> Option<Moment> {
    if let Some(minutes) = age.strip_suffix('m') {
        return Some(Moment::At(now + Duration::minutes(minutes.parse().ok()?)));
    }
    let (days, clock) = age.split_once('d')?;
    let day = now.date().checked_add(Duration::days(days.parse().ok()?))?;
    match clock.trim_start().split_once(':') {
        None if clock.is_empty() => Some(Moment::Day(day)),
        None => None,
        Some((hour, minute)) => {
            let clock = Time::from_hms(hour.parse().ok()?, minute.parse().ok()?, 0).ok()?;
            Some(Moment::At(day.with_time(clock).assume_utc()))
        }
    }
}

/// The whole story in the order of time; what is of the same moment stands as it is written.
pub(super) fn all(now: OffsetDateTime) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    for (file, text) in FILES {
        let written: Vec<Written> = serde_json::from_str(text).map_err(|error| format!("{file}.json: {error}"))?;
        let (mut at, mut by) = (now, "admin".to_owned());
        for step in written {
            if let Some(age) = &step.at {
                at = match moment(age, now).ok_or_else(|| format!("{file}.json: «{age}» is no age"))? {
                    Moment::Day(day) => day.midnight().assume_utc(),
                    Moment::At(at) => at,
                };
                by = step.by.unwrap_or_else(|| "admin".to_owned());
            }
            let (method, path) = match (step.post, step.put, step.patch) {
                (Some(path), None, None) => (Method::Post, path),
                (None, Some(path), None) => (Method::Put, path),
                (None, None, Some(path)) => (Method::Patch, path),
                _ => return Err(format!("{file}.json: a step has one of post, put and patch")),
            };
            let Written { name, active, document, text, body, .. } = step;
            steps.push(Step { at, by: by.clone(), method, path, name, active, document, text, body });
        }
    }
    steps.sort_by_key(|step| step.at);
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:10 UTC);

    #[test]
    fn ages_are_counted_from_now() {
        for (age, expected) in [
            ("-1d", Moment::Day(date!(2026 - 02 - 28))),
            ("+31d", Moment::Day(date!(2026 - 04 - 01))),
            ("-1d 09:40", Moment::At(datetime!(2026-02-28 09:40 UTC))),
            ("-15m", Moment::At(datetime!(2026-02-28 23:55 UTC))),
        ] {
            assert_eq!(moment(age, NOW), Some(expected), "{age}");
        }
        for wrong in ["-1", "-xd", "-1d 25:00", "-1d 9", "-m", ""] {
            assert_eq!(moment(wrong, NOW), None, "{wrong}");
        }
    }

    #[test]
    fn the_story_is_whole_at_any_time_of_day() {
        for now in [NOW, datetime!(2026-06-30 12:00 UTC), datetime!(2026-12-31 23:59:59 UTC)] {
            let steps = all(now).unwrap();
            assert!(steps.len() > 250);
            let mut known: Vec<&str> = vec!["admin", "SOC2_TYPE2", "NIST_CSF_2"];
            for step in &steps {
                assert!(step.at <= now, "{} {} lies ahead", step.method, step.path);
                let body = step.body.to_string();
                let named = body.split('"').chain(step.path.split('/')).filter_map(|part| part.strip_prefix('@'));
                for name in named.chain([step.by.as_str()]) {
                    let age = is_age(name) && moment(name, now).is_some();
                    assert!(age || known.contains(&name), "{} {} uses {name} first", step.method, step.path);
                }
                known.extend(step.name.as_deref());
            }
        }
    }
}
