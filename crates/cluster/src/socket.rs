//! Where the server's socket lies: in the cluster's folder, or in a short path elsewhere where that cannot be.

use std::{
    fs,
    io::ErrorKind,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use crate::{account::Account, error::ClusterError, folder::Folder, settings::PORT};

/// The directory of the socket. Nobody but the account enters it, so nobody else can even try to connect.
pub(crate) fn directory(folder: &Folder, account: &Account) -> Result<PathBuf, ClusterError> {
    let short = format!("{}-{}", folder.name, account.uid);
    let elsewhere = ["/run".to_owned(), format!("/run/user/{}", account.uid), "/tmp".to_owned(), "/var/tmp".to_owned()];
    let candidates =
        std::iter::once(folder.path("socket")).chain(elsewhere.iter().map(|parent| Path::new(parent).join(&short)));
    let mut tried = String::new();
    for candidate in candidates {
        match prepare(&candidate, account) {
            Ok(()) => return Ok(candidate),
            Err(error) => tried = format!("{}: {error}", candidate.display()),
        }
    }
    Err(ClusterError::NoSocket { tried })
}

/// The socket in its directory.
pub(crate) fn path(directory: &Path) -> PathBuf {
    directory.join(format!(".s.PGSQL.{PORT}"))
}

/// Removes a directory that was made outside the cluster's folder. The server has removed its files itself.
pub(crate) fn discard(directory: &Path, folder: &Folder) {
    if !directory.starts_with(&folder.root) {
        // One that is not empty stays: the next start clears it.
        let _ = fs::remove_dir(directory);
    }
}

fn prepare(directory: &Path, account: &Account) -> std::io::Result<()> {
    // Both the setting of the server and the connection string split directories at commas.
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !directory.to_str().is_some_and(|text| text.chars().all(plain)) {
        return Err(std::io::Error::other("the path has characters that a connection string cannot carry"));
    }
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => {
            made?;
            if account.change {
                std::os::unix::fs::lchown(directory, Some(account.uid), Some(account.gid))?;
            }
        }
    }
    // In /tmp anybody could have been first with the name.
    let meta = fs::symlink_metadata(directory)?;
    if !meta.is_dir() || meta.uid() != account.uid {
        return Err(std::io::Error::other("it is not a directory of the user who runs PostgreSQL"));
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    // A server that was killed leaves both files; that none is alive has been seen to.
    let socket = path(directory);
    for leftover in [socket.clone(), socket.with_extension(format!("{PORT}.lock"))] {
        match fs::remove_file(leftover) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // A path may have 107 bytes, and some shared file systems have no sockets: binding one tells.
    drop(UnixListener::bind(&socket)?);
    fs::remove_file(&socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_lies_beside_the_socket() {
        let socket = path(Path::new("/x"));
        assert_eq!(socket, Path::new("/x/.s.PGSQL.5432"));
        assert_eq!(socket.with_extension("5432.lock"), Path::new("/x/.s.PGSQL.5432.lock"));
    }

    #[test]
    fn paths_that_a_connection_string_cannot_carry_are_refused() {
        let account = Account { name: "x".into(), uid: 1, gid: 1, change: false };
        assert!(prepare(Path::new("/tmp/a,b"), &account).is_err());
    }
}
