//! Skeletons: a migration, and a domain crate whose files are the ones that every domain has.

use std::fs;

use anyhow::{Result, ensure};

use crate::root;

/// Makes an empty migration, named after the time so that the order is that of writing.
pub fn migration(name: &str) -> Result<()> {
    ensure!(
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
        "a name is lower case with underscores"
    );
    let now = time::OffsetDateTime::now_utc();
    let stamp = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    );
    let folder = root().join("migrations").join(format!("{stamp}_{name}"));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("up.sql"), "-- What this adds, and why. Expand first; contract in a later version.\n")?;
    fs::write(folder.join("down.sql"), "-- Takes back what up.sql did.\n")?;
    println!("{}", folder.display());
    Ok(())
}

const FILES: &[(&str, &str)] = &[
    (
        "lib.rs",
        "//! The NAME domain.\n\npub mod ports;\n\nuse grc_kernel::resource::Declared;\n\npub use ports::TITLETx;\n\n/// The resources of this domain.\npub const RESOURCES: &[Declared] = &[];\n",
    ),
    (
        "ports.rs",
        "//! What this domain needs from the outside.\n\nuse grc_kernel::{JournalTx, resource::References};\n\n/// A transaction over this domain's repositories.\npub trait TITLETx: JournalTx + References {}\n\nimpl<T: JournalTx + References> TITLETx for T {}\n\n/// The transaction that the use cases take. (An alias, because in a signature `&mut dyn TITLETx` would mean a shorter\n/// life than the one in [`grc_kernel::Rules::Tx`].)\npub type Tx = dyn TITLETx;\n",
    ),
];

/// Makes a domain crate and says what is left to do.
pub fn domain(name: &str) -> Result<()> {
    ensure!(name.chars().all(|c| c.is_ascii_lowercase()), "a name is one word in lower case");
    let folder = root().join("crates").join(name);
    ensure!(!folder.exists(), "there is a crate {name} already");
    fs::create_dir_all(folder.join("src"))?;
    let title: String = name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
    for (file, text) in FILES {
        fs::write(folder.join("src").join(file), text.replace("NAME", name).replace("TITLE", &title))?;
    }
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"grc-{name}\"\ndescription = \"The {name} domain.\"\nversion.workspace = true\nedition.workspace = true\n\
             license.workspace = true\npublish.workspace = true\n\n[dependencies]\ngrc-kernel.workspace = true\n\n[lints]\nworkspace = true\n"
        ),
    )?;
    println!(
        "crates/{name} is made. Next, as docs/adding-a-domain.md says:\n\
         1. add grc-{name} to [workspace.dependencies];\n2. name {title}Tx in uow::AppTx and its RESOURCES in uow::registry;\n3. write crates/postgres/src/{name}.rs and a migration;\n4. write apps/api/src/routes/{name}.rs."
    );
    Ok(())
}
