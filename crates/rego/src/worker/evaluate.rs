//! What a worker does with a task: parse, check, evaluate.

use anyhow::anyhow;
use grc_policy::engine::{Module, RESULT_MAX, SourceError};
use regorus::{Engine, Value};

use super::{
    check,
    nesting::too_deep,
    protocol::{Answer, Task},
};

/// Built-in functions that no policy may call, with how many parameters they take: they reach outside, or answer
/// differently each time.
pub(super) const FORBIDDEN: &[(&str, u8)] = &[
    ("http.send", 1),
    ("net.lookup_ip_addr", 1),
    ("opa.runtime", 0),
    ("rand.intn", 2),
    ("time.now_ns", 0),
    ("uuid.rfc4122", 1),
];

/// Carries a task out.
pub(super) fn carry_out(task: &Task) -> Answer {
    match task {
        Task::Check { modules, name } => Answer::Checked(check_module(modules, name)),
        Task::Evaluate { modules, path, input } => match evaluate(modules, path, input) {
            Ok(answer) => answer,
            Err(error) => Answer::Failed(error.to_string()),
        },
    }
}

/// An engine with these modules.
fn engine(modules: &[Module]) -> Result<Engine, SourceError> {
    let mut engine = Engine::new();
    // What a policy prints goes nowhere; least of all among the answers.
    engine.set_gather_prints(true);
    engine.set_strict_builtin_errors(false);
    for (name, parameters) in FORBIDDEN {
        // The second lock beside the check: an extension comes before the built-in of its name, however it is called.
        let refuse = move |_: Vec<Value>| Err(anyhow!("{name} may not be called"));
        engine.add_extension((*name).to_owned(), *parameters, Box::new(refuse)).map_err(|error| plain(&error))?;
    }
    for module in modules {
        if let Some(error) = too_deep(&module.rego) {
            return Err(error);
        }
        engine.add_policy(module.name.clone(), module.rego.clone()).map_err(|error| plain(&error))?;
    }
    Ok(engine)
}

fn check_module(modules: &[Module], name: &str) -> Vec<SourceError> {
    let Some(module) = modules.iter().find(|module| module.name == name) else {
        return vec![SourceError { message: "there is no such module".to_owned(), line: None, column: None }];
    };
    // First by itself, so that its own errors are not taken for those of the others.
    if let Err(error) = engine(std::slice::from_ref(module)) {
        return vec![error];
    }
    let mut engine = match engine(modules) {
        Ok(engine) => engine,
        Err(error) => return vec![SourceError { line: None, column: None, ..error }],
    };
    let found = check::module(&mut engine, name);
    if !found.is_empty() {
        return found;
    }
    // Preparing an evaluation finds variables that nothing binds.
    match engine.eval_query("true".to_owned(), false) {
        Ok(_) => Vec::new(),
        Err(error) => vec![plain(&error)],
    }
}

fn evaluate(modules: &[Module], path: &[String], input: &serde_json::Value) -> anyhow::Result<Answer> {
    let mut engine = engine(modules).map_err(|error| anyhow!("{error}"))?;
    engine.set_input_json(&input.to_string())?;
    let query: String =
        std::iter::once("data".to_owned()).chain(path.iter().map(|name| format!("[\"{name}\"]"))).collect();
    let results = engine.eval_query(query, false).map_err(|error| anyhow!("{}", plain(&error)))?;
    let value =
        results.result.first().and_then(|result| result.expressions.first()).map(|expression| &expression.value);
    let Some(value) = value.filter(|value| !matches!(value, Value::Undefined)) else { return Ok(Answer::Undefined) };
    // Written out by pieces, so that a document that is small in memory and huge in text is cut short.
    let mut text = Bounded { text: Vec::new(), is_full: false };
    let written = serde_json::to_writer(&mut text, value);
    if text.is_full {
        return Ok(Answer::TooLarge);
    }
    written?;
    Ok(Answer::Defined(String::from_utf8(text.text)?))
}

/// A writer that refuses more than a result may have.
struct Bounded {
    text: Vec<u8>,
    is_full: bool,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.text.len() + bytes.len() > RESULT_MAX {
            self.is_full = true;
            return Err(std::io::Error::other("the result is too large"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An error of the evaluator without the picture of the line that it draws.
fn plain(error: &anyhow::Error) -> SourceError {
    let text = error.to_string();
    // The last error is the one that the others come of; what follows its first line are pictures of other places.
    let message = text.rsplit_once("error: ").map_or(text.as_str(), |(_, message)| message);
    let message = message.trim().lines().next().unwrap_or_default().trim_end_matches(':').to_owned();
    let place = text.split_once("--> ").and_then(|(_, rest)| rest.lines().next());
    let mut numbers = place.unwrap_or_default().rsplit(':').map(|number| number.parse().ok());
    let column = numbers.next().flatten();
    SourceError { message, line: numbers.next().flatten(), column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_an_error_is_found() {
        let error = anyhow!("\n--> a:b:12:5\n   |\n12 | x := \"error: y\"\n   |     ^\nerror: expecting something");
        let error = plain(&error);
        assert_eq!((error.line, error.column, error.message.as_str()), (Some(12), Some(5), "expecting something"));
        let error = plain(&anyhow!("no such thing"));
        assert_eq!((error.line, error.column, error.message.as_str()), (None, None, "no such thing"));
    }
}
