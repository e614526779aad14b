//! Skeletons: a migration, a domain, a resource. What they write compiles and passes the architecture's tests; what is
//! left is what only the author knows.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// Makes an empty migration, named after the time so that the order is that of writing; with the tables of resources
/// where kinds are named.
pub fn migration(root: &Path, name: &str, kinds: &[String]) -> Result<()> {
    ensure!(
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
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
    let folder = root.join("migrations").join(format!("{stamp}_{name}"));
    let mut up = "-- What this adds, and why. Expand first; contract in a later version.\n".to_owned();
    let mut down = "-- Takes back what up.sql did.\n".to_owned();
    if !kinds.is_empty() {
        let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
            .args(["run", "--quiet", "--package", "grc-postgres", "--example", "tables", "--"])
            .args(kinds)
            .env("CARGO_TARGET_DIR", crate::target())
            .current_dir(root)
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tables = String::from_utf8(output.stdout)?;
        ensure!(!tables.trim().is_empty(), "no resource of the registry has the kinds {}", kinds.join(", "));
        let mut names: Vec<&str> =
            tables.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split(' ').next()).collect();
        names.reverse();
        up.push_str(&format!("\n{}\n", tables.trim()));
        for call in tables.lines().filter_map(|line| line.strip_prefix("CALL make_searchable(")) {
            let searched: Vec<&str> = call.split(", ").take(2).map(|word| word.trim_end_matches(");")).collect();
            down.push_str(&format!("CALL make_unsearchable({});\n", searched.join(", ")));
        }
        down.extend(names.iter().map(|table| format!("DROP TABLE {table};\n")));
    }
    // Not before: the adapter that tells the tables embeds every folder that it finds.
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("up.sql"), up)?;
    fs::write(folder.join("down.sql"), down)?;
    println!("{}", folder.display());
    Ok(())
}

/// Puts text after the last of several anchors of a file, each the first one after that before it, however the file is
/// formatted.
fn insert_within(root: &Path, file: &str, anchors: &[&str], text: &str) -> Result<()> {
    let path = root.join(file);
    let whole = fs::read_to_string(&path).with_context(|| format!("reading {file}"))?;
    let mut at = 0;
    for anchor in anchors {
        let (_, rest) = whole.split_at(at);
        at += rest.find(anchor).with_context(|| format!("{file} has no «{anchor}»"))? + anchor.len();
    }
    let (head, tail) = whole.split_at(at);
    Ok(fs::write(path, format!("{head}{text}{tail}"))?)
}

/// Puts text before or after a line of a file that must be there.
fn insert(root: &Path, file: &str, anchor: &str, text: &str, after: bool) -> Result<()> {
    let path = root.join(file);
    let whole = fs::read_to_string(&path).with_context(|| format!("reading {file}"))?;
    let at = whole.find(anchor).with_context(|| format!("{file} has no «{anchor}»"))?;
    let at = if after { at + anchor.len() } else { at };
    let (head, tail) = whole.split_at(at);
    Ok(fs::write(path, format!("{head}{text}{tail}"))?)
}

fn title(name: &str) -> String {
    name.split('_')
        .map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>())
        .collect()
}

fn write(root: &Path, file: &str, text: &str) -> Result<()> {
    let path: PathBuf = root.join(file);
    fs::create_dir_all(path.parent().context("a file has a folder")?)?;
    Ok(fs::write(path, text)?)
}

/// Makes a domain: its crate, its adapter file, its routes and tests, and its name wherever domains are listed.
pub fn domain(root: &Path, name: &str) -> Result<()> {
    ensure!(!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()), "a name is one word in lower case");
    ensure!(!root.join("crates").join(name).exists(), "there is a crate {name} already");
    let tx = format!("{}Tx", title(name));
    let manifest = fs::read_to_string(root.join("crates/risk/Cargo.toml"))?;
    let manifest: String = manifest
        .lines()
        .map(|line| match line {
            line if line.starts_with("name = ") => format!("name = \"grc-{name}\"\n"),
            line if line.starts_with("description = ") => format!("description = \"The {name} domain.\"\n"),
            // The calculation crates of the model are its own.
            line if line.starts_with("grc-") && !line.starts_with("grc-kernel") => String::new(),
            line if ["uuid", "proptest"].iter().any(|unused| line.starts_with(unused)) => String::new(),
            line => format!("{line}\n"),
        })
        .collect();
    write(root, &format!("crates/{name}/Cargo.toml"), &manifest)?;
    write(
        root,
        &format!("crates/{name}/src/lib.rs"),
        &format!(
            "//! The {name} domain.\n\npub mod ports;\n\nuse grc_kernel::resource::Declared;\n\npub use ports::{tx};\n\n\
             /// The resources of this domain.\npub const RESOURCES: &[Declared] = &[];\n"
        ),
    )?;
    write(
        root,
        &format!("crates/{name}/src/ports.rs"),
        &format!(
            "//! What this domain needs from the outside.\n\nuse grc_kernel::{{JournalTx, resource::References}};\n\n\
             /// A transaction over this domain's repositories.\npub trait {tx}: JournalTx + References {{}}\n\n\
             impl<T: JournalTx + References> {tx} for T {{}}\n\n\
             /// The transaction that the use cases take. (An alias, because in a signature `&mut dyn {tx}` would mean a shorter\n\
             /// life than the one in [`grc_kernel::Rules::Tx`].)\npub type Tx = dyn {tx};\n"
        ),
    )?;
    write(
        root,
        &format!("crates/postgres/src/{name}.rs"),
        &format!("//! What the {name} domain needs beyond what every resource has.\n"),
    )?;
    write(
        root,
        &format!("apps/api/src/routes/{name}.rs"),
        &format!(
            "//! The {name} domain over HTTP.\n\nuse paperclip::actix::web;\n\nuse crate::http::shape::Shape;\n\n\
             /// The shapes of this file, for the OpenAPI document.\npub static SHAPES: &[&Shape] = &[];\n\n\
             /// The routes.\npub fn routes(_config: &mut web::ServiceConfig) {{}}\n"
        ),
    )?;
    write(root, &format!("tests/tests/all/{name}.rs"), &format!("//! The {name} domain over HTTP.\n"))?;
    let dependency = format!("grc-{name}.workspace = true\n");
    for (file, anchor, text, after) in [
        ("Cargo.toml", "grc-uow = {", format!("grc-{name} = {{ path = \"crates/{name}\" }}\n"), false),
        ("crates/uow/Cargo.toml", "grc-risk.workspace = true\n", dependency.clone(), true),
        ("crates/postgres/Cargo.toml", "grc-risk.workspace = true\n", dependency.clone(), true),
        ("apps/api/Cargo.toml", "grc-risk.workspace = true\n", dependency, true),
        (
            "tests/Cargo.toml",
            "grc-risk = {",
            format!("grc-{name} = {{ workspace = true, features = [\"contract\"] }}\n"),
            false,
        ),
        ("crates/uow/src/lib.rs", "+ RiskTx", format!("\n    + {tx}"), true),
        ("crates/uow/src/lib.rs", "use grc_risk::RiskTx;\n", format!("use grc_{name}::{tx};\n"), true),
        (
            "crates/uow/src/lib.rs",
            "    /// The whole transaction.\n",
            format!(
                "    /// The transaction as the {name} domain sees it.\n    pub fn {name}(&mut self) -> &mut grc_{name}::ports::Tx {{\n        self.tx.as_mut()\n    }}\n"
            ),
            false,
        ),
        ("crates/uow/src/registry.rs", "grc_risk::RESOURCES,", format!(" grc_{name}::RESOURCES,"), true),
        ("crates/postgres/src/lib.rs", "mod risk;\n", format!("mod {name};\n"), true),
        ("apps/api/src/routes/mod.rs", "pub mod risk;\n", format!("pub mod {name};\n"), true),
        ("apps/api/src/routes/mod.rs", "    risk::routes(config);\n", format!("    {name}::routes(config);\n"), true),
        ("apps/api/src/routes/mod.rs", "        risk::register::SHAPES,\n", format!("        {name}::SHAPES,\n"), true),
        ("tests/tests/all/main.rs", "mod risk;\n", format!("mod {name};\n"), true),
        ("tests/tests/all/architecture.rs", "    \"grc-risk\",\n", format!("    \"grc-{name}\",\n"), true),
    ] {
        insert(root, file, anchor, &text, after)?;
    }
    format_all(root);
    println!("crates/{name} is made and named wherever domains are. Next: cargo xtask new-resource {name} NAME");
    Ok(())
}

/// Makes a resource in a domain: its declaration, its routes, and its lines in the golden matrix.
pub fn resource(root: &Path, domain: &str, name: &str) -> Result<()> {
    ensure!(
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
        "a name is lower case with underscores"
    );
    ensure!(root.join("crates").join(domain).exists(), "there is no domain {domain}");
    ensure!(!root.join(format!("crates/{domain}/src/{name}.rs")).exists(), "{domain} has a {name} already");
    let (kind, many) = (title(name), format!("{name}s"));
    write(
        root,
        &format!("crates/{domain}/src/{name}.rs"),
        &format!(
            "//! What a {words} is, and what must hold of it.\n\n\
             use async_trait::async_trait;\nuse grc_kernel::{{Rules, UserId, resource, shape::Ty, typed_id}};\n\n\
             use crate::ports::Tx;\n\n\
             typed_id! {{\n    /// A {words}.\n    {kind}Id,\n}}\n\n\
             resource! {{\n    /// A {words}.\n    pub struct {kind}({kind}Id) as \"{kind}\" {{\n        kind: \"{name}\", table: \"{many}\", area: \"{domain}\", name: \"name\", sort: (\"created_at\", true),\n    }}\n    \
             /// Its name.\n    name: String = Ty::Line(200), required, sorts, searches;\n    \
             /// More about it.\n    description: Option<String> = Ty::Text(20_000), searches;\n    \
             /// Who answers for it: an active member.\n    owner_id: Option<UserId> = Ty::Ref(\"user\");\n}}\n\n\
             #[async_trait]\nimpl Rules for {kind} {{\n    type Tx = Tx;\n}}\n",
            words = name.replace('_', " "),
        ),
    )?;
    let lib = format!("crates/{domain}/src/lib.rs");
    insert(root, &lib, "pub mod ports;\n", &format!("pub mod {name};\n"), false)?;
    let declared = format!("Declared::of::<{name}::{kind}>(), ");
    insert_within(root, &lib, &["pub const RESOURCES: &[Declared]", "&["], &declared)?;
    let ports = format!("crates/{domain}/src/ports.rs");
    let bound = format!(" + grc_kernel::Repo<crate::{name}::{kind}>");
    let tx = format!("{}Tx", title(domain));
    // Both the trait's supertraits and the blanket implementation's bounds.
    insert_within(root, &ports, &[&format!("pub trait {tx}"), "References"], &bound)?;
    insert_within(root, &ports, &["impl<", "References"], &bound)?;
    let routes = format!("apps/api/src/routes/{domain}.rs");
    let served = format!(
        "\ncrate::served! {{ \"{tag}\", {domain};\n    grc_{domain}::{name}::{kind}: \"{domain}/{path}\", \"{name}_id\", \"{name}\", \"{many}\";\n}}\n",
        tag = title(domain),
        path = many.replace('_', "-"),
    );
    insert(root, &routes, "\n/// The routes.\n", &served, false)?;
    let text = fs::read_to_string(root.join(&routes))?.replace("routes(_config:", "routes(config:");
    write(root, &routes, &text)?;
    let line = format!(
        "\n    crate::http::resource::Routes::<grc_{domain}::{name}::{kind}>::all().with_history().into(config);\n"
    );
    insert(root, &routes, "pub fn routes(config: &mut web::ServiceConfig) {", &line, true)?;
    let path = format!("/api/v1/orgs/{{org_id}}/{domain}/{}", many.replace('_', "-"));
    let one = format!("{path}/{{{name}_id}}");
    let lines = format!(
        "GET    {path} read\nPOST   {path} write\nGET    {one} read\nPATCH  {one} write\nDELETE {one} write\nGET    {one}/history read\n"
    );
    let matrix = root.join("docs/authz-matrix.txt");
    fs::write(&matrix, fs::read_to_string(&matrix)? + &lines)?;
    format_all(root);
    println!(
        "{name} is declared and served. Next: its members in crates/{domain}/src/{name}.rs; cargo xtask new-migration add_{many} --of {name}; \
         cargo xtask openapi; its access classes in docs/authz-matrix.txt; a step for each change in tests/tests/all/walk.rs"
    );
    Ok(())
}

fn format_all(root: &Path) {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // A skeleton that is not formatted is still a skeleton.
    let _ = Command::new(cargo).args(["fmt", "--all"]).current_dir(root).status();
}
