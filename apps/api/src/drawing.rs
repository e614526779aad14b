//! Reports from data to files: frozen in one view of the data, drawn on threads of their own, as many at once as there
//! are cores. The others wait before they read anything, so that memory is bounded too.

use std::sync::LazyLock;

use actix_web::web::Data;
use grc_document::{Generation, html, json};
use grc_flows::reporting::{Wanted, freeze};
use grc_kernel::{Ctx, OrgId};
use grc_reports::Format;
use tokio::sync::Semaphore;

use crate::{VERSION, http::problem::Problem, serve::App};

/// The turns of those who draw.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)));

/// A file and the digest of the data that it was drawn from.
pub struct Drawn {
    /// The file.
    pub bytes: Vec<u8>,
    /// SHA-256 of the data, in hex.
    pub digest: String,
}

/// Draws a report in a format.
pub async fn draw(app: &Data<App>, ctx: &Ctx, org: OrgId, wanted: &Wanted, format: Format) -> Result<Drawn, Problem> {
    let turn = TURNS.acquire().await.map_err(|error| Problem::new(500, error.to_string()))?;
    let frozen = app.db.frozen(org, async |uow| freeze(ctx, uow, wanted, &app.hazards).await).await?;
    let at = ctx.now;
    let drawn = tokio::task::spawn_blocking(move || {
        // Held by the work itself: a caller who goes away does not make room before it ends.
        let _turn = turn;
        let document = frozen()?;
        let generation = Generation { at, version: VERSION.to_owned(), digest: document.digest() };
        let bytes = match format {
            Format::Json => json::file(&document, &generation),
            Format::Html => html::page(&document, &generation).into_bytes(),
            Format::Pdf => grc_report_pdf::draw(&document, &generation).map_err(broken)?,
            Format::Xlsx => grc_report_xlsx::write(&document, &generation).map_err(broken)?,
        };
        Ok::<_, Problem>(Drawn { bytes, digest: generation.digest })
    });
    drawn.await.map_err(broken)?
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::new(500, error.to_string())
}
