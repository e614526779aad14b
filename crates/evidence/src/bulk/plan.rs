//! Which file of an archive each row of the manifest means, and which files no row means.

use std::collections::{BTreeMap, BTreeSet};

use grc_kernel::FieldError;
use serde_json::Map;

use super::manifest::Row;

/// The manifest's names in an archive, the first that is there counts.
pub const MANIFESTS: [&str; 2] = ["manifest.csv", "manifest.json"];

/// An item of an import, before it is stored.
pub type Planned = Row;

/// What operating systems leave in archives, and nobody means.
fn litter(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    name.starts_with("__MACOSX/") || matches!(last, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

/// The items of an archive with these files: the rows in their order, then the files that no row names.
pub fn of_archive(rows: Vec<Row>, files: &[&str]) -> Vec<Planned> {
    let present: BTreeSet<&str> = files.iter().copied().collect();
    let mut taken: BTreeMap<String, i64> = BTreeMap::new();
    let mut planned = Vec::with_capacity(rows.len());
    for mut row in rows {
        if row.errors.is_empty() {
            if let Some(first) = taken.get(&row.name) {
                let detail = format!("row {first} names this file already");
                row.errors.push(FieldError::new("filename", "duplicate", detail));
            } else if !present.contains(row.name.as_str()) {
                row.errors.push(FieldError::new("filename", "missing", "is not in the archive"));
            } else {
                taken.insert(row.name.clone(), row.number);
            }
        }
        planned.push(row);
    }
    let unnamed = files.iter().filter(|name| !taken.contains_key(**name) && !MANIFESTS.contains(name) && !litter(name));
    planned.extend(unnamed.map(|name| Row {
        number: 0,
        name: (*name).to_owned(),
        said: Map::new(),
        errors: vec![FieldError::new("filename", "not_listed", "no row of the manifest names it")],
    }));
    planned
}

/// The items of a list of addresses.
pub fn of_addresses(rows: Vec<Row>) -> Vec<Planned> {
    let mut planned = rows;
    for row in &mut planned {
        let address = row.name.starts_with("https://") || row.name.starts_with("http://");
        if row.errors.is_empty() && !address {
            row.errors.push(FieldError::new("url", "required", "must be an address: files come in an archive"));
        }
    }
    planned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::manifest::read_csv;

    #[test]
    fn rows_and_files_are_matched_and_what_is_left_over_is_told() {
        let rows = read_csv(b"filename\na.txt\nb/c.txt\na.txt\nabsent.txt\n").unwrap();
        let files = ["manifest.csv", "a.txt", "b/c.txt", "extra.txt", "__MACOSX/._a.txt", "b/.DS_Store"];
        let planned = of_archive(rows, &files);
        let told: Vec<_> =
            planned.iter().map(|p| (p.number, p.name.as_str(), p.errors.first().map(|e| e.code))).collect();
        assert_eq!(
            told,
            [
                (2, "a.txt", None),
                (3, "b/c.txt", None),
                (4, "a.txt", Some("duplicate")),
                (5, "absent.txt", Some("missing")),
                (0, "extra.txt", Some("not_listed")),
            ]
        );
    }
}
