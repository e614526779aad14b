//! Makes the data directory, and judges the one that is there.

use std::{fs, io::Write};

use rustix::fs::OFlags;

use crate::{
    account::Account,
    binaries::Binaries,
    error::{ClusterError, Trying},
    folder::{Folder, open_private, remove_tree},
    log, process,
    settings::SUPERUSER,
};

/// The major version that made the data; `None` where there is no data.
pub(crate) fn made_by(folder: &Folder) -> Result<Option<String>, ClusterError> {
    let file = folder.data.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Making a new database in the place of a damaged one would look as if all was lost.
            if folder.data.join("global/pg_control").exists() {
                return Err(ClusterError::Damaged { path: folder.data.clone() });
            }
            Ok(None)
        }
        Err(error) => Err(error).trying(|| format!("reading {}", file.display())),
    }
}

/// Makes the data directory beside its place and moves it there when it is whole, so that an interrupted attempt
/// never looks like a database.
pub(crate) fn make(
    folder: &Folder,
    account: &Account,
    binaries: &Binaries,
    password: &str,
    durable: bool,
) -> Result<(), ClusterError> {
    let new = folder.path("data.new");
    remove_tree(&new)?;
    put_aside(folder)?;
    // PostgreSQL reads the password from a file of the account.
    let password_file = folder.path("initdb-password");
    let written = open_private(&password_file, OFlags::WRONLY | OFlags::TRUNC, account)?.write_all(password.as_bytes());
    written.trying(|| format!("writing {}", password_file.display()))?;
    let mut command = process::command(account, "KILL", &binaries.program("initdb"));
    command.args(["--encoding=UTF8", "--locale=C", "--no-instructions", "--auth=scram-sha-256"]);
    command.arg(format!("--username={SUPERUSER}")).arg("--pwfile").arg(&password_file).arg("-D").arg(&new);
    if !durable {
        command.arg("--no-sync");
    }
    let output = command.output().trying(|| "running initdb through setpriv (package util-linux)".to_owned());
    let _ = fs::remove_file(&password_file);
    let output = output?;
    if !output.status.success() {
        let _ = remove_tree(&new);
        return Err(ClusterError::Initdb(explain(&String::from_utf8_lossy(&output.stderr))));
    }
    fs::rename(&new, &folder.data).trying(|| format!("moving {} into place", new.display()))?;
    if durable {
        let synced = fs::File::open(&folder.root).and_then(|root| root.sync_all());
        synced.trying(|| format!("syncing {}", folder.root.display()))?;
    }
    Ok(())
}

/// Moves away what stands in the place of the data and is no database: somebody may miss it.
fn put_aside(folder: &Folder) -> Result<(), ClusterError> {
    if !folder.data.exists() || fs::remove_dir(&folder.data).is_ok() {
        return Ok(());
    }
    let free = (1_u32..).map(|n| folder.path(&format!("data.aside-{n}"))).find(|path| !path.exists());
    let aside = free.unwrap_or_else(|| folder.path("data.aside"));
    tracing::warn!("{} is no database: it is kept as {}", folder.data.display(), aside.display());
    fs::rename(&folder.data, &aside).trying(|| format!("moving {} aside", folder.data.display()))
}

fn explain(stderr: &str) -> String {
    let lines = log::last_lines(stderr);
    if stderr.contains("could not look up effective user ID") {
        return format!("{lines} (PostgreSQL needs an entry for this user in /etc/passwd: add one)");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_is_explained() {
        let said = "initdb: error: could not look up effective user ID 4242: user does not exist\n";
        assert!(explain(said).contains("/etc/passwd"));
        assert_eq!(explain("a\n\nb\n"), "a | b");
    }
}
