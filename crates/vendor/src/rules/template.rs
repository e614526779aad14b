//! What a questionnaire may ask: sections of questions, with weights, categories, scored options and conditions.

use std::collections::HashMap;

use grc_kernel::{
    Checker, nested,
    resource::{Cell, CellRef, Codec, Misfit, Nested, One},
    shape::{Preset, Ty, forms},
    wire_enum,
};
use serde_json::Value;

/// The most sections of a template.
pub const SECTIONS_MAX: usize = 100;
/// The most questions of a template.
pub const QUESTIONS_MAX: usize = 1_000;
/// The most characters of a template's sections as JSON: lists hold up to two hundred of them.
pub const SIZE_MAX: usize = 256 * 1024;

wire_enum! {
    /// What an answer looks like.
    pub enum QuestionType {
        /// One of the options.
        SingleChoice = "single_choice",
        /// Any of the options.
        MultipleChoice = "multiple_choice",
        /// Yes or no; options where they are scored otherwise than 100 and 0, or where there is a third.
        YesNo = "yes_no",
        /// A number; not scored.
        Number = "number",
        /// A text; not scored.
        Text = "text",
        /// A day; not scored.
        Date = "date",
    }
}

/// What a question may be called in a request: its type, or what other questionnaires' tools call it.
const TYPE_WORDS: &[&str] = &[
    "single_choice",
    "multiple_choice",
    "yes_no",
    "number",
    "text",
    "date",
    "choice",
    "single",
    "select",
    "multiple",
    "multi_choice",
    "multi_select",
    "boolean",
    "free_text",
];

/// The type of a question, whatever word named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked(pub QuestionType);

impl Codec for Asked {
    fn blank() -> Self {
        Self(QuestionType::Text)
    }

    fn cell(&self) -> CellRef<'_> {
        CellRef::Text(self.0.as_str())
    }

    fn from_cell(cell: Cell) -> Result<Self, Misfit> {
        let Cell::Text(word) = cell else { return Err(Misfit) };
        Ok(Self(match word.as_str() {
            "choice" | "single" | "select" => QuestionType::SingleChoice,
            "multiple" | "multi_choice" | "multi_select" => QuestionType::MultipleChoice,
            "boolean" => QuestionType::YesNo,
            "free_text" => QuestionType::Text,
            word => QuestionType::parse(word).ok_or(Misfit)?,
        }))
    }
}

nested! {
    /// An answer that can be chosen.
    pub struct AnswerOption as "QuestionnaireOption" {
        /// The answer.
        value: Value = Ty::Scalar, required;
        /// What it is called, where that is more than the value.
        label: Option<String> = Ty::Line(500);
        /// What it is worth, from 0 (worst) to 100 (best). Without a score it counts as answered and is worth nothing
        /// either way: not applicable.
        score: Option<f64> = Ty::Number(0.0, 100.0);
    }

    /// When a question is asked: where an earlier one has this answer.
    pub struct Condition as "QuestionnaireCondition" {
        /// The key of the earlier question.
        question: String = Ty::Line(100), required;
        /// The answer, one of its options.
        equals: Value = Ty::Scalar, required;
    }

    /// A question.
    pub struct Question as "QuestionnaireQuestion" {
        /// The key that answers name it by.
        key: String = Ty::Line(100), required;
        /// What is asked.
        text: String = Ty::Text(2_000), required, at_least(1), of_form(forms::SOMETHING);
        /// What an answer looks like.
        kind: Asked = Ty::Word(TYPE_WORDS), required, named("type");
        /// How much it counts among the others.
        weight: f64 = Ty::Number(0.0, 1_000.0), preset(Preset::Number(1.0));
        /// What it is about; the section's title where that is not said.
        category: Option<String> = Ty::Line(100);
        /// The answers that can be chosen.
        options: Vec<AnswerOption> = Ty::List(&Ty::Object(AnswerOption::SHAPE), 50),
            sample(r#"[{"value": "yes", "score": 100}, {"value": "no", "score": 0}]"#);
        /// When it is asked; always where that is not said.
        visible_if: Option<One<Condition>> = Ty::Object(Condition::SHAPE);
        /// What helps to answer it.
        guidance: Option<String> = Ty::Text(2_000);
    }

    /// A section.
    pub struct Section as "QuestionnaireSection" {
        /// Its title.
        title: String = Ty::Line(200), required;
        /// What it is about.
        description: Option<String> = Ty::Text(2_000);
        /// Its questions.
        questions: Vec<Question> = Ty::List(&Ty::Object(Question::SHAPE), QUESTIONS_MAX), required;
    }
}

/// Whether two values of options are the same: JSON does not tell 1 from 1.0.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    }
}

impl Question {
    /// Whether it is answered by its options.
    pub fn has_options(&self) -> bool {
        matches!(self.kind.0, QuestionType::SingleChoice | QuestionType::MultipleChoice | QuestionType::YesNo)
    }

    /// The option that a value names. Of a yes-or-no question `true` is yes.
    pub fn option(&self, value: &Value) -> Option<&AnswerOption> {
        self.options.iter().find(|option| same(&option.value, value)).or_else(|| {
            let word = if value.as_bool()? { "yes" } else { "no" };
            let yes_no = self.kind.0 == QuestionType::YesNo;
            self.options
                .iter()
                .find(|option| yes_no && option.value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(word)))
        })
    }

    /// Gives a yes-or-no question the options that go without saying.
    fn complete(&mut self) {
        if self.kind.0 == QuestionType::YesNo && self.options.is_empty() {
            let option = |value: &str, score| AnswerOption { value: value.into(), label: None, score: Some(score) };
            self.options = vec![option("yes", 100.0), option("no", 0.0)];
        }
    }
}

/// Completes the sections of a template and notes everything that is wrong with them.
pub fn verify(sections: &mut [Section], check: &mut Checker) {
    let mut known: HashMap<String, Question> = HashMap::new();
    let mut count: usize = 0;
    for (s, section) in sections.iter_mut().enumerate() {
        for (q, question) in section.questions.iter_mut().enumerate() {
            question.complete();
            count = count.saturating_add(1);
            let at = |member: &str| format!("sections[{s}].questions[{q}].{member}");
            check.ensure(!question.text.trim().is_empty(), &at("text"), "required", "may not be empty");
            options(question, &at, check);
            condition(question, &known, &at, check);
            if known.contains_key(&question.key) {
                check.note(at("key"), "repeated", "is the key of an earlier question");
            } else {
                known.insert(question.key.clone(), question.clone());
            }
        }
    }
    check.ensure(count > 0, "sections", "too_few", "needs at least one question");
    check.ensure(count <= QUESTIONS_MAX, "sections", "too_many", format!("may hold {QUESTIONS_MAX} questions"));
    let size: usize = sections.iter().map(|section| section.to_json().to_string().len()).sum();
    check.ensure(size <= SIZE_MAX, "sections", "too_long", format!("may have {SIZE_MAX} bytes as JSON"));
}

fn options(question: &Question, at: &impl Fn(&str) -> String, check: &mut Checker) {
    if !question.has_options() {
        let detail = format!("a question of the type {} has no options", question.kind.0);
        check.ensure(question.options.is_empty(), &at("options"), "unknown", detail);
        return;
    }
    check.ensure(!question.options.is_empty(), &at("options"), "too_few", "needs at least one option");
    for (o, option) in question.options.iter().enumerate() {
        let twice = question.options.iter().take(o).any(|other| same(&other.value, &option.value));
        check.ensure(!twice, &at(&format!("options[{o}].value")), "repeated", "is the value of an earlier option");
    }
}

fn condition(
    question: &Question,
    known: &HashMap<String, Question>,
    at: &impl Fn(&str) -> String,
    check: &mut Checker,
) {
    let Some(One(condition)) = &question.visible_if else { return };
    let Some(other) = known.get(&condition.question) else {
        check.note(at("visible_if.question"), "unknown_reference", "is not the key of an earlier question");
        return;
    };
    if !other.has_options() {
        check.note(at("visible_if.question"), "invalid", "is answered by no options that could be compared with");
        return;
    }
    let known = other.option(&condition.equals).is_some();
    check.ensure(known, &at("visible_if.equals"), "unknown_reference", "is not one of that question's options");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(sections: Value) -> Vec<String> {
        let mut sections: Vec<Section> = Codec::from_cell(Cell::Json(sections)).unwrap();
        let mut check = Checker::new();
        verify(&mut sections, &mut check);
        let errors = check.finish().err().unwrap_or_default();
        errors.into_iter().map(|error| format!("{} {}", error.field, error.code)).collect()
    }

    #[test]
    fn every_way_of_being_wrong_is_named() {
        let one = |more: Value| {
            let mut question = json!({"key": "k", "text": "?", "type": "yes_no"});
            question.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([{"title": "S", "questions": [
                {"key": "first", "text": "?", "type": "choice", "options": [{"value": 1, "score": 50}, {"value": "x"}]},
                {"key": "note", "text": "?", "type": "text"},
                question,
            ]}])
        };
        let at = |member: &str| format!("sections[0].questions[2].{member}");
        for (sections, expected) in [
            (json!([]), vec!["sections too_few".to_owned()]),
            (json!([{"title": "S", "questions": []}]), vec!["sections too_few".to_owned()]),
            (one(json!({})), vec![]),
            (one(json!({"key": "first"})), vec![at("key repeated")]),
            (one(json!({"text": " \n"})), vec![at("text required")]),
            (one(json!({"type": "select"})), vec![at("options too_few")]),
            (one(json!({"type": "number", "options": [{"value": 1}]})), vec![at("options unknown")]),
            (
                one(json!({"options": [{"value": 1}, {"value": 2}, {"value": 1.0}]})),
                vec![at("options[2].value repeated")],
            ),
            (one(json!({"visible_if": {"question": "first", "equals": 1.0}})), vec![]),
            (
                one(json!({"visible_if": {"question": "first", "equals": "1"}})),
                vec![at("visible_if.equals unknown_reference")],
            ),
            (
                one(json!({"visible_if": {"question": "later", "equals": 1}})),
                vec![at("visible_if.question unknown_reference")],
            ),
            (
                one(json!({"visible_if": {"question": "k", "equals": "yes"}})),
                vec![at("visible_if.question unknown_reference")],
            ),
            (one(json!({"visible_if": {"question": "note", "equals": "x"}})), vec![at("visible_if.question invalid")]),
        ] {
            assert_eq!(errors(sections.clone()), expected, "{sections}");
        }
        let many: Vec<_> =
            (0..=QUESTIONS_MAX).map(|n| json!({"key": n.to_string(), "text": "?", "type": "text"})).collect();
        let halves: Vec<_> = many.chunks(501).map(|part| json!({"title": "S", "questions": part})).collect();
        assert_eq!(errors(json!(halves)), ["sections too_many"]);
        let long: Vec<_> =
            (0..200).map(|n| json!({"key": n.to_string(), "text": "x".repeat(1_500), "type": "text"})).collect();
        assert_eq!(errors(json!([{"title": "S", "questions": long}])), ["sections too_long"]);
    }

    #[test]
    fn other_words_for_types_are_understood_and_yes_or_no_goes_without_options() {
        for (word, kind) in [("boolean", QuestionType::YesNo), ("choice", QuestionType::SingleChoice)] {
            assert_eq!(Asked::from_cell(Cell::Text(word.into())).unwrap(), Asked(kind));
        }
        assert!(TYPE_WORDS.iter().all(|word| Asked::from_cell(Cell::Text((*word).into())).is_ok()));
        assert!(QuestionType::NAMES.iter().all(|name| TYPE_WORDS.contains(name)));
        let sections = json!([{"title": "S", "questions": [{"key": "k", "text": "?", "type": "boolean"}]}]);
        let mut sections: Vec<Section> = Codec::from_cell(Cell::Json(sections)).unwrap();
        verify(&mut sections, &mut Checker::new());
        let question = &sections[0].questions[0];
        assert_eq!(question.weight, 1.0);
        for (value, score) in [(json!(true), 100.0), (json!("yes"), 100.0), (json!(false), 0.0), (json!("no"), 0.0)] {
            assert_eq!(question.option(&value).and_then(|option| option.score), Some(score), "{value}");
        }
        assert!(question.option(&json!("Yes")).is_none() && question.option(&json!(1)).is_none());
    }
}
