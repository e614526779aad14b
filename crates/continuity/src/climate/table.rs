//! The hazard table: region, hazard, score. An operator may replace it; one small table is built in.
//!
//! ```json
//! {
//!   "label": "Our table, RCP 4.5, 2050",
//!   "regions": { "frankfurt": { "flood": 0.5, "heat wave": 0.5 } },
//!   "aliases": { "eu-central-1": "frankfurt", "de": "frankfurt" }
//! }
//! ```
//!
//! Names are compared without regard to case and outer blanks; hazards may be written with `_` for blanks. A hazard
//! that a region does not name is not assessed, which is not the same as 0.

use std::collections::BTreeMap;

use grc_kernel::{Checker, FieldError};
use serde_json::{Map, Value};

use super::hazard::Hazard;
use crate::concentration::folded;

/// The most regions and aliases of a table, each.
pub const REGIONS_MAX: usize = 5_000;

/// Scores from 0 (none) to 1 (the worst) by region and hazard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HazardTable {
    label: String,
    regions: BTreeMap<String, BTreeMap<Hazard, f64>>,
    aliases: BTreeMap<String, String>,
}

impl HazardTable {
    /// The built-in table: about eighty places and the cloud regions in them. Its values are ordinal and
    /// illustrative, set from general knowledge; its label says so, and every result carries the label.
    pub fn illustrative() -> Self {
        // The tests see to it that the built-in table is sound.
        Self::parse(include_str!("../../data/climate-illustrative.json")).unwrap_or_default()
    }

    /// Reads a table and names every mistake in it.
    pub fn parse(json: &str) -> Result<Self, Vec<FieldError>> {
        let value: Value = serde_json::from_str(json)
            .map_err(|error| vec![FieldError::new("table", "json", format!("is not JSON: {error}"))])?;
        let mut check = Checker::new();
        let mut table = Self::default();
        let empty = Map::new();
        let root = value.as_object().unwrap_or(&empty);
        check.ensure(value.is_object(), "table", "type", "must be an object");
        for name in root.keys().filter(|name| !matches!(name.as_str(), "label" | "regions" | "aliases")) {
            check.note(name, "unknown", "is not a member of a hazard table");
        }
        match root.get("label") {
            Some(Value::String(label)) => table.label = check.line("label", label, 500),
            Some(_) => check.note("label", "type", "must be a text"),
            None => {}
        }
        table.read_regions(&mut check, root.get("regions"));
        table.read_aliases(&mut check, root.get("aliases"));
        check.finish()?;
        Ok(table)
    }

    fn read_regions(&mut self, check: &mut Checker, value: Option<&Value>) {
        let Some(regions) = value.and_then(Value::as_object) else {
            return check.note("regions", "required", "must be an object from region to hazards");
        };
        check.count("regions", regions.len(), REGIONS_MAX);
        for (name, hazards) in regions {
            let field = format!("regions.{name}");
            let Some(key) = named(check, &field, name) else { continue };
            let Some(hazards) = hazards.as_object() else {
                check.note(field, "type", "must be an object from hazard to score");
                continue;
            };
            let mut scores = BTreeMap::new();
            for (hazard, score) in hazards {
                let field = format!("{field}.{hazard}");
                let hazard = Hazard::parse(&hazard.trim().to_lowercase().replace('_', " "));
                let score = score.as_f64().filter(|score| (0.0..=1.0).contains(score));
                match hazard {
                    None => check.note(&field, "unknown", "is not one of the 28 hazards"),
                    Some(hazard) if scores.insert(hazard, score.unwrap_or(0.0)).is_some() => {
                        check.note(&field, "duplicate", "occurs twice");
                    }
                    Some(_) => {}
                }
                if score.is_none() {
                    check.note(field, "out_of_range", "must be a number from 0 to 1");
                }
            }
            if self.regions.insert(key, scores).is_some() {
                check.note(field, "duplicate", "occurs twice");
            }
        }
    }

    fn read_aliases(&mut self, check: &mut Checker, value: Option<&Value>) {
        let Some(value) = value else { return };
        let Some(aliases) = value.as_object() else {
            return check.note("aliases", "type", "must be an object from name to region");
        };
        check.count("aliases", aliases.len(), REGIONS_MAX);
        for (name, region) in aliases {
            let field = format!("aliases.{name}");
            let Some(key) = named(check, &field, name) else { continue };
            let region = folded(region.as_str()).filter(|region| self.regions.contains_key(region));
            if region.is_none() {
                check.note(&field, "unknown", "must name one of the regions");
            }
            let taken = self.regions.contains_key(&key);
            if self.aliases.insert(key, region.unwrap_or_default()).is_some() || taken {
                check.note(field, "duplicate", "occurs twice");
            }
        }
    }

    /// What the table says about itself.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How many regions it knows.
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// The name and the scores of a region of the table, found by its name or an alias; a cloud's zone
    /// (`eu-central-1a`, `us-central1-b`) is in its region, and `West Europe` is `westeurope`.
    pub fn region(&self, name: &str) -> Option<(&str, &BTreeMap<Hazard, f64>)> {
        let name = folded(Some(name))?;
        let zone = name.strip_suffix(|c: char| c.is_ascii_lowercase()).map(|name| name.trim_end_matches('-'));
        let zone = zone.filter(|name| name.ends_with(|c: char| c.is_ascii_digit()));
        let close: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        [Some(name.as_str()), zone, Some(close.as_str())].into_iter().flatten().find_map(|name| {
            let name = self.aliases.get(name).map_or(name, String::as_str);
            self.regions.get_key_value(name).map(|(name, scores)| (name.as_str(), scores))
        })
    }
}

/// A name in the form in which it is compared.
fn named(check: &mut Checker, field: &str, name: &str) -> Option<String> {
    let name = check.name(field, name);
    folded(Some(&name))
}
