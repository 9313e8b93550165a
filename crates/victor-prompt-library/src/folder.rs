//! Folders of others, from which nothing leads out.

use std::fmt;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};

/// A folder within another one, the base. Paths that lead out of the base, by `..` or by a symbolic link, are refused.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    base: Arc<Dir>,
    /// The path from the base; empty for the base itself.
    path: PathBuf,
}

/// A text that was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileText {
    pub(crate) text: String,
    /// The size of the file in bytes.
    pub(crate) size: u64,
    /// Whether the text is only the beginning of the file.
    pub(crate) is_cut: bool,
}

/// A reason for which a file is not read.
#[derive(Debug)]
pub(crate) enum Refusal {
    Missing,
    /// A folder, pipe, socket or device.
    NotAFile,
    /// A path or a link that leads out of the folder.
    Outside,
    Binary,
    NotUtf8,
    Io(io::Error),
}

impl Folder {
    /// Opens a base.
    pub(crate) fn open(path: &Path) -> Result<Self, Refusal> {
        let base = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self {
            base: Arc::new(base),
            path: PathBuf::new(),
        })
    }

    /// Returns a folder in this one, within the same base. It may not exist.
    pub(crate) fn enter(&self, path: impl AsRef<Path>) -> Self {
        Self {
            base: self.base.clone(),
            path: self.path.join(path),
        }
    }

    /// Returns this folder as a base of its own.
    pub(crate) fn confined(&self) -> Result<Self, Refusal> {
        let base = self.base.open_dir(self.at(""))?;
        Ok(Self {
            base: Arc::new(base),
            path: PathBuf::new(),
        })
    }

    /// Returns the entries with their kinds, by name. What cannot be looked at is left out.
    pub(crate) fn entries(&self) -> io::Result<Vec<Entry>> {
        let entries = self.base.read_dir(self.at(""))?.flatten();
        let mut entries: Vec<Entry> = entries
            .filter_map(|entry| {
                let kind = entry.file_type().ok()?;
                let name = entry.file_name().into_string().ok()?;
                let is_link = kind.is_symlink();
                let is_folder = match is_link {
                    true => self.is_folder(&name),
                    false => kind.is_dir(),
                };
                Some(Entry {
                    name,
                    is_folder,
                    is_link,
                })
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Whether there is something of this name, whatever it is.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.base.symlink_metadata(self.at(name)).is_ok()
    }

    /// Returns the path from the base without symbolic links.
    pub(crate) fn canonical(&self) -> io::Result<PathBuf> {
        self.base.canonicalize(self.at(""))
    }

    /// Returns the size of a plain file in bytes; `None` if there is none.
    pub(crate) fn size(&self, path: impl AsRef<Path>) -> Option<u64> {
        let metadata = self.base.metadata(self.at(path)).ok()?;
        metadata.is_file().then(|| metadata.len())
    }

    fn is_folder(&self, name: &str) -> bool {
        let metadata = self.base.metadata(self.at(name));
        metadata.is_ok_and(|metadata| metadata.is_dir())
    }

    /// A path in this folder, from the base.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.path.join(path);
        match path.as_os_str().is_empty() {
            true => ".".into(),
            false => path,
        }
    }

    /// Reads a text file, at most `limit` bytes of it.
    pub(crate) fn read(&self, path: &Path, limit: u64) -> Result<FileText, Refusal> {
        // Looking before opening, since opening a device may already do something.
        if !self.base.metadata(self.at(path))?.is_file() {
            return Err(Refusal::NotAFile);
        }
        let file = self.open_regular(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(Refusal::NotAFile);
        }
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        let is_cut = bytes.len() as u64 > limit;
        if is_cut {
            bytes.pop();
        }
        let size = metadata.len().max(bytes.len() as u64);
        if bytes.contains(&0) {
            return Err(Refusal::Binary);
        }
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            // The cut went through a character.
            Err(error) if is_cut && error.utf8_error().error_len().is_none() => {
                let valid = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                bytes.truncate(valid);
                String::from_utf8(bytes).unwrap_or_default()
            }
            Err(_) => return Err(Refusal::NotUtf8),
        };
        Ok(FileText { text, size, is_cut })
    }

    /// Opens what may be a plain file. A pipe that took its place in the meantime does not hold the thread up.
    fn open_regular(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            use cap_std::fs::OpenOptionsExt as _;
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        }
        self.base.open_with(self.at(path), &options)
    }
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Whether it is a folder, or a link to one that does not lead out.
    pub(crate) is_folder: bool,
    pub(crate) is_link: bool,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Missing,
            // The error that cap-std makes itself when a path leads out.
            ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Self::Outside,
            _ => Self::Io(error),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is not there"),
            Self::NotAFile => f.write_str("it is not a plain file"),
            Self::Outside => f.write_str("it leads out of its folder"),
            Self::Binary => f.write_str("it is a binary file"),
            Self::NotUtf8 => f.write_str("it is not UTF-8 text"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

/// Returns a path with `/` between its parts, whatever the system uses.
pub(crate) fn slashed(path: &Path) -> String {
    let parts = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// Returns the home folder of the user, with symbolic links resolved.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::home_dir()?.canonicalize().ok()
}
