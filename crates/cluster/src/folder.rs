//! The cluster's folder: what lies where in it, whose it is, and the lock that keeps a second owner out.
//!
//! `data` is PostgreSQL's own; `password`, `postgres.log`, `lock` and `socket` lie beside it. All of it belongs to
//! the account that runs PostgreSQL, so that the same cluster can be started by root and by that user.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
};
use sha2::{Digest, Sha256};

use crate::{
    account::Account,
    error::{ClusterError, Trying},
};

/// How long to wait for an owner that may be about to end.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// The folder and the paths in it, free of links.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
    pub(crate) data: PathBuf,
    /// The name of the cluster, which PostgreSQL shows in the titles of its processes.
    pub(crate) name: String,
}

impl Folder {
    /// Makes the folder where it does not exist.
    pub(crate) fn make(path: &Path, account: &Account) -> Result<Self, ClusterError> {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            // The account has to get through to its own, from the first moment on: another start may be at it too.
            let way = account.change && folder != path;
            match fs::DirBuilder::new().mode(if way { 0o755 } else { 0o700 }).create(folder) {
                // Whoever came in between has made it; which of the two owns it is for the lock to say.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => continue,
                made => made.trying(|| format!("making {}", folder.display()))?,
            }
            if way {
                // Whatever root's umask is.
                fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
                    .trying(|| format!("opening {}", folder.display()))?;
            }
        }
        account.own(path)?;
        account.owns(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .trying(|| format!("closing {}", path.display()))?;
        let root = path.canonicalize().trying(|| format!("resolving {}", path.display()))?;
        let digest = hex::encode(Sha256::digest(root.as_os_str().as_encoded_bytes()));
        let name = format!("grc-{}", digest.chars().take(16).collect::<String>());
        let data = root.join("data");
        account.owns(&data)?;
        Ok(Self { root, data, name })
    }

    /// The path of a file beside the data.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Takes the folder for this process until the file is closed. The kernel gives it back when a process ends
    /// in whatever way, so that a lock is never stale.
    pub(crate) fn lock(&self, account: &Account) -> Result<File, ClusterError> {
        let path = self.path("lock");
        let mut file = open_private(&path, OFlags::RDWR, account)?;
        let begun = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if begun.elapsed() < LOCK_PATIENCE => thread::sleep(Duration::from_millis(10)),
                Err(Errno::WOULDBLOCK) => {
                    let mut text = String::new();
                    let _ = file.read_to_string(&mut text);
                    return Err(ClusterError::Held { path: self.root.clone(), pid: text.trim().parse().unwrap_or(0) });
                }
                Err(error) => return Err(error).trying(|| format!("locking {}", path.display())),
            }
        }
        // The pid is for the error message of whoever comes second.
        let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        written.trying(|| format!("writing {}", path.display()))?;
        Ok(file)
    }
}

/// Opens a file that only its owner reads, making it where it does not exist. A link in its place is refused:
/// root must not be led to another file by whoever owns the folder.
pub(crate) fn open_private(path: &Path, flags: OFlags, account: &Account) -> Result<File, ClusterError> {
    let flags = flags | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::RUSR | Mode::WUSR).trying(|| format!("opening {}", path.display()))?;
    let file = File::from(file);
    if account.change {
        std::os::unix::fs::fchown(&file, Some(account.uid), Some(account.gid))
            .trying(|| format!("giving {} to {}", path.display(), account.name))?;
    }
    Ok(file)
}

/// Removes a directory tree that a process which is just ending may still write to.
pub(crate) fn remove_tree(path: &Path) -> Result<(), ClusterError> {
    let begun = Instant::now();
    loop {
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(_) if begun.elapsed() < Duration::from_secs(5) => thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(error).trying(|| format!("removing {}", path.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    fn caller() -> Account {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Account { name: uid.to_string(), uid, gid, change: false }
    }

    #[test]
    fn of_many_that_make_the_folder_at_once_each_finds_it() {
        let parent = std::env::temp_dir().join(format!("grc-folder-{}", std::process::id()));
        let account = caller();
        for round in 0..100 {
            let path = parent.join(format!("{round}/database"));
            let together = Barrier::new(8);
            let make = || {
                together.wait();
                Folder::make(&path, &account).map(|folder| folder.root)
            };
            thread::scope(|scope| {
                let starts: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
                for start in starts {
                    assert!(start.join().unwrap().unwrap().ends_with("database"));
                }
            });
        }
        remove_tree(&parent).unwrap();
    }

    #[test]
    fn a_link_that_leads_nowhere_is_no_folder() {
        let link = std::env::temp_dir().join(format!("grc-folder-link-{}", std::process::id()));
        std::os::unix::fs::symlink("/nowhere/at/all", &link).unwrap();
        let refused = Folder::make(&link, &caller());
        fs::remove_file(&link).unwrap();
        assert!(matches!(refused, Err(ClusterError::Io { what, .. }) if what.starts_with("making")));
    }
}
