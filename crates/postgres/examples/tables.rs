//! Prints the tables that the declarations of resources call for: all of them, or those named.

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for resource in grc_uow::registry::resources() {
        if wanted.is_empty() || wanted.iter().any(|kind| kind == resource.kind) {
            #[allow(clippy::print_stdout, reason = "it prints")]
            {
                println!("{}", grc_postgres::ddl::create_table(resource));
            }
        }
    }
}
