//! The OpenAPI document: paperclip collects the operations as Swagger 2.0, [`convert`] makes OpenAPI 3.1 of it
//! and puts our shapes in; [`pages`] shows it.

pub mod convert;
pub mod pages;

use std::collections::BTreeMap;

/// Which methods each path of the document has, for the `Allow` of a 405.
#[derive(Debug, Default)]
pub struct Methods(Vec<(Vec<String>, Vec<String>)>);

impl Methods {
    /// The methods of a document's paths.
    pub fn of_document(document: &serde_json::Value) -> Self {
        let mut all: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
        for (path, item) in document.get("paths").and_then(serde_json::Value::as_object).into_iter().flatten() {
            let segments = path.split('/').map(str::to_owned).collect();
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase()).collect();
            all.insert(segments, methods);
        }
        Self(all.into_iter().collect())
    }

    /// The methods of a path, if the document has it.
    pub fn of(&self, path: &str) -> Option<&[String]> {
        let wanted: Vec<&str> = path.split('/').collect();
        let fits = |known: &[String]| {
            known.len() == wanted.len()
                && known.iter().zip(&wanted).all(|(k, w)| k == w || (k.starts_with('{') && !w.is_empty()))
        };
        // A literal path wins over one with parameters: `findings/stats` over `findings/{finding_id}`.
        let mut found: Vec<_> = self.0.iter().filter(|(known, _)| fits(known)).collect();
        found.sort_by_key(|(known, _)| known.iter().filter(|part| part.starts_with('{')).count());
        found.first().map(|(_, methods)| methods.as_slice())
    }
}
