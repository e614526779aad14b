//! The vendor domain: who supplies what, on which terms, how risky they are, and what they attest.

use paperclip::actix::web;

use crate::http::shape::Shape;

/// The shapes of this file, for the OpenAPI document.
pub static SHAPES: &[&Shape] = &[];

/// The routes.
pub fn routes(_: &mut web::ServiceConfig) {}
