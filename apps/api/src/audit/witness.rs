//! What is kept of each journal outside of the database: a file for each organization in the data directory, which is only ever
//! added to.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use grc_audit::{
    seal::Anchor,
    witness::{LINE_MAX, Line, position},
};
use grc_kernel::OrgId;

use crate::{bulk::aside, http::problem::Problem};

/// The files.
#[derive(Clone, Debug)]
pub struct Witness {
    folder: Arc<Path>,
    /// The last entry that each file knows, as far as it was looked at.
    positions: Arc<Mutex<HashMap<OrgId, Option<Anchor>>>>,
}

/// A file as it was when the check began.
pub type Seen = std::io::Take<File>;

fn broken(error: std::io::Error) -> Problem {
    Problem::new(500, format!("the witness of the audit log: {error}"))
}

impl Witness {
    /// The files of a data directory.
    pub fn new(data: &Path) -> Self {
        Self { folder: data.join("audit").into(), positions: Arc::default() }
    }

    fn path(&self, org: OrgId) -> PathBuf {
        self.folder.join(format!("{}.jsonl", org.0))
    }

    /// The last entry that an organization's file knows.
    pub async fn position(&self, org: OrgId) -> Result<Option<Anchor>, Problem> {
        let known = self.positions.lock().unwrap_or_else(PoisonError::into_inner).get(&org).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let path = self.path(org);
        let found = aside(move || end_of(&path)).await?.map_err(broken)?;
        let found = found.as_deref().and_then(position);
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).insert(org, found);
        Ok(found)
    }

    /// Adds lines, and returns when they are on disk.
    pub async fn add(&self, org: OrgId, lines: &[Line]) -> Result<(), Problem> {
        let text: String = lines.iter().map(Line::text).collect();
        let last = position(&text);
        let (folder, path) = (Arc::clone(&self.folder), self.path(org));
        aside(move || add(&folder, &path, &text)).await?.map_err(broken)?;
        if last.is_some() {
            self.positions.lock().unwrap_or_else(PoisonError::into_inner).insert(org, last);
        }
        Ok(())
    }

    /// The file of an organization as it is now; none where there is none.
    pub async fn open(&self, org: OrgId) -> Result<Option<Seen>, Problem> {
        let path = self.path(org);
        let opened = aside(move || match File::open(path) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Ok(Some(file.take(length)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        opened.await?.map_err(broken)
    }
}

/// The end of a file, long enough for its last lines.
fn end_of(path: &Path) -> std::io::Result<Option<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let reach = u64::try_from(LINE_MAX).unwrap_or(u64::MAX).saturating_mul(2);
    file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(reach)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(Some(String::from_utf8_lossy(&end).into_owned()))
}

fn add(folder: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    let new = !path.exists();
    if new {
        std::fs::create_dir_all(folder)?;
    }
    // Only ever added to: the file can be given the attribute that allows nothing else.
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let torn = !new && !ends_in_a_line(path)?;
    file.write_all(if torn { format!("\n{text}") } else { text.to_owned() }.as_bytes())?;
    file.sync_data()?;
    if new { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Whether the file ends where a line does: a machine that broke off may have left a part of one.
fn ends_in_a_line(path: &Path) -> std::io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;

    use grc_kernel::Uuid;

    use super::*;

    #[tokio::test]
    async fn lines_are_added_and_a_torn_one_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let org = OrgId(Uuid::from_u128(1));
        let witness = Witness::new(folder.path());
        assert_eq!(witness.position(org).await.unwrap(), None);
        assert!(witness.open(org).await.unwrap().is_none());
        witness.add(org, &[Line::Hashes(1, vec![[1; 32]]), Line::Note(1, "one".into())]).await.unwrap();
        assert_eq!(witness.position(org).await.unwrap(), Some((1, [1; 32])));
        let path = folder.path().join(format!("audit/{}.jsonl", org.0));
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"first\":2,\"ha").unwrap();
        let again = Witness::new(folder.path());
        assert_eq!(again.position(org).await.unwrap(), Some((1, [1; 32])));
        again.add(org, &[Line::Hashes(2, vec![[2; 32]])]).await.unwrap();
        assert_eq!(again.position(org).await.unwrap(), Some((2, [2; 32])));
        let file = again.open(org).await.unwrap().unwrap();
        let lines: Vec<Option<Line>> =
            std::io::BufReader::new(file).lines().map(|line| Line::read(&line.unwrap())).collect();
        assert_eq!(lines.iter().filter(|line| line.is_some()).count(), 3);
        assert_eq!(lines.len(), 4);
    }
}
