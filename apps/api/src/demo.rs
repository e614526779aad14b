//! The demo organization: this project, assessed on its own documents.

use crate::{http::problem::Problem, serve::App};

/// Loads the demo organization where it is not there yet.
pub async fn load(_app: &App) -> Result<(), Problem> {
    Ok(())
}
