//! Finds PostgreSQL's programs. Which of several installations is used depends on what made the data.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::ClusterError;

/// The oldest major version that the service works with.
const OLDEST: u32 = 15;
/// Where Debian and Ubuntu keep them, a folder for each major version; they do not put them on the `PATH`.
const PACKAGED: &str = "/usr/lib/postgresql";

/// PostgreSQL's programs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The folder that holds them.
    pub folder: PathBuf,
    /// The major version.
    pub major: u32,
    /// The version in full, such as `15.14`.
    pub version: String,
}

impl Binaries {
    /// The path of a program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Finds the programs: on the `PATH` given, else the newest that Debian's packages installed.
pub fn find(path: Option<&OsStr>) -> Result<Binaries, ClusterError> {
    find_for(None, path, None)
}

/// Finds the programs in a directory where one is given, else as [`find`] does; where data exists, those of the
/// version that made it, if they are among them.
pub fn find_for(bin_dir: Option<&Path>, path: Option<&OsStr>, made_by: Option<u32>) -> Result<Binaries, ClusterError> {
    let (folders, looked) = match bin_dir {
        Some(folder) => (vec![folder.to_path_buf()], format!("in {}", folder.display())),
        None => (candidates(path), format!("on the PATH or under {PACKAGED}")),
    };
    let mut found = folders.into_iter().filter(|folder| complete(folder)).map(inspect).peekable();
    let first = found.peek().cloned().ok_or(ClusterError::NotInstalled { looked })?;
    let usable: Vec<Binaries> = found.filter(|binaries| binaries.major >= OLDEST).collect();
    let chosen = usable.iter().find(|binaries| Some(binaries.major) == made_by).or(usable.first());
    chosen.cloned().ok_or(ClusterError::TooOld { path: first.folder, version: first.version })
}

fn candidates(path: Option<&OsStr>) -> Vec<PathBuf> {
    let on_path = path.into_iter().flat_map(std::env::split_paths).filter_map(|folder| {
        // A link such as /usr/bin/postgres leads to the folder that has the other programs too.
        let real = folder.join("postgres").canonicalize().ok()?;
        Some(real.parent()?.to_path_buf())
    });
    let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir(PACKAGED)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    packaged.sort();
    on_path.chain(packaged.into_iter().rev().map(|(_, folder)| folder)).collect()
}

fn complete(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

fn inspect(folder: PathBuf) -> Binaries {
    let output = Command::new(folder.join("postgres")).arg("--version").env_clear().current_dir("/").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let version = version(&said).unwrap_or(&said).to_owned();
    let major = major(&version).unwrap_or(0);
    Binaries { folder, major, version }
}

/// The version in «postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)»: the first word that is one. A version
/// before its release is written `18beta1`.
fn version(said: &str) -> Option<&str> {
    said.split_whitespace().find(|word| major(word).is_some())
}

fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packaged_programs_are_found_without_a_path() {
        let found = find(None).unwrap();
        assert!(found.major >= OLDEST && found.program("initdb").is_file());
        assert!(found.version.starts_with(&found.major.to_string()));
    }

    #[test]
    fn versions_are_read_from_what_the_program_says() {
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)";
        assert_eq!(version(debian), Some("15.14"));
        assert_eq!(version("postgres (PostgreSQL) 18beta1").and_then(major), Some(18));
        assert_eq!(version("no such thing"), None);
    }

    #[test]
    fn an_old_version_is_refused_by_name() {
        let folder = std::env::temp_dir().join(format!("grc-old-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["initdb", "postgres"] {
            let program = folder.join(name);
            std::fs::write(&program, "#!/bin/sh\necho 'postgres (PostgreSQL) 13.4'\n").unwrap();
            std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let refused = find_for(Some(&folder), None, None);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(refused, Err(ClusterError::TooOld { version, .. }) if version == "13.4"));
    }

    #[test]
    fn a_directory_without_them_is_named_with_the_command_that_installs_them() {
        let message = find_for(Some(Path::new("/nowhere")), None, None).unwrap_err().to_string();
        assert!(message.contains("/nowhere") && message.contains("apt-get install -y postgresql"), "{message}");
        assert!(message.contains("elsewhere install PostgreSQL 15 or newer"), "{message}");
    }
}
