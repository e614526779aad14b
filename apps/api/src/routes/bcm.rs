//! The business continuity domain: processes, what they depend on, and how they come back.

use paperclip::actix::web;

use crate::http::shape::Shape;

/// The shapes of this file, for the OpenAPI document.
pub static SHAPES: &[&Shape] = &[];

/// The routes.
pub fn routes(_: &mut web::ServiceConfig) {}
