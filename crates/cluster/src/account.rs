//! Who runs PostgreSQL: the caller, or under root an unprivileged user.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use crate::error::{ClusterError, Trying};

/// The user that PostgreSQL runs as.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its user id.
    pub uid: u32,
    /// Its group id.
    pub gid: u32,
    /// Whether the caller is root and has to change to it.
    pub change: bool,
}

/// Whoever PostgreSQL is to run as.
pub fn choose() -> Result<Account, ClusterError> {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if uid != 0 {
        return Ok(Account { name: uid.to_string(), uid, gid, change: false });
    }
    let passwd = std::fs::read_to_string("/etc/passwd").trying(|| "reading /etc/passwd".to_owned())?;
    ["postgres", "nobody"].into_iter().find_map(|name| entry(&passwd, name)).ok_or(ClusterError::NoAccount)
}

fn entry(passwd: &str, name: &str) -> Option<Account> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Account { name: name.to_owned(), uid, gid, change: true })
}

impl Account {
    /// Whether the account may enter every folder on the way to a path; the error names the first it may not.
    pub fn may_enter(&self, path: &Path) -> Result<(), ClusterError> {
        for folder in path.ancestors().skip(1) {
            let Ok(meta) = folder.metadata() else { continue };
            let mode = meta.permissions().mode();
            let enterable = if meta.uid() == self.uid {
                mode & 0o100
            } else if meta.gid() == self.gid {
                mode & 0o010
            } else {
                mode & 0o001
            };
            if enterable == 0 {
                return Err(ClusterError::NotEnterable { user: self.name.clone(), path: folder.to_path_buf() });
            }
        }
        Ok(())
    }

    /// Gives a file or folder to the account.
    pub fn own(&self, path: &Path) -> Result<(), ClusterError> {
        if self.change {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
                .trying(|| format!("giving {} to {}", path.display(), self.name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_by_their_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:7::/:\npostgres:x:106:113:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(entry(passwd, "postgres").map(|a| (a.uid, a.gid)), Some((106, 113)));
        assert_eq!(entry(passwd, "nobody"), None);
    }

    #[test]
    fn a_closed_parent_is_named() {
        let nobody = Account { name: "nobody".into(), uid: 65_534, gid: 65_534, change: true };
        let folder = std::env::temp_dir().join(format!("grc-closed-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        let refused = nobody.may_enter(&folder.join("inner/db"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(refused.unwrap_err().to_string().contains("GRC_DATA_DIR"));
    }
}
