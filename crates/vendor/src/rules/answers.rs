//! What may be answered: of each question what it takes, and of a questionnaire nothing that it does not ask.

use std::collections::HashMap;

use grc_kernel::{Checker, FieldError, shape::Ty};
use serde_json::{Map, Value};

use super::template::{Question, QuestionType, Section};

/// The most characters of an answer in words.
const TEXT_MAX: usize = 4_000;
/// The most bytes of all answers as JSON: lists hold up to two hundred assessments.
pub const SIZE_MAX: usize = 128 * 1024;

/// Reads answers: questions that the template does not have and values that a question does not take are noted, `null`
/// and nothing but white space are no answer, and values become the options that they name.
pub fn read(sections: &[Section], given: &Map<String, Value>) -> Result<Map<String, Value>, Vec<FieldError>> {
    let questions: HashMap<&str, &Question> = sections
        .iter()
        .flat_map(|section| &section.questions)
        .map(|question| (question.key.as_str(), question))
        .collect();
    let mut check = Checker::new();
    let mut answers = Map::new();
    for (key, value) in given {
        let at = format!("answers.{key}");
        let Some(question) = questions.get(key.as_str()) else {
            check.note(at, "unknown", "the questionnaire has no such question");
            continue;
        };
        if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
            continue;
        }
        if let Some(answer) = answer(question, &at, value, &mut check) {
            answers.insert(key.clone(), answer);
        }
    }
    let size: usize = answers.iter().map(|(key, value)| key.len().saturating_add(value.to_string().len())).sum();
    check.ensure(size <= SIZE_MAX, "answers", "too_long", format!("may have {SIZE_MAX} bytes as JSON"));
    check.finish().map(|()| answers)
}

fn answer(question: &Question, at: &str, value: &Value, check: &mut Checker) -> Option<Value> {
    let unknown = |at: &str, check: &mut Checker| {
        let values: Vec<String> = question.options.iter().map(|option| option.value.to_string()).collect();
        check.note(at, "invalid", format!("must be one of {}", values.join(", ")));
    };
    match (question.kind.0, value) {
        (QuestionType::MultipleChoice, Value::Array(values)) => {
            let mut chosen: Vec<Value> = Vec::new();
            for (i, value) in values.iter().enumerate().take(question.options.len().saturating_add(1)) {
                match question.option(value) {
                    Some(option) if chosen.contains(&option.value) => {
                        check.note(format!("{at}[{i}]"), "repeated", "is chosen already");
                    }
                    Some(option) => chosen.push(option.value.clone()),
                    None => unknown(&format!("{at}[{i}]"), check),
                }
            }
            (!chosen.is_empty()).then_some(Value::Array(chosen))
        }
        (QuestionType::MultipleChoice, _) => {
            check.note(at, "type", "must be a list");
            None
        }
        (QuestionType::SingleChoice | QuestionType::YesNo, value) => {
            let option = question.option(value);
            if option.is_none() {
                unknown(at, check);
            }
            option.map(|option| option.value.clone())
        }
        (QuestionType::Number, value) => {
            check.ensure(value.is_number(), at, "type", "must be a number");
            Some(value.clone())
        }
        (QuestionType::Text, Value::String(text)) => {
            check.text_to(at, text, TEXT_MAX);
            Some(value.clone())
        }
        (QuestionType::Text, _) => {
            check.note(at, "type", "must be a text");
            None
        }
        (QuestionType::Date, value) => {
            Ty::Date.check(at, value, check);
            Some(value.clone())
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use grc_kernel::resource::{Cell, Codec};
    use serde_json::json;

    use super::*;
    use crate::rules::template::verify;

    pub(crate) fn sections(sections: Value) -> Vec<Section> {
        let mut sections: Vec<Section> = Codec::from_cell(Cell::Json(sections)).unwrap();
        let mut check = Checker::new();
        verify(&mut sections, &mut check);
        check.finish().unwrap();
        sections
    }

    pub(crate) fn template() -> Vec<Section> {
        sections(json!([
            {"title": "Access", "questions": [
                {"key": "mfa", "text": "?", "type": "yes_no", "weight": 3},
                {"key": "mfa_kind", "text": "?", "type": "single_choice", "weight": 1, "category": "Factors",
                 "options": [{"value": "key", "score": 100}, {"value": "sms", "score": 40}, {"value": "n/a"}],
                 "visible_if": {"question": "mfa", "equals": "yes"}},
                {"key": "why_sms", "text": "?", "type": "text", "visible_if": {"question": "mfa_kind", "equals": "sms"}},
            ]},
            {"title": "Data", "questions": [
                {"key": "at_rest", "text": "?", "type": "multiple_choice", "weight": 2,
                 "options": [{"value": 1, "score": 60}, {"value": 2, "score": 30}, {"value": 3, "score": 30}]},
                {"key": "backups", "text": "?", "type": "number", "visible_if": {"question": "at_rest", "equals": 2}},
                {"key": "since", "text": "?", "type": "date"},
            ]},
        ]))
    }

    pub(crate) fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn every_wrong_answer_is_named() {
        let template = template();
        let wrong = json!({
            "nothing": 1, "mfa": "maybe", "mfa_kind": 7, "why_sms": ["x"], "at_rest": [1, 1, 9], "backups": "3",
            "since": "2026-02-30",
        });
        let errors = read(&template, &object(wrong)).unwrap_err();
        let mut found: Vec<String> = errors.into_iter().map(|e| format!("{} {}", e.field, e.code)).collect();
        found.sort();
        let expected = [
            "answers.at_rest[1] repeated",
            "answers.at_rest[2] invalid",
            "answers.backups type",
            "answers.mfa invalid",
            "answers.mfa_kind invalid",
            "answers.nothing unknown",
            "answers.since type",
            "answers.why_sms type",
        ];
        assert_eq!(found, expected);
        let code = |answers: Value| read(&template, &object(answers)).unwrap_err().first().map(|e| e.code);
        assert_eq!(code(json!({"at_rest": 1})), Some("type"));
        assert_eq!(code(json!({"why_sms": "x".repeat(TEXT_MAX + 1)})), Some("too_long"));
        assert_eq!(code(json!({"why_sms": "a\u{0}b"})), Some("control_character"));
        let questions: Vec<_> = (0..40).map(|n| json!({"key": n.to_string(), "text": "?", "type": "text"})).collect();
        let many = sections(json!([{"title": "S", "questions": questions}]));
        let long: Map<String, Value> = (0..40).map(|n| (n.to_string(), json!("x".repeat(TEXT_MAX)))).collect();
        assert_eq!(read(&many, &long).unwrap_err().first().map(|e| e.code), Some("too_long"));
    }
}
