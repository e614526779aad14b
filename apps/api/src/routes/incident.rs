//! The incident domain: what happened, the phases of the response (NIST SP 800-61), its clocks and its record.

use paperclip::actix::web;

use crate::http::shape::Shape;

/// The shapes of this file, for the OpenAPI document.
pub static SHAPES: &[&Shape] = &[];

/// The routes.
pub fn routes(_: &mut web::ServiceConfig) {}
