//! The superuser's password: made once, kept in a file that only the account and root read.

use std::{
    fs,
    io::{ErrorKind, Write},
};

use rustix::fs::OFlags;

use crate::{
    account::Account,
    error::{ClusterError, Trying},
    folder::{Folder, open_private},
};

/// The password of the cluster. Without data there is none to fit, and a new one is made.
pub(crate) fn password(folder: &Folder, account: &Account, has_data: bool) -> Result<String, ClusterError> {
    let path = folder.path("password");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).trying(|| format!("reading {}", path.display()));
        }
        text => text.unwrap_or_default(),
    };
    match text.trim() {
        "" if has_data => return Err(ClusterError::PasswordLost { path }),
        "" => {}
        password => return Ok(password.to_owned()),
    }
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes)
        .map_err(|error| std::io::Error::other(error.to_string()))
        .trying(|| "drawing a password".to_owned())?;
    let password = hex::encode(bytes);
    // Written beside its place and moved there, so that a half-written one is never taken for a password.
    let new = folder.path("password.new");
    let mut file = open_private(&new, OFlags::WRONLY | OFlags::TRUNC, account)?;
    let written = file.write_all(password.as_bytes()).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&new, &path)).trying(|| format!("writing {}", path.display()))?;
    Ok(password)
}
