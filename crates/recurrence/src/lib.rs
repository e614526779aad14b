//! Dates that come again: the recurrence rules of RFC 5545 (section 3.3.10), for dates without a time of day.
//!
//! A rule is read strictly and within limits, so that a rule from a stranger costs little whatever it says. What
//! it names beyond a first date is found with [`Rule::after`], which goes on from the rule and not from today.

use std::fmt;

use rrule::RRuleSet;
use time::{Date, Month, OffsetDateTime};

#[cfg(test)]
mod tests;

/// The longest rule that is read, in bytes.
pub const MAX_LENGTH: usize = 300;
/// The largest `INTERVAL`.
pub const MAX_INTERVAL: u16 = 1_000;
/// The largest `COUNT`.
pub const MAX_COUNT: u32 = 10_000;
/// The first year in which a series may begin.
pub const FIRST_YEAR: i32 = 1970;
/// The last year in which a series may begin, and in which anything comes again.
pub const LAST_YEAR: i32 = 2199;

/// Parts whose values are lists of numbers: their name, and the largest that a value may be.
const LISTS: &[(&str, i16)] = &[("BYMONTHDAY", 31), ("BYYEARDAY", 366), ("BYWEEKNO", 53), ("BYSETPOS", 366)];
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Why a rule is refused; what it says is for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

fn refuse<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(why.into()))
}

/// A rule with its first date, checked.
#[derive(Clone, Debug)]
pub struct Rule {
    set: RRuleSet,
    text: String,
}

impl Rule {
    /// Reads a rule, with or without `RRULE:` before it, for a series that begins on a date.
    ///
    /// Refused are: frequencies below a day, parts with a time of day, unknown or repeated parts, values out of
    /// range, `COUNT` together with `UNTIL`, a first date that the rule itself does not name (RFC 5545 leaves
    /// open what that means), and a first date outside [`FIRST_YEAR`] to [`LAST_YEAR`].
    pub fn read(text: &str, first: Date) -> Result<Self, Refused> {
        if !(FIRST_YEAR..=LAST_YEAR).contains(&first.year()) {
            return refuse(format!("a series begins between the years {FIRST_YEAR} and {LAST_YEAR}"));
        }
        let text = parts(text)?;
        let set: RRuleSet = format!("DTSTART:{}T000000Z\nRRULE:{text}", compact(first))
            .parse()
            .or_else(|_| refuse("the parts of the rule do not fit together (RFC 5545, section 3.3.10)"))?;
        let rule = Self { set: set.limit(), text };
        if rule.following(None) != Some(first) {
            return refuse("the first date must be one that the rule names");
        }
        Ok(rule)
    }

    /// The rule as it is kept: in upper case, without `RRULE:`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first date of the series after a date, or nothing where the series is over.
    ///
    /// It walks the series from its first date, so that `COUNT` counts; at most [`LAST_YEAR`]'s end is reached, which
    /// is some 84 000 steps. A series that long is work for a thread that may block.
    #[must_use]
    pub fn after(&self, date: Date) -> Option<Date> {
        self.following(Some(date))
    }

    fn following(&self, date: Option<Date>) -> Option<Date> {
        self.set
            .into_iter()
            .map_while(|moment| OffsetDateTime::from_unix_timestamp(moment.timestamp()).ok())
            .map(OffsetDateTime::date)
            .find(|found| date.is_none_or(|date| *found > date))
            .filter(|found| found.year() <= LAST_YEAR)
    }
}

fn compact(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The parts of a rule, each checked by itself.
fn parts(text: &str) -> Result<String, Refused> {
    if text.len() > MAX_LENGTH {
        return refuse(format!("a rule has at most {MAX_LENGTH} bytes"));
    }
    let upper = text.trim().to_ascii_uppercase();
    let bare = upper.strip_prefix("RRULE:").unwrap_or(&upper);
    let mut kept: Vec<(&str, String)> = Vec::new();
    for part in bare.split(';') {
        let Some((name, value)) = part.split_once('=') else {
            return refuse("a rule is written as NAME=value, with ; between its parts");
        };
        if kept.iter().any(|(known, _)| *known == name) {
            return refuse(format!("{name} stands twice"));
        }
        kept.push((name, value_of(name, value)?));
    }
    let has = |name: &str| kept.iter().any(|(known, _)| *known == name);
    if !has("FREQ") {
        return refuse("FREQ is missing");
    }
    if has("COUNT") && has("UNTIL") {
        return refuse("a rule ends by COUNT or by UNTIL, not by both");
    }
    if has("BYSETPOS") && !["BYDAY", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"].iter().any(|name| has(name)) {
        return refuse("BYSETPOS chooses among what another BY part names");
    }
    Ok(kept.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";"))
}

fn value_of(name: &str, value: &str) -> Result<String, Refused> {
    let known = match name {
        "FREQ" => ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"].contains(&value),
        "INTERVAL" => number(value).is_some_and(|n| (1..=u32::from(MAX_INTERVAL)).contains(&n)),
        "COUNT" => number(value).is_some_and(|n| (1..=MAX_COUNT).contains(&n)),
        "UNTIL" => return until(value),
        "WKST" => DAYS.contains(&value),
        "BYMONTH" => value.split(',').all(|month| number(month).is_some_and(|n| (1..=12).contains(&n))),
        "BYDAY" => value.split(',').all(weekday),
        _ => match LISTS.iter().find(|(known, _)| *known == name) {
            Some((_, most)) => value.split(',').all(|item| signed(item, *most)),
            None => return refuse(format!("{name} is no part of a rule for dates")),
        },
    };
    if known { Ok(value.to_owned()) } else { refuse(format!("{name} has a value that is not allowed")) }
}

fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn signed(text: &str, most: i16) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    number(digits).is_some_and(|n| n >= 1 && i64::from(n) <= i64::from(most))
}

fn weekday(text: &str) -> bool {
    DAYS.iter().any(|day| text.strip_suffix(day).is_some_and(|nth| nth.is_empty() || signed(nth, 53)))
}

/// The last day, which the series includes, whether it is written as a date or as a moment in UTC.
fn until(text: &str) -> Result<String, Refused> {
    let wrong = || Refused("UNTIL is a date such as 20271231, or a moment in UTC".to_owned());
    let (date, rest) = text.split_at_checked(8).ok_or_else(wrong)?;
    let moment = rest.is_empty()
        || matches!(rest.as_bytes(), [b'T', digits @ .., b'Z'] if digits.len() == 6 && digits.iter().all(u8::is_ascii_digit));
    let number = number(date).filter(|_| moment).ok_or_else(wrong)?;
    let part = |of: u32| u8::try_from(of % 100).map_err(|_| wrong());
    let year = i32::try_from(number / 10_000).map_err(|_| wrong())?;
    let month = Month::try_from(part(number / 100)?).map_err(|_| wrong())?;
    let date = Date::from_calendar_date(year, month, part(number)?).map_err(|_| wrong())?;
    Ok(format!("{}T235959Z", compact(date)))
}
