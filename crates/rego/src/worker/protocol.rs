//! What is said between the service and a worker: one line of JSON each way.

use grc_policy::engine::{EngineError, Module, SourceError};
use serde_json::{Value, json};

/// The longest task, in bytes.
pub const TASK_MAX: u64 = 16 * 1024 * 1024;

/// What a worker is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// To look for what is wrong with one of the modules.
    Check {
        /// The modules.
        modules: Vec<Module>,
        /// The one that is meant.
        name: String,
    },
    /// To work out the document at a path.
    Evaluate {
        /// The modules.
        modules: Vec<Module>,
        /// The path, by segments.
        path: Vec<String>,
        /// The input.
        input: Value,
    },
}

/// What a worker answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What is wrong with the module.
    Checked(Vec<SourceError>),
    /// The document, as JSON text.
    Defined(String),
    /// There is no document at the path.
    Undefined,
    /// A limit was reached.
    Stopped(String),
    /// It cannot be evaluated.
    Failed(String),
    /// The document is too large.
    TooLarge,
}

impl Task {
    /// The task as a line.
    pub fn to_line(&self) -> String {
        let modules = |modules: &[Module]| -> Vec<Value> {
            modules.iter().map(|module| json!([module.name, module.rego])).collect()
        };
        let body = match self {
            Self::Check { modules: all, name } => json!({"modules": modules(all), "check": name}),
            Self::Evaluate { modules: all, path, input } => {
                json!({"modules": modules(all), "path": path, "input": input})
            }
        };
        format!("{body}\n")
    }

    /// The task of a line.
    pub fn of_line(line: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(line).map_err(|error| format!("a task cannot be read: {error}"))?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let modules = body.get("modules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let modules: Option<Vec<Module>> =
            modules.iter().map(|one| Some(Module { name: text(one.get(0))?, rego: text(one.get(1))? })).collect();
        let modules = modules.ok_or("a task has modules that are none")?;
        if let Some(name) = text(body.get("check")) {
            return Ok(Self::Check { modules, name });
        }
        let path = body.get("path").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let path: Option<Vec<String>> = path.iter().map(|segment| text(Some(segment))).collect();
        let path = path.ok_or("a task has a path that is none")?;
        Ok(Self::Evaluate { modules, path, input: body.get("input").cloned().unwrap_or_default() })
    }
}

impl Answer {
    /// The answer as a line.
    pub fn to_line(&self) -> String {
        match self {
            // What is written already is not read and written again.
            Self::Defined(text) => format!("{{\"result\":{text}}}\n"),
            Self::Undefined => "{}\n".to_owned(),
            Self::Stopped(detail) => format!("{}\n", json!({"stopped": detail})),
            Self::Failed(detail) => format!("{}\n", json!({"failed": detail})),
            Self::TooLarge => format!("{}\n", json!({"too_large": true})),
            Self::Checked(errors) => {
                let errors: Vec<Value> =
                    errors.iter().map(|error| json!([error.message, error.line, error.column])).collect();
                format!("{}\n", json!({"errors": errors}))
            }
        }
    }
}

/// What an answer's line says: errors of a check, or a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// The errors of a module.
    Errors(Vec<SourceError>),
    /// The document, where there is one.
    Result(Option<Value>),
}

/// Reads an answer's line.
pub fn read_answer(line: &[u8]) -> Result<Said, EngineError> {
    let broken = || EngineError::Unavailable("the evaluator does not answer as it should".to_owned());
    let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(line) else { return Err(broken()) };
    if let Some(Value::Array(errors)) = body.get("errors") {
        let number = |value: Option<&Value>| value.and_then(Value::as_u64).and_then(|number| number.try_into().ok());
        let error = |error: &Value| SourceError {
            message: error.get(0).and_then(Value::as_str).unwrap_or_default().to_owned(),
            line: number(error.get(1)),
            column: number(error.get(2)),
        };
        return Ok(Said::Errors(errors.iter().map(error).collect()));
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(detail) = text("stopped") {
        return Err(EngineError::Stopped(detail));
    }
    if let Some(detail) = text("failed") {
        return Err(EngineError::Failed(detail));
    }
    if body.contains_key("too_large") {
        return Err(EngineError::TooLarge);
    }
    Ok(Said::Result(body.remove("result")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_and_answers_survive_the_way() {
        let modules = vec![Module { name: "a\nb".to_owned(), rego: "package a\n\n# \"é\"\n".to_owned() }];
        let tasks = [
            Task::Check { modules: modules.clone(), name: "a\nb".to_owned() },
            Task::Evaluate { modules, path: vec!["org".to_owned()], input: json!({"x": [1, null, "\n"]}) },
        ];
        for task in tasks {
            let line = task.to_line();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(Task::of_line(line.as_bytes()).unwrap(), task);
        }
        let error = SourceError { message: "x".to_owned(), line: Some(3), column: None };
        let answers = [
            (Answer::Checked(vec![error.clone()]), Ok(Said::Errors(vec![error]))),
            (Answer::Defined("null".to_owned()), Ok(Said::Result(Some(Value::Null)))),
            (Answer::Undefined, Ok(Said::Result(None))),
            (Answer::Stopped("s".to_owned()), Err(EngineError::Stopped("s".to_owned()))),
            (Answer::Failed("f".to_owned()), Err(EngineError::Failed("f".to_owned()))),
            (Answer::TooLarge, Err(EngineError::TooLarge)),
        ];
        for (answer, said) in answers {
            assert_eq!(read_answer(answer.to_line().as_bytes()), said);
        }
    }

    #[test]
    fn a_line_that_is_no_answer_is_no_verdict() {
        for line in ["", "[]", "true", "{\"result\":tr"] {
            assert!(matches!(read_answer(line.as_bytes()), Err(EngineError::Unavailable(_))), "{line}");
        }
    }
}
