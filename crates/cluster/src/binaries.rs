//! Finds PostgreSQL's programs.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::ClusterError;

/// The oldest major version that the service works with.
const OLDEST: u32 = 15;

/// PostgreSQL's programs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The folder that holds them.
    pub folder: PathBuf,
    /// The major version.
    pub major: u32,
}

impl Binaries {
    /// The path of a program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Finds the programs: on the `PATH` given, else the newest under `/usr/lib/postgresql` (Debian and Ubuntu do
/// not put them on the `PATH`).
pub fn find(path: Option<&OsStr>) -> Result<Binaries, ClusterError> {
    let on_path = path.into_iter().flat_map(std::env::split_paths).filter_map(|folder| {
        // A link such as /usr/bin/postgres leads to the folder that has the other programs too.
        let real = folder.join("postgres").canonicalize().ok()?;
        Some(real.parent()?.to_path_buf())
    });
    let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    packaged.sort();
    let folders = on_path.chain(packaged.into_iter().rev().map(|(_, folder)| folder));
    let folder = folders.into_iter().find(|folder| complete(folder)).ok_or(ClusterError::NotInstalled)?;
    let version = version(&folder);
    let major = version.rsplit(' ').find_map(|word| word.split('.').next()?.parse::<u32>().ok()).unwrap_or(0);
    // «postgres (PostgreSQL) 15.18 (Debian ...)»: the first number is the version.
    let major =
        version.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok()).unwrap_or(major);
    if major < OLDEST {
        return Err(ClusterError::TooOld { path: folder, version });
    }
    Ok(Binaries { folder, major })
}

fn complete(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

fn version(folder: &Path) -> String {
    let output = Command::new(folder.join("postgres")).arg("--version").env_clear().current_dir("/").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packaged_programs_are_found_without_a_path() {
        let found = find(None).unwrap();
        assert!(found.major >= OLDEST && found.program("initdb").is_file());
    }

    #[test]
    fn the_error_says_which_command_installs_them() {
        assert!(ClusterError::NotInstalled.to_string().contains("apt-get install -y postgresql"));
    }
}
