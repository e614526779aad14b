//! Questionnaires: what vendors are asked. One that is asked stays as it is, so that what was answered means what it meant
//! then; a new version is a new questionnaire, and an old one is retired.

use async_trait::async_trait;
use grc_kernel::{
    Checker, Ctx, Refusal, Resource, Rules, kit,
    list::Scalar,
    resource,
    resource::Nested,
    shape::{Preset, Ty},
    typed_id,
};

use crate::{
    Assessment,
    ports::Tx,
    rules::template::{SECTIONS_MAX, Section, verify},
};

typed_id! {
    /// A questionnaire.
    QuestionnaireId,
}

resource! {
    /// A questionnaire that vendors answer.
    pub struct Questionnaire(QuestionnaireId) as "VendorQuestionnaire" {
        kind: "vendor_questionnaire", table: "vendor_questionnaires", area: "vendor", name: "name",
        sort: ("created_at", true),
    }
    /// What it is called.
    name: String = Ty::Line(200), required, sorts, searches;
    /// What it is for.
    description: Option<String> = Ty::Text(20_000), searches;
    /// Which version of it this is.
    version: String = Ty::Line(50), preset(Preset::Text("1")), fixed, filters;
    /// Whether it is asked no more.
    retired: bool = Ty::Bool, preset(Preset::Bool(false));
    /// What it asks, section by section.
    sections: Vec<Section> = Ty::List(&Ty::Object(Section::SHAPE), SECTIONS_MAX), required, fixed, at_least(1);
    /// How many questions it has.
    question_count: i64 = Ty::Int(0, 1_000), computed, sorts;
}

#[async_trait]
impl Rules for Questionnaire {
    type Tx = Tx;

    async fn settle(
        _: &Ctx,
        _: &mut Tx,
        before: Option<&Self>,
        after: &mut Self,
        check: &mut Checker,
    ) -> Result<(), Refusal> {
        if before.is_none() {
            verify(&mut after.sections, check);
            let count: usize = after.sections.iter().map(|section| section.questions.len()).sum();
            after.question_count = i64::try_from(count).unwrap_or(i64::MAX);
        }
        Ok(())
    }

    async fn leave(ctx: &Ctx, tx: &mut Tx, record: &Self) -> Result<(), Refusal> {
        let of = Assessment::LIST.query().only("template_id", vec![Scalar::Id(record.id.0)]);
        match kit::count::<Assessment>(ctx, tx, &of).await? {
            0 => Ok(()),
            count => Err(Refusal::Conflict(format!(
                "the questionnaire is still referred to by assessments ({count}): retire it instead"
            ))),
        }
    }
}
