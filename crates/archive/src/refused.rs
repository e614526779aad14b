//! Why an archive is refused.

/// What is wrong with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is no ZIP archive, or a broken one.
    NotAnArchive,
    /// It ends in the middle of something.
    Truncated,
    /// It spans several files.
    Split,
    /// Its directory contradicts the file.
    Inconsistent,
    /// It has too many entries.
    TooManyEntries,
    /// It unpacks to too many bytes.
    TooLarge,
    /// It unpacks to too many times its size.
    Ratio,
    /// An entry's name is no name.
    Name,
    /// An entry would lie outside of the folder that it is unpacked to.
    Path,
    /// Two entries have the same name.
    Duplicate,
    /// An entry is a link, a device or the like.
    Link,
    /// An entry is encrypted.
    Encrypted,
    /// An entry is packed in a way that is not supported.
    Method,
    /// Two entries share bytes.
    Overlap,
    /// An entry's bytes are damaged.
    Damaged,
    /// An entry's size or checksum is not what the directory says.
    Lies,
}

impl Why {
    /// A stable name for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAnArchive => "not_an_archive",
            Self::Truncated => "truncated",
            Self::Split => "split",
            Self::Inconsistent => "inconsistent",
            Self::TooManyEntries => "too_many_entries",
            Self::TooLarge => "too_large",
            Self::Ratio => "ratio",
            Self::Name => "name",
            Self::Path => "path",
            Self::Duplicate => "duplicate",
            Self::Link => "link",
            Self::Encrypted => "encrypted",
            Self::Method => "method",
            Self::Overlap => "overlap",
            Self::Damaged => "damaged",
            Self::Lies => "lies",
        }
    }

    /// The same for a person.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotAnArchive => "this is no ZIP archive",
            Self::Truncated => "the archive is cut off",
            Self::Split => "archives of several parts are not read",
            Self::Inconsistent => "the archive's directory contradicts its content",
            Self::TooManyEntries => "the archive has too many entries",
            Self::TooLarge => "the archive unpacks to too many bytes",
            Self::Ratio => "the archive unpacks to too many times its size",
            Self::Name => "an entry's name is not usable: it must be UTF-8 without control or direction characters",
            Self::Path => "an entry's path is absolute or leaves the archive",
            Self::Duplicate => "two entries have the same name",
            Self::Link => "an entry is no plain file: links and devices are not accepted",
            Self::Encrypted => "an entry is encrypted",
            Self::Method => "an entry is neither stored nor deflated",
            Self::Overlap => "two entries overlap",
            Self::Damaged => "an entry's data is damaged",
            Self::Lies => "an entry's size or checksum is not the one on record",
        }
    }
}

/// An archive that is refused, and the entry for which it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// The name of the entry, in a form that can be shown.
    pub entry: Option<String>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.entry {
            Some(name) => write!(f, "{} («{name}»)", self.why.text()),
            None => f.write_str(self.why.text()),
        }
    }
}

impl Refused {
    /// A refusal for one entry, whose name is cut and freed of what could not be shown.
    pub fn entry(why: Why, name: &[u8]) -> Self {
        let shown: String = String::from_utf8_lossy(name).chars().take(120).flat_map(char::escape_debug).collect();
        Self { why, entry: Some(shown) }
    }
}

impl From<Why> for Refused {
    fn from(why: Why) -> Self {
        Self { why, entry: None }
    }
}

/// What reading an archive can fail with.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive is at fault.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The file that it lies in, or the place that its bytes go to.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<Why> for ArchiveError {
    fn from(why: Why) -> Self {
        Self::Refused(why.into())
    }
}
