//! Risks: the register, the indicators, the quantitative analyses, the scenarios and the dashboard over them.

pub mod dashboard;
pub mod fair;
pub mod kris;
pub mod register;
pub mod scenarios;

use paperclip::actix::web;

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    register::routes(config);
    kris::routes(config);
    fair::routes(config);
    scenarios::routes(config);
    dashboard::routes(config);
}
