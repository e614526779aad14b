//! What evaluates policies for services that run inside the tests.

fn main() -> std::process::ExitCode {
    grc_rego::worker::run()
}
