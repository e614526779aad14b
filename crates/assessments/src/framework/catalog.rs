//! The built-in frameworks: identifiers and structure are facts of the standards, the titles, descriptions and
//! hints are the project's own words.
//!
//! Official text comes in through the OSCAL import.

use std::sync::LazyLock;

use grc_kernel::{FrameworkId, Meta};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{Framework, Requirement, RequirementId, Source};

const FILES: &[&str] = &[
    include_str!("../../catalogs/soc2_type2.json"),
    include_str!("../../catalogs/iso27001.json"),
    include_str!("../../catalogs/nist_csf_2.json"),
    include_str!("../../catalogs/pci_dss.json"),
    include_str!("../../catalogs/hipaa.json"),
    include_str!("../../catalogs/gdpr.json"),
    include_str!("../../catalogs/nist_800_53_r5.json"),
];

/// When the built-in frameworks were published with the service; part of their ids.
const PUBLISHED: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

/// A built-in framework with its controls.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// The framework.
    pub framework: Framework,
    /// Its controls, in order.
    pub requirements: Vec<Requirement>,
}

/// All built-in frameworks.
pub fn builtin() -> &'static [Catalog] {
    static CATALOGS: LazyLock<Vec<Catalog>> = LazyLock::new(|| {
        FILES.iter().filter_map(|text| serde_json::from_str(text).ok()).map(|file| read(&file)).collect()
    });
    &CATALOGS
}

/// A digest of all of them, by which an adapter tells whether it stores the current ones.
pub fn digest() -> String {
    let mut sha = Sha256::new();
    for file in FILES {
        sha.update(file.as_bytes());
    }
    hex::encode(sha.finalize())
}

/// An id that is the same in every installation, in version 7 layout: the day of publication and 74 bits of
/// the name's SHA-256.
pub fn id_of(name: &str) -> Uuid {
    let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let millis = u64::try_from(PUBLISHED.unix_timestamp()).unwrap_or(0).saturating_mul(1_000);
    let tail = hash.first_chunk::<10>().copied().unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn texts(value: &Value, member: &str) -> Vec<String> {
    let items = value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn array<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn read(file: &Value) -> Catalog {
    let key = text(file, "key");
    let id = FrameworkId(id_of(&key));
    let titles: std::collections::BTreeMap<String, String> =
        array(file, "families").iter().map(|family| (text(family, "id"), text(family, "title"))).collect();
    let requirements: Vec<Requirement> = (0_i32..)
        .zip(array(file, "controls"))
        .map(|(position, control)| {
            let control_ref = text(control, "ref");
            let family = text(control, "family");
            Requirement {
                id: RequirementId(id_of(&format!("{key}:{control_ref}"))),
                framework: id,
                org: None,
                title: text(control, "title"),
                family_title: titles.get(&family).cloned().unwrap_or_default(),
                family,
                description: text(control, "description"),
                baselines: texts(control, "baselines"),
                guidance: None,
                evidence_hints: texts(control, "hints"),
                parent_ref: control.get("parent").and_then(Value::as_str).map(str::to_owned),
                position,
                assessable: control.get("assessable").and_then(Value::as_bool).unwrap_or(true),
                control_ref,
            }
        })
        .collect();
    let mut baselines: Vec<String> =
        requirements.iter().flat_map(|control| control.baselines.iter().cloned()).collect();
    baselines.sort();
    baselines.dedup();
    let assessable = requirements.iter().filter(|requirement| requirement.assessable).count();
    let framework = Framework {
        id,
        org: None,
        name: text(file, "name"),
        version: text(file, "version"),
        description: text(file, "description"),
        source: Source::Builtin,
        control_count: i64::try_from(assessable).unwrap_or(0),
        baselines,
        meta: Meta { created_at: PUBLISHED, updated_at: PUBLISHED, created_by: Uuid::nil(), revision: 1 },
        key,
    };
    Catalog { framework, requirements }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_built_in_frameworks_have_the_counts_of_their_standards() {
        let counts: Vec<(&str, i64)> =
            builtin().iter().map(|c| (c.framework.key.as_str(), c.framework.control_count)).collect();
        let expected = [
            ("SOC2_TYPE2", 61),
            ("ISO27001", 93),
            ("NIST_CSF_2", 106),
            ("PCI_DSS", 250),
            ("HIPAA", 68),
            ("GDPR", 39),
            ("NIST_800_53_R5", 1_014),
        ];
        assert_eq!(counts, expected);
    }

    #[test]
    fn sp_800_53_keeps_withdrawn_numbers_and_has_the_baselines_of_sp_800_53b() {
        let catalog = builtin().iter().find(|c| c.framework.key == "NIST_800_53_R5").unwrap();
        assert_eq!(catalog.requirements.len(), 1_196);
        for (baseline, count) in [("LOW", 149), ("MODERATE", 287), ("HIGH", 370), ("PRIVACY", 96)] {
            let within = catalog.requirements.iter().filter(|r| r.baselines.iter().any(|b| b == baseline));
            assert_eq!(within.count(), count, "{baseline}");
        }
        let withdrawn = catalog.requirements.iter().find(|r| r.control_ref == "AC-3(1)").unwrap();
        assert!(!withdrawn.assessable && withdrawn.description.contains("AC-6"), "{withdrawn:?}");
    }

    #[test]
    fn every_control_says_what_it_asks() {
        for catalog in builtin() {
            let mut seen = BTreeSet::new();
            let mut refs = BTreeSet::new();
            for control in &catalog.requirements {
                let name = format!("{}:{}", catalog.framework.key, control.control_ref);
                assert!(refs.insert(&control.control_ref), "{name} stands twice");
                assert!(seen.insert((&control.family, control.title.to_lowercase())), "{name}: title stands twice");
                assert!(!control.title.contains("item "), "{name}: {}", control.title);
                assert!(!control.family_title.is_empty(), "{name} has no family title");
                let words = control.description.split_whitespace().count();
                assert!(words >= 6, "{name}: {}", control.description);
                if control.assessable {
                    assert!((2..=6).contains(&control.evidence_hints.len()), "{name}: {:?}", control.evidence_hints);
                }
            }
        }
    }

    #[test]
    fn ids_are_of_version_7_and_stable() {
        let id = id_of("SOC2_TYPE2");
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id, id_of("SOC2_TYPE2"));
        assert_ne!(id, id_of("SOC2_TYPE2:CC1.1"));
    }
}
