//! Reads an OSCAL catalog (NIST OSCAL 1.0 to 1.2, JSON) into a framework, and writes one.
//!
//! Kept: groups (nested ones become families), controls and enhancements, their labels, statements with the
//! parameters put in, guidance, the withdrawn status. The document itself is kept too, so an export returns
//! it whole; what the framework's own model has no place for is listed in `losses`.

use std::collections::{BTreeMap, BTreeSet};

use grc_kernel::{Checker, FieldError, check::TEXT_MAX};
use serde_json::{Value, json};

use super::{Framework, Import, ImportedControl, Requirement};

/// The most controls that an import may have.
pub const CONTROLS_MAX: usize = 10_000;
/// The deepest nesting of groups, controls and parts that is read.
const DEPTH_MAX: usize = 32;

/// Something of the document that the model has no place for.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Where it stands.
    pub path: String,
    /// Why it is not kept in the model.
    pub reason: String,
}

/// Reads a catalog. `key` and `name` override what the document says.
pub fn read(text: &str, key: Option<&str>, name: Option<&str>) -> Result<(Import, Vec<Loss>), Vec<FieldError>> {
    let fail = |field: &str, code, detail: String| vec![FieldError::new(field, code, detail)];
    let document: Value = grc_kernel::shape::strict(text.as_bytes()).map_err(|why| fail("body", "invalid", why))?;
    let Some(catalog) = document.get("catalog") else {
        let found = document.as_object().and_then(|members| members.keys().next()).map_or("nothing", String::as_str);
        return Err(fail("catalog", "required", format!("an OSCAL catalog is wanted; the document holds «{found}»")));
    };
    let metadata = catalog.get("metadata").unwrap_or(&Value::Null);
    let mut check = Checker::new();
    let title = name.or_else(|| string(metadata, "title")).unwrap_or_default();
    let name = check.name(if name.is_some() { "name" } else { "catalog.metadata.title" }, title);
    let version = check.line("catalog.metadata.version", string(metadata, "version").unwrap_or_default(), 100);
    let oscal = string(metadata, "oscal-version").unwrap_or_default();
    check.ensure(
        oscal.starts_with("1.0") || oscal.starts_with("1.1") || oscal.starts_with("1.2"),
        "catalog.metadata.oscal-version",
        "unsupported",
        "must be 1.0, 1.1 or 1.2",
    );
    // Of no name no key can be made, and that the name is missing has been said.
    let derived = key.is_none() && name.is_empty();
    let key = key.map_or_else(|| derived_key(&name), str::to_owned);
    let shaped = derived
        || (1..=64).contains(&key.len())
            && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    check.ensure(shaped, "key", "invalid", "must be 1 to 64 characters of A-Z, 0-9 and _");
    let mut reader =
        Reader { params: BTreeMap::new(), controls: Vec::new(), losses: Vec::new(), check, refs: BTreeSet::new() };
    reader.collect_params(catalog, 0);
    reader.container(catalog, "catalog", ("", ""), None, 0);
    if catalog.get("back-matter").is_some() {
        reader.lose("catalog.back-matter", "resources are kept in the document only");
    }
    let Reader { controls, losses, mut check, .. } = reader;
    check.ensure(!controls.is_empty(), "catalog", "required", "the catalog has no controls");
    check.count("catalog", controls.len(), CONTROLS_MAX);
    check.finish()?;
    let description = string(metadata, "remarks").unwrap_or("Imported from an OSCAL catalog.");
    let description: String = description.chars().take(TEXT_MAX).collect();
    Ok((Import { key, name, version, description, controls, document: text.to_owned() }, losses))
}

fn string<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

fn items<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn derived_key(name: &str) -> String {
    let mut key = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            key.push(c.to_ascii_uppercase());
        } else if !key.is_empty() && !key.ends_with('_') {
            key.push('_');
        }
    }
    key.truncate(64);
    key.trim_end_matches('_').to_owned()
}

struct Reader {
    params: BTreeMap<String, String>,
    controls: Vec<ImportedControl>,
    losses: Vec<Loss>,
    check: Checker,
    refs: BTreeSet<String>,
}

impl Reader {
    fn lose(&mut self, path: &str, reason: &str) {
        if self.losses.len() < 1_000 {
            self.losses.push(Loss { path: path.to_owned(), reason: reason.to_owned() });
        }
    }

    /// Parameters are put into prose wherever they are used, so all are known before any prose is read.
    fn collect_params(&mut self, value: &Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        for param in items(value, "params") {
            if let Some(id) = string(param, "id") {
                let choices: Vec<&str> = param
                    .get("select")
                    .map(|select| items(select, "choice"))
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                let text = match (items(param, "values").first().and_then(Value::as_str), string(param, "label")) {
                    (Some(value), _) => value.to_owned(),
                    (None, _) if !choices.is_empty() => format!("[Selection: {}]", choices.join("; ")),
                    (None, Some(label)) => format!("[Assignment: {label}]"),
                    (None, None) => format!("[Assignment: {id}]"),
                };
                self.params.insert(id.to_owned(), text);
            }
        }
        for member in ["groups", "controls"] {
            for item in items(value, member) {
                self.collect_params(item, depth + 1);
            }
        }
    }

    fn container(&mut self, value: &Value, path: &str, family: (&str, &str), parent: Option<&str>, depth: usize) {
        if depth > DEPTH_MAX {
            self.check.note(path, "too_deep", format!("is nested deeper than {DEPTH_MAX}"));
            return;
        }
        for (i, group) in items(value, "groups").iter().enumerate() {
            let path = format!("{path}.groups[{i}]");
            let title = string(group, "title").unwrap_or_default();
            let id = label(group).or_else(|| string(group, "id")).unwrap_or(title).to_owned();
            if !items(group, "parts").is_empty() {
                self.lose(&format!("{path}.parts"), "a group's overview is kept in the document only");
            }
            let id: String = id.chars().take(100).collect();
            let title: String = title.chars().take(200).collect();
            self.container(group, &path, (&id, &title), None, depth + 1);
        }
        for (i, control) in items(value, "controls").iter().enumerate() {
            self.control(control, &format!("{path}.controls[{i}]"), family, parent, depth + 1);
        }
    }

    fn control(&mut self, control: &Value, path: &str, family: (&str, &str), parent: Option<&str>, depth: usize) {
        let id = string(control, "id").unwrap_or_default();
        self.check.ensure(!id.is_empty(), &format!("{path}.id"), "required", "a control has an id");
        let control_ref = label(control).map_or_else(|| id.to_uppercase(), |label| label.trim().to_owned());
        let control_ref = self.check.line(&format!("{path}.id"), &control_ref, 100);
        if !self.refs.insert(control_ref.clone()) {
            self.check.note(format!("{path}.id"), "duplicate", format!("the catalog has two controls {control_ref}"));
        }
        let title = self.check.name(&format!("{path}.title"), string(control, "title").unwrap_or_default());
        let withdrawn = items(control, "props").iter().any(|prop| {
            string(prop, "name") == Some("status")
                && string(prop, "value").is_some_and(|v| v.eq_ignore_ascii_case("withdrawn"))
        });
        let mut statement = String::new();
        let mut guidance = String::new();
        for (i, part) in items(control, "parts").iter().enumerate() {
            match string(part, "name").unwrap_or_default() {
                "statement" | "item" => self.prose(part, &mut statement, depth + 1),
                "guidance" => self.prose(part, &mut guidance, depth + 1),
                other => self.lose(
                    &format!("{path}.parts[{i}]"),
                    &format!("parts named «{other}» are kept in the document only"),
                ),
            }
        }
        for member in ["links", "class"] {
            if control.get(member).is_some() {
                self.lose(&format!("{path}.{member}"), "is kept in the document only");
            }
        }
        for text in [&mut statement, &mut guidance] {
            if text.chars().count() > TEXT_MAX {
                *text = text.chars().take(TEXT_MAX).collect();
                self.lose(path, "text beyond 20,000 characters is kept in the document only");
            }
        }
        self.controls.push(ImportedControl {
            control_ref: control_ref.clone(),
            title,
            family: family.0.to_owned(),
            family_title: family.1.to_owned(),
            description: statement.trim().to_owned(),
            guidance: (!guidance.is_empty()).then(|| guidance.trim().to_owned()),
            parent_ref: parent.map(str::to_owned),
            assessable: !withdrawn,
        });
        self.container(control, path, family, Some(&control_ref), depth);
    }

    fn prose(&mut self, part: &Value, out: &mut String, depth: usize) {
        if depth > DEPTH_MAX || out.len() > TEXT_MAX * 4 {
            return;
        }
        if let Some(text) = string(part, "prose") {
            if !out.is_empty() {
                out.push('\n');
            }
            if let Some(label) = label(part) {
                out.push_str(label);
                out.push(' ');
            }
            let clean = substitute(text, &self.params);
            out.extend(clean.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')));
        }
        for child in items(part, "parts") {
            self.prose(child, out, depth + 1);
        }
    }
}

fn label(value: &Value) -> Option<&str> {
    let labels = items(value, "props").iter().filter(|prop| string(prop, "name") == Some("label"));
    // A catalog may carry a zero-padded label for sorting besides the one for people.
    let people = labels.clone().find(|prop| string(prop, "class").is_none_or(|class| class == "sp800-53"));
    people.or_else(|| labels.clone().next()).and_then(|prop| string(prop, "value"))
}

/// Puts parameters into prose: `{{ insert: param, ac-1_prm_1 }}`, and the older `{{ ac-1_prm_1 }}`.
fn substitute(text: &str, params: &BTreeMap<String, String>) -> String {
    substitute_to(text, params, 0)
}

fn substitute_to(text: &str, params: &BTreeMap<String, String>, depth: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((inside, tail)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        let id = inside.rsplit(',').next().unwrap_or_default().trim();
        match params.get(id) {
            // A selection's choices hold parameters in turn; a cycle ends after a few rounds.
            Some(value) if depth < 4 => out.push_str(&substitute_to(value, params, depth + 1)),
            _ => out.push_str(&format!("[Assignment: {id}]")),
        }
        rest = tail;
        if out.len() > TEXT_MAX * 4 {
            return out;
        }
    }
    out.push_str(rest);
    out
}

/// Writes a framework as an OSCAL 1.1.2 catalog: a group a family, enhancements within their controls.
pub fn write(framework: &Framework, requirements: &[Requirement]) -> Value {
    let mut children: BTreeMap<&str, Vec<&Requirement>> = BTreeMap::new();
    let refs: BTreeSet<&str> = requirements.iter().map(|r| r.control_ref.as_str()).collect();
    let mut families: Vec<(&str, &str, Vec<&Requirement>)> = Vec::new();
    for requirement in requirements {
        match requirement
            .parent_ref
            .as_deref()
            .filter(|parent| refs.contains(parent) && *parent != requirement.control_ref)
        {
            Some(parent) => children.entry(parent).or_default().push(requirement),
            None => match families.iter_mut().find(|(id, ..)| *id == requirement.family) {
                Some((_, _, members)) => members.push(requirement),
                None => families.push((&requirement.family, &requirement.family_title, vec![requirement])),
            },
        }
    }
    let groups: Vec<Value> = families
        .into_iter()
        .map(|(id, title, members)| {
            let controls: Vec<Value> = members.into_iter().map(|member| control(member, &children, 0)).collect();
            json!({"id": token(id), "title": if title.is_empty() { id } else { title }, "controls": controls})
        })
        .collect();
    json!({"catalog": {
        "uuid": framework.id.to_string(),
        "metadata": {
            "title": framework.name,
            "last-modified": grc_kernel::record::timestamp(framework.meta.updated_at),
            "version": framework.version,
            "oscal-version": "1.1.2",
            "remarks": framework.description,
        },
        "groups": groups,
    }})
}

fn control(requirement: &Requirement, children: &BTreeMap<&str, Vec<&Requirement>>, depth: usize) -> Value {
    let id = token(&requirement.control_ref);
    let mut props = vec![json!({"name": "label", "value": requirement.control_ref})];
    if !requirement.assessable {
        props.push(json!({"name": "status", "value": "withdrawn"}));
    }
    let mut parts = Vec::new();
    if !requirement.description.is_empty() {
        parts.push(json!({"id": format!("{id}_smt"), "name": "statement", "prose": requirement.description}));
    }
    if let Some(guidance) = &requirement.guidance {
        parts.push(json!({"id": format!("{id}_gdn"), "name": "guidance", "prose": guidance}));
    }
    let mut value = json!({"id": id, "title": requirement.title, "props": props});
    let nested: Vec<Value> = match children.get(requirement.control_ref.as_str()) {
        Some(members) if depth < DEPTH_MAX => {
            members.iter().map(|member| control(member, children, depth + 1)).collect()
        }
        _ => Vec::new(),
    };
    if let Value::Object(members) = &mut value {
        if !parts.is_empty() {
            members.insert("parts".into(), parts.into());
        }
        if !nested.is_empty() {
            members.insert("controls".into(), nested.into());
        }
    }
    value
}

/// An OSCAL token: letters, digits, `-`, `_`, `.`, and no digit first.
fn token(text: &str) -> String {
    let mut token: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c.to_ascii_lowercase() } else { '.' })
        .collect();
    if !token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        token.insert(0, '_');
    }
    token.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(groups: Value) -> String {
        json!({"catalog": {
            "uuid": "74c8ba1e-5cd4-4ad1-bbfd-d888e2f6c724",
            "metadata": {"title": "House rules", "version": "3", "oscal-version": "1.1.2", "last-modified": "2026-01-01T00:00:00Z"},
            "groups": groups
        }})
        .to_string()
    }

    #[test]
    fn groups_enhancements_parameters_and_withdrawn_controls_are_read() {
        let text = catalog(json!([{"id": "s1", "title": "Access", "controls": [{
            "id": "s1.1", "title": "Locks",
            "params": [{"id": "p1", "label": "how often"}, {"id": "p2", "select": {"choice": ["daily", "every {{ insert: param, p1 }}"]}}],
            "props": [{"name": "label", "value": "S1.1"}],
            "parts": [
                {"name": "statement", "prose": "Check the locks {{ insert: param, p2 }}.",
                 "parts": [{"name": "item", "props": [{"name": "label", "value": "a."}], "prose": "All doors."}]},
                {"name": "guidance", "prose": "Use a list."},
                {"name": "assessment-method", "prose": "Interview."}
            ],
            "controls": [{"id": "s1.1.1", "title": "Spare keys", "props": [{"name": "status", "value": "withdrawn"}]}]
        }]}]));
        let (import, losses) = read(&text, None, None).unwrap();
        assert_eq!((import.key.as_str(), import.version.as_str()), ("HOUSE_RULES", "3"));
        let [lock, spare] = import.controls.as_slice() else { panic!("{:?}", import.controls) };
        assert_eq!(
            lock.description,
            "Check the locks [Selection: daily; every [Assignment: how often]].\na. All doors."
        );
        assert_eq!((lock.family_title.as_str(), lock.guidance.as_deref()), ("Access", Some("Use a list.")));
        assert_eq!(
            (spare.control_ref.as_str(), spare.parent_ref.as_deref(), spare.assessable),
            ("S1.1.1", Some("S1.1"), false)
        );
        assert_eq!(losses.len(), 1);
        assert_eq!(losses[0].path, "catalog.groups[0].controls[0].parts[2]");
    }

    #[test]
    fn what_is_not_a_catalog_is_refused_with_its_place() {
        let fields = |text: &str| -> Vec<(String, &str)> {
            read(text, None, None).unwrap_err().into_iter().map(|e| (e.field, e.code)).collect()
        };
        assert_eq!(fields("nonsense"), [("body".to_owned(), "invalid")]);
        assert_eq!(fields(r#"{"profile": {}}"#), [("catalog".to_owned(), "required")]);
        assert_eq!(fields(&"[".repeat(100_000)), [("body".to_owned(), "invalid")]);
        assert_eq!(fields(r#"{"catalog": {}, "catalog": {"metadata": {}}}"#), [("body".to_owned(), "invalid")]);
        let twice =
            catalog(json!([{"title": "A", "controls": [{"id": "x", "title": "One"}, {"id": "x", "title": "Two"}]}]));
        assert_eq!(fields(&twice), [("catalog.groups[0].controls[1].id".to_owned(), "duplicate")]);
        let untitled = catalog(json!([{"controls": [{"id": "x"}]}]));
        assert_eq!(fields(&untitled), [("catalog.groups[0].controls[0].title".to_owned(), "required")]);
        let empty = catalog(json!([]));
        assert_eq!(fields(&empty), [("catalog".to_owned(), "required")]);
    }

    #[test]
    fn a_parameter_that_names_itself_ends() {
        let params = BTreeMap::from([("p".to_owned(), "{{ insert: param, p }} and {{ p }}".to_owned())]);
        assert!(substitute("{{ p }} {{ q }} {{ open", &params).ends_with("[Assignment: q] {{ open"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for catalog in super::super::catalog::builtin() {
            let text = write(&catalog.framework, &catalog.requirements).to_string();
            let (import, _) = read(&text, Some(&catalog.framework.key), None).unwrap();
            let mut written: Vec<_> =
                catalog.requirements.iter().map(|r| (&r.control_ref, &r.title, &r.description, r.assessable)).collect();
            let mut back: Vec<_> =
                import.controls.iter().map(|r| (&r.control_ref, &r.title, &r.description, r.assessable)).collect();
            written.sort();
            back.sort();
            assert_eq!(written, back);
        }
    }
}
