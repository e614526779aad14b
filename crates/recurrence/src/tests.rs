//! What rules are read and refused, and how their series go on.

use std::time::{Duration, Instant};

use time::{Date, macros::date};

use super::Rule;

fn dates(rule: &str, first: Date, most: usize) -> Vec<Date> {
    let rule = Rule::read(rule, first).unwrap();
    std::iter::successors(Some(first), |date| rule.after(*date)).take(most).collect()
}

#[test]
fn month_ends_and_leap_years() {
    assert_eq!(
        dates("FREQ=MONTHLY", date!(2027 - 01 - 31), 3),
        [date!(2027 - 01 - 31), date!(2027 - 03 - 31), date!(2027 - 05 - 31)]
    );
    assert_eq!(
        dates("FREQ=MONTHLY;BYMONTHDAY=-1", date!(2028 - 01 - 31), 3),
        [date!(2028 - 01 - 31), date!(2028 - 02 - 29), date!(2028 - 03 - 31)]
    );
    assert_eq!(dates("FREQ=YEARLY", date!(2028 - 02 - 29), 2), [date!(2028 - 02 - 29), date!(2032 - 02 - 29)]);
    assert_eq!(
        dates("RRULE:freq=monthly;interval=3;byday=1mo", date!(2027 - 02 - 01), 2),
        [date!(2027 - 02 - 01), date!(2027 - 05 - 03)]
    );
}

#[test]
fn count_and_until_end_a_series() {
    assert_eq!(dates("FREQ=WEEKLY;COUNT=2", date!(2027 - 01 - 04), 9).len(), 2);
    for until in ["20270118", "20270118T000000Z"] {
        assert_eq!(dates(&format!("FREQ=WEEKLY;UNTIL={until}"), date!(2027 - 01 - 04), 9).len(), 3, "{until}");
    }
    assert_eq!(dates("FREQ=DAILY", date!(2199 - 12 - 31), 9).len(), 1);
}

#[test]
fn a_series_goes_on_from_its_rule() {
    let rule = Rule::read("FREQ=MONTHLY", date!(2027 - 01 - 15)).unwrap();
    assert_eq!(rule.after(date!(2027 - 03 - 02)), Some(date!(2027 - 03 - 15)));
    assert_eq!(rule.text(), "FREQ=MONTHLY");
}

#[test]
fn hostile_rules_are_refused_and_cost_little() {
    let long = format!("FREQ=DAILY;BYMONTHDAY={}1", "1,".repeat(400));
    let rules = [
        "",
        "FREQ",
        "FREQ=SECONDLY",
        "FREQ=HOURLY;COUNT=1",
        "INTERVAL=1",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=65535",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=4294967295",
        "FREQ=DAILY;COUNT=2;UNTIL=20280101",
        "FREQ=DAILY;UNTIL=20271332",
        "FREQ=DAILY;UNTIL=é20271",
        "FREQ=DAILY;BYHOUR=1",
        "FREQ=YEARLY;BYSETPOS=400;BYDAY=MO",
        "FREQ=DAILY;BYSETPOS=1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYDAY=99MO",
        "FREQ=DAILY\nRRULE:FREQ=SECONDLY",
        "FREQ=DAILY;UNTIL=20200101",
        "FREQ=DAILY;",
        "FREQ=MONTHLY;BYMONTHDAY=2",
        &long,
    ];
    for rule in rules {
        let start = Instant::now();
        assert!(Rule::read(rule, date!(2027 - 01 - 31)).is_err(), "{rule:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{rule:?} took {:?}", start.elapsed());
    }
    assert!(Rule::read("FREQ=DAILY", date!(9999 - 12 - 31)).is_err());
    assert!(Rule::read("FREQ=DAILY", date!(1969 - 12 - 31)).is_err());
}

#[test]
fn a_rule_that_names_little_costs_little() {
    let first = date!(1970 - 01 - 01);
    for text in [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=1000",
        "FREQ=DAILY;BYMONTH=1;BYMONTHDAY=1;BYDAY=TH",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=YEARLY;INTERVAL=1000",
        "FREQ=MONTHLY;INTERVAL=12;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1",
    ] {
        let start = Instant::now();
        let rule = Rule::read(text, first).unwrap();
        assert_eq!(rule.after(date!(2199 - 12 - 31)), None, "{text}");
        assert!(start.elapsed() < Duration::from_secs(5), "{text} took {:?}", start.elapsed());
    }
    let daily = Rule::read("FREQ=DAILY", first).unwrap();
    assert_eq!(daily.after(date!(2160 - 01 - 01)), Some(date!(2160 - 01 - 02)));
}
