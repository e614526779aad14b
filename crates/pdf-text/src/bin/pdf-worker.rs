//! The worker by itself.

fn main() -> std::process::ExitCode {
    grc_pdf_text::worker::run()
}
