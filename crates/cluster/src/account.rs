//! Who runs PostgreSQL: the caller, or under root an unprivileged user.

use std::{
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use crate::error::{ClusterError, Trying};

/// The user that PostgreSQL runs as.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name, or its number where only that is known.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// Whether the caller is root and has to change to it.
    pub change: bool,
}

/// Whoever PostgreSQL is to run as. Under root that is the owner of the folder where somebody owns it already:
/// a cluster that was made by a normal user, or by `nobody` before there was a user `postgres`, goes on as theirs.
pub fn choose(folder: &Path) -> Result<Account, ClusterError> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if uid != 0 {
        return Ok(Account { name: uid.to_string(), uid, gid, change: false });
    }
    let passwd = std::fs::read_to_string("/etc/passwd").trying(|| "reading /etc/passwd".to_owned())?;
    if let Ok(meta) = folder.metadata()
        && meta.uid() != 0
    {
        let known = entry(&passwd, |_, uid| uid == meta.uid());
        return Ok(known.unwrap_or(Account {
            name: meta.uid().to_string(),
            uid: meta.uid(),
            gid: meta.gid(),
            change: true,
        }));
    }
    let named = |wanted: &str| entry(&passwd, |name, _| name == wanted);
    named("postgres").or_else(|| named("nobody")).ok_or(ClusterError::NoAccount)
}

fn entry(passwd: &str, wanted: impl Fn(&str, u32) -> bool) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        (uid != 0 && wanted(name, uid)).then(|| Account { name: name.to_owned(), uid, gid, change: true })
    })
}

impl Account {
    /// Whether the account may enter every folder on the way to a path; the error names the outermost it may not.
    pub fn may_enter(&self, path: &Path) -> Result<(), ClusterError> {
        // A link on the way leads through folders that the path does not name. The folder itself is left out: it
        // is or will be the account's own.
        let existing = path.ancestors().find_map(|folder| folder.canonicalize().ok()).unwrap_or_default();
        let mut way: Vec<&Path> = existing.ancestors().skip(usize::from(path.exists())).collect();
        way.reverse();
        match way.into_iter().find(|folder| !self.enters(folder)) {
            Some(folder) => Err(ClusterError::NotEnterable { user: self.name.clone(), path: folder.to_path_buf() }),
            None => Ok(()),
        }
    }

    fn enters(&self, folder: &Path) -> bool {
        let Ok(meta) = folder.metadata() else { return false };
        let bit = if meta.uid() == self.uid {
            0o100
        } else if meta.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        // An access control list can allow what the mode does not, so a refusal is tried out.
        meta.permissions().mode() & bit != 0 || self.tries(folder)
    }

    fn tries(&self, folder: &Path) -> bool {
        let mut command = Command::new("test");
        command.arg("-x").arg(folder).env_clear().current_dir("/").stdin(Stdio::null());
        if self.change {
            command.uid(self.uid).gid(self.gid);
        }
        command.status().is_ok_and(|status| status.success())
    }

    /// Gives a file or folder to the account, not what a link points to.
    pub fn own(&self, path: &Path) -> Result<(), ClusterError> {
        if self.change {
            std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
                .trying(|| format!("giving {} to {}", path.display(), self.name))?;
        }
        Ok(())
    }

    /// Whether a folder, where it exists, belongs to the account: PostgreSQL refuses somebody else's.
    pub fn owns(&self, path: &Path) -> Result<(), ClusterError> {
        match path.metadata() {
            Ok(meta) if meta.uid() != self.uid => {
                Err(ClusterError::NotOwner { path: path.to_path_buf(), owner: meta.uid(), user: self.name.clone() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:7::/:\n\
                          postgres:x:106:113:PostgreSQL:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn entries_are_read_by_their_whole_name_or_number() {
        let named = |wanted: &str| entry(PASSWD, |name, _| name == wanted).map(|a| (a.uid, a.gid));
        assert_eq!(named("postgres"), Some((106, 113)));
        assert_eq!(named("nobody"), None);
        assert_eq!(named("root"), None);
        assert_eq!(entry(PASSWD, |_, uid| uid == 7).map(|a| a.name), Some("postgres2".to_owned()));
    }

    #[test]
    fn a_closed_parent_is_named() {
        let closed = std::env::temp_dir().join(format!("grc-closed-{}", std::process::id()));
        std::fs::create_dir_all(closed.join("inner")).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o600)).unwrap();
        // Root may change to nobody; anybody else is stopped by the missing bit themselves.
        let change = rustix::process::geteuid().is_root();
        let uid = if change { 65_534 } else { rustix::process::geteuid().as_raw() };
        let account = Account { name: "somebody".into(), uid, gid: 65_534, change };
        let refused = account.may_enter(&closed.join("inner/db"));
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::remove_dir_all(&closed).unwrap();
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("GRC_DATA_DIR") && message.contains(&format!("{}:", closed.display())), "{message}");
    }
}
