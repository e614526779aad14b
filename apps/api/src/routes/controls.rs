//! The controls that an organization runs.

use grc_assessments::{
    Control,
    control::{ComputedStatus, standings},
};
use grc_kernel::{Ctx, Refusal};
use grc_uow::Uow;
use paperclip::actix::web;

use crate::{
    http::resource::{Extra, Routes},
    served,
};

served! { "Controls", assessments;
    Control: "controls", "control_id", "control", "controls",
        const SUMMARIES: &'static [(&'static str, &'static str)] = &[
            ("list_controls", "The controls that the organization runs"),
            ("get_control", "One control, with its computed status and reasons"),
        ];,
        async fn extra(ctx: &Ctx, uow: &mut Uow, records: &[Self]) -> Result<Option<Vec<Extra>>, Refusal> {
            let show = |(status, reasons): (ComputedStatus, Vec<String>)| -> Extra {
                vec![("computed_status", status.as_str().into()), ("reasons", reasons.into())]
            };
            Ok(Some(standings(ctx, uow.assessments(), records).await?.into_iter().map(show).collect()))
        };
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    Routes::<Control>::all().into(config);
}
