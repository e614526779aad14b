//! The numbers and names of the response, which are data: `data/response.json`.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;
use time::Duration;

use crate::{
    incident::Severity,
    phase::{Phase, Status},
    sla::Clock,
};

/// What the data says of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseRow {
    /// The status of an incident that is in it.
    pub status: Status,
    /// The phases that may follow.
    pub next: Vec<Phase>,
    /// Its categories in NIST CSF 2.0.
    pub csf: Vec<String>,
    /// The phase of NIST SP 800-61 r2 that it belongs to.
    pub sp800_61: String,
}

/// The data, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    /// What is said of each phase.
    pub phases: BTreeMap<Phase, PhaseRow>,
    /// How much time each clock has; a severity whose clock has no limit is absent.
    pub limits: BTreeMap<(Severity, Clock), Duration>,
}

/// The data of this version.
pub fn defaults() -> &'static Defaults {
    // The tests see to it that the data is whole.
    static READ: LazyLock<Defaults> =
        LazyLock::new(|| Defaults::parse(include_str!("../data/response.json")).unwrap_or_default());
    &READ
}

impl Defaults {
    /// Reads the data; none where anything in it is not understood.
    pub fn parse(json: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(json).ok()?;
        let phases = value.get("phases")?.as_array()?.iter().map(|row| {
            let words = |member: &str| -> Option<Vec<&str>> {
                row.get(member)?.as_array()?.iter().map(Value::as_str).collect()
            };
            let read = PhaseRow {
                status: Status::parse(row.get("status")?.as_str()?)?,
                next: words("next")?.into_iter().map(Phase::parse).collect::<Option<_>>()?,
                csf: words("nist_csf_2")?.into_iter().map(str::to_owned).collect(),
                sp800_61: row.get("nist_sp_800_61_r2")?.as_str()?.to_owned(),
            };
            Some((Phase::parse(row.get("phase")?.as_str()?)?, read))
        });
        let mut limits = BTreeMap::new();
        for row in value.get("clocks")?.as_array()? {
            let severity = Severity::parse(row.get("severity")?.as_str()?)?;
            for clock in Clock::ALL {
                match row.get(clock.as_str())? {
                    Value::Null => {}
                    minutes => {
                        limits.insert((severity, *clock), Duration::minutes(minutes.as_i64()?));
                    }
                }
            }
        }
        Some(Self { phases: phases.collect::<Option<_>>()?, limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_whole() {
        let read = Defaults::parse(include_str!("../data/response.json")).unwrap();
        assert_eq!(&read, defaults());
        assert_eq!(read.phases.keys().copied().collect::<Vec<_>>(), Phase::ALL);
        assert!(read.phases.values().all(|row| !row.csf.is_empty() && !row.sp800_61.is_empty()));
        assert_eq!(read.limits.len(), 13, "five severities with three clocks, two of them without a limit");
    }

    #[test]
    fn what_is_not_understood_is_not_half_read() {
        for broken in [
            "",
            "{}",
            r#"{"phases": [], "clocks": [{"severity": "grave", "acknowledge": 1, "contain": 1, "resolve": 1}]}"#,
            r#"{"phases": [], "clocks": [{"severity": "high", "acknowledge": 1, "contain": 1}]}"#,
            r#"{"phases": [{"phase": "detection", "status": "open", "next": ["rest"], "nist_csf_2": [], "nist_sp_800_61_r2": ""}], "clocks": []}"#,
        ] {
            assert_eq!(Defaults::parse(broken), None, "{broken}");
        }
    }
}
