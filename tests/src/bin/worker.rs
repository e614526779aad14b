//! What does the work of other processes for services that run inside the tests, as the service's own binary does it.

fn main() -> std::process::ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("pdf-worker") => grc_pdf_text::worker::run(),
        _ => grc_rego::worker::run(),
    }
}
