//! The playbooks that are shipped, and the actions that a playbook gives.
//!
//! A playbook is a package whose document has `actions`: a list of what is to be done. An action is a task, or a note for
//! the record. The shipped ones are Rego like any other and read like any other; an organization writes its own under
//! `org`.

use grc_kernel::FieldError;
use serde_json::{Value, json};

use crate::{engine::Module, path::DecisionPath};

/// A shipped playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, the last segment of its path.
    pub name: &'static str,
    /// Its text.
    pub rego: &'static str,
}

/// The shipped playbooks.
pub const PLAYBOOKS: &[Shipped] = &[
    Shipped { name: "ransomware", rego: include_str!("playbooks/ransomware.rego") },
    Shipped { name: "phishing", rego: include_str!("playbooks/phishing.rego") },
    Shipped { name: "denial_of_service", rego: include_str!("playbooks/denial_of_service.rego") },
    Shipped { name: "data_breach", rego: include_str!("playbooks/data_breach.rego") },
    Shipped { name: "insider_threat", rego: include_str!("playbooks/insider_threat.rego") },
];

/// Their names.
pub const NAMES: &[&str] =
    &["ransomware", "phishing", "denial_of_service", "data_breach", "insider_threat", "dos", "ddos"];

/// What the shipped playbooks have in common.
const FACTS: &str = include_str!("playbooks/facts.rego");

/// What the names of shipped modules begin with: no policy of an organization is called so.
pub const PREFIX: &str = "sovereign-grc/";

/// The most actions that one decision gives.
pub const ACTIONS_MAX: usize = 100;

/// All shipped modules.
pub fn modules() -> Vec<Module> {
    let module = |name: &str, rego: &str| Module { name: format!("{PREFIX}{name}"), rego: rego.to_owned() };
    let playbooks = PLAYBOOKS.iter().map(|shipped| module(shipped.name, shipped.rego));
    playbooks.chain([module("facts", FACTS)]).collect()
}

/// The path of a shipped playbook by its name or a usual short form of it.
pub fn path_of(name: &str) -> Result<DecisionPath, FieldError> {
    let name = match name {
        "dos" | "ddos" => "denial_of_service",
        name => name,
    };
    match PLAYBOOKS.iter().find(|shipped| shipped.name == name) {
        Some(shipped) => DecisionPath::parse(&format!("incident/playbooks/{}", shipped.name)),
        None => Err(FieldError::new("playbook", "invalid", format!("must be one of {}", NAMES.join(", ")))),
    }
}

/// Whether an action is done or noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// It becomes a task.
    Task,
    /// It becomes an entry of the timeline.
    Note,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What it is called within its playbook: applied to an incident once.
    pub id: String,
    /// Whether it is done or noted.
    pub kind: ActionKind,
    /// What is to be done, in a line.
    pub title: String,
    /// How.
    pub description: Option<String>,
    /// The phase of the response that it belongs to.
    pub phase: Option<String>,
    /// How much it matters.
    pub priority: Option<String>,
    /// Until when, in minutes.
    pub due_in_minutes: Option<i64>,
    /// Whether the minutes run from the detection of the incident rather than from now.
    pub from_detection: bool,
}

const PRIORITIES: &[&str] = &["critical", "high", "medium", "low"];
const PHASES: &[&str] = &["detection", "analysis", "containment", "eradication", "recovery", "post_incident"];
/// Ten years.
const MINUTES_MAX: i64 = 10 * 366 * 24 * 60;

/// The actions of a result: of its member `actions`, or its own where it is a list. A result without is one that gives
/// none. Every action that is none is reported.
pub fn actions_of(result: Option<&Value>) -> Result<Vec<Action>, Vec<FieldError>> {
    let given = match result {
        Some(Value::Object(members)) => members.get("actions"),
        Some(list @ Value::Array(_)) => Some(list),
        _ => None,
    };
    let list = match given {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(vec![FieldError::new("result.actions", "type", "must be a list")]),
    };
    if list.len() > ACTIONS_MAX {
        let detail = format!("has more than {ACTIONS_MAX} actions");
        return Err(vec![FieldError::new("result.actions", "too_long", detail)]);
    }
    let mut errors = Vec::new();
    let mut actions: Vec<Action> = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        let mut read = Reader { value, at: format!("result.actions[{i}]"), errors: &mut errors };
        let action = read.action();
        if !action.id.is_empty() && actions.iter().any(|known| known.id == action.id) {
            read.note("id", "duplicate", "stands for another action already");
        }
        actions.push(action);
    }
    if errors.is_empty() { Ok(actions) } else { Err(errors) }
}

struct Reader<'a> {
    value: &'a Value,
    at: String,
    errors: &'a mut Vec<FieldError>,
}

impl Reader<'_> {
    fn note(&mut self, member: &str, code: &'static str, detail: &str) {
        self.errors.push(FieldError::new(format!("{}.{member}", self.at), code, detail));
    }

    fn action(&mut self) -> Action {
        let kind = match self.value.get("type").map(Value::as_str) {
            None | Some(Some("task")) => ActionKind::Task,
            Some(Some("note")) => ActionKind::Note,
            Some(_) => {
                self.note("type", "invalid", "must be one of task, note");
                ActionKind::Task
            }
        };
        let due_in_minutes = match self.value.get("due_in_minutes") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let minutes = value.as_i64().filter(|minutes| (0..=MINUTES_MAX).contains(minutes));
                if minutes.is_none() {
                    self.note(
                        "due_in_minutes",
                        "out_of_range",
                        "must be a whole number of minutes, of ten years at most",
                    );
                }
                minutes
            }
        };
        Action {
            id: self.line("id", 100, true).unwrap_or_default(),
            kind,
            title: self.line("title", 200, true).unwrap_or_default(),
            description: self.text("description", 20_000),
            phase: self.word("phase", PHASES),
            priority: self.word("priority", PRIORITIES),
            due_in_minutes,
            from_detection: self.word("due_from", &["now", "detected_at"]).as_deref() == Some("detected_at"),
        }
    }

    fn text(&mut self, member: &str, most: usize) -> Option<String> {
        match self.value.get(member) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.chars().count() <= most && !text.contains('\0') => Some(text.clone()),
            Some(_) => {
                self.note(member, "invalid", &format!("must be a text of at most {most} characters"));
                None
            }
        }
    }

    fn line(&mut self, member: &str, most: usize, is_required: bool) -> Option<String> {
        let text = self.text(member, most);
        let is_line = text.as_ref().is_none_or(|text| !text.trim().is_empty() && !text.contains(char::is_control));
        if !is_line {
            self.note(member, "invalid", "must be one line, and not empty");
        }
        let is_absent = self.value.get(member).is_none_or(Value::is_null);
        if is_required && is_absent {
            self.note(member, "required", "must be there");
        }
        text.map(|text| text.trim().to_owned())
    }

    fn word(&mut self, member: &str, words: &[&str]) -> Option<String> {
        let text = self.text(member, 100)?;
        if !words.contains(&text.as_str()) {
            self.note(member, "invalid", &format!("must be one of {}", words.join(", ")));
        }
        Some(text)
    }
}

impl Action {
    /// As an answer shows it.
    pub fn to_json(&self) -> Value {
        let kind = match self.kind {
            ActionKind::Task => "task",
            ActionKind::Note => "note",
        };
        json!({
            "id": self.id, "type": kind, "title": self.title, "description": self.description, "phase": self.phase,
            "priority": self.priority, "due_in_minutes": self.due_in_minutes,
            "due_from": if self.from_detection { "detected_at" } else { "now" },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_of_a_playbook_has_a_path() {
        for name in NAMES {
            assert!(path_of(name).is_ok(), "{name}");
        }
        assert_eq!(path_of("dos").unwrap().as_str(), "incident/playbooks/denial_of_service");
        assert_eq!(path_of("../x").unwrap_err().field, "playbook");
        assert_eq!(modules().len(), PLAYBOOKS.len() + 1);
    }

    #[test]
    fn actions_are_read_and_the_least_of_them_is_enough() {
        let result = json!({"actions": [
            {"id": "a", "title": " Do it "},
            {"id": "b", "type": "note", "title": "Note it", "description": "Well", "phase": "analysis", "priority": "low",
             "due_in_minutes": 5, "due_from": "detected_at", "more": 1},
        ]});
        let actions = actions_of(Some(&result)).unwrap();
        assert_eq!(actions[0].to_json()["title"], "Do it");
        assert_eq!((actions[0].kind, actions[0].due_in_minutes), (ActionKind::Task, None));
        assert_eq!((actions[1].kind, actions[1].from_detection), (ActionKind::Note, true));
        for none in
            [None, Some(json!(true)), Some(json!({"allow": true})), Some(json!({"actions": []})), Some(json!([]))]
        {
            assert_eq!(actions_of(none.as_ref()), Ok(Vec::new()));
        }
    }

    #[test]
    fn every_action_that_is_none_is_reported() {
        let result = json!({"actions": [
            {"title": 1, "type": "shell"}, "x", {"id": "c", "title": "a\nb", "due_in_minutes": -1},
            {"id": "c", "title": "t", "phase": "now", "priority": "urgent", "due_from": "then", "due_in_minutes": 1.5},
        ]});
        let errors = actions_of(Some(&result)).unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.trim_start_matches("result.actions")).collect();
        assert_eq!(
            fields,
            [
                "[0].type",
                "[0].id",
                "[0].title",
                "[1].id",
                "[1].title",
                "[2].due_in_minutes",
                "[2].title",
                "[3].due_in_minutes",
                "[3].phase",
                "[3].priority",
                "[3].due_from",
                "[3].id",
            ]
        );
        let many: Vec<Value> = (0..=ACTIONS_MAX).map(|n| json!({"id": n.to_string(), "title": "t"})).collect();
        assert_eq!(actions_of(Some(&json!(many))).unwrap_err()[0].code, "too_long");
        assert_eq!(actions_of(Some(&json!({"actions": "all"}))).unwrap_err()[0].code, "type");
    }

    proptest! {
        #[test]
        fn what_is_read_reads_the_same_again(id in "[a-z]{1,9}", title in "[^\\p{C}\\s]{1,20}", due in proptest::option::of(0..MINUTES_MAX)) {
            let result = json!([{"id": id, "title": title, "due_in_minutes": due}]);
            let once = actions_of(Some(&result)).unwrap();
            let shown: Vec<Value> = once.iter().map(Action::to_json).collect();
            prop_assert_eq!(actions_of(Some(&json!(shown))).unwrap(), once);
        }
    }
}
