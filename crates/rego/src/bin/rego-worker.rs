//! The worker by itself.

fn main() -> std::process::ExitCode {
    grc_rego::worker::run()
}
