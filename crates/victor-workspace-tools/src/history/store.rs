//! The store of the file history.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::file_history::{Record, digest};
use crate::HistoryError;

/// A store of contents by their hashes, and of the records of changes.
#[derive(Debug)]
pub(crate) enum Store {
    Memory(HashMap<String, Vec<u8>>),
    Folder(Folder),
}

/// A folder with a file for each content, and a journal with a line for each record.
#[derive(Debug)]
pub(crate) struct Folder {
    contents: PathBuf,
    journal: PathBuf,
    /// Locked as long as this lives.
    _lock: File,
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(HashMap::new())
    }

    /// Opens a folder, and reads the records in it.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Vec<Record>), HistoryError> {
        let contents = folder.join("contents");
        create_folders(&contents).map_err(at(&contents))?;
        let lock_path = folder.join("lock");
        let lock = private()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(HistoryError::InUse {
                    folder: folder.to_owned(),
                });
            }
            Err(fs::TryLockError::Error(error)) => return Err(at(&lock_path)(error)),
        }
        let store = Folder {
            contents,
            journal: folder.join("journal.jsonl"),
            _lock: lock,
        };
        let records = store.read_journal()?;
        Ok((Self::Folder(store), records))
    }

    /// Keeps a content.
    pub(crate) fn put(&mut self, hash: &str, bytes: &[u8]) -> Result<(), HistoryError> {
        match self {
            Self::Memory(contents) => {
                contents
                    .entry(hash.to_owned())
                    .or_insert_with(|| bytes.to_owned());
                Ok(())
            }
            Self::Folder(folder) => {
                let path = folder.contents.join(hash);
                if path.exists() {
                    return Ok(());
                }
                write_whole(&path, bytes)
            }
        }
    }

    pub(crate) fn get(&self, wanted: &str) -> Result<Vec<u8>, HistoryError> {
        let (path, bytes) = match self {
            Self::Memory(contents) => (PathBuf::from(wanted), contents.get(wanted).cloned()),
            Self::Folder(folder) => {
                let path = folder.contents.join(wanted);
                let bytes = fs::read(&path).map_err(at(&path))?;
                (path, Some(bytes))
            }
        };
        let intact = bytes.filter(|bytes| digest(bytes) == wanted);
        intact.ok_or(HistoryError::Damaged { path })
    }

    /// Adds records.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), HistoryError> {
        let Self::Folder(folder) = self else {
            return Ok(()); // the history itself has them
        };
        let lines = folder.lines(records)?;
        let append = || {
            let mut journal = private().create(true).append(true).open(&folder.journal)?;
            let before = journal.metadata()?.len();
            let written = journal.write_all(&lines).and_then(|()| journal.sync_data());
            // A part of a line would make the next one unreadable.
            written.or_else(|error| journal.set_len(before).and(Err(error)))
        };
        append().map_err(at(&folder.journal))
    }

    /// Replaces all records.
    pub(crate) fn rewrite(&mut self, records: &[Record]) -> Result<(), HistoryError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Folder(folder) => write_whole(&folder.journal, &folder.lines(records)?),
        }
    }

    /// Removes all contents but these.
    pub(crate) fn remove_others(&mut self, hashes: &HashSet<&str>) -> Result<(), HistoryError> {
        match self {
            Self::Memory(contents) => contents.retain(|hash, _| hashes.contains(hash.as_str())),
            Self::Folder(folder) => {
                let entries = fs::read_dir(&folder.contents).map_err(at(&folder.contents))?;
                for entry in entries.flatten() {
                    if entry
                        .file_name()
                        .to_str()
                        .is_none_or(|name| !hashes.contains(name))
                    {
                        fs::remove_file(entry.path()).map_err(at(&entry.path()))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Folder {
    fn read_journal(&self) -> Result<Vec<Record>, HistoryError> {
        let text = match fs::read(&self.journal) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(&self.journal)(error)),
        };
        // What follows the last line break is a record that was not written to its end, and whose change was not made.
        let end = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |last| last + 1);
        let lines = text[..end].split_inclusive(|byte| *byte == b'\n');
        let records = lines
            .map(serde_json::from_slice)
            .collect::<Result<Vec<Record>, _>>()
            .map_err(|_| HistoryError::Damaged {
                path: self.journal.clone(),
            })?;
        if end < text.len() {
            write_whole(&self.journal, &text[..end])?;
        }
        Ok(records)
    }

    fn lines(&self, records: &[Record]) -> Result<Vec<u8>, HistoryError> {
        let mut lines = Vec::new();
        for record in records {
            // Fails for a path that is not Unicode.
            let line =
                serde_json::to_vec(record).map_err(|error| at(&self.journal)(error.into()))?;
            lines.extend_from_slice(&line);
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

/// Options for files that nobody else can read: what is kept may have been as private.
fn private() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates a folder, with those above it, that nobody else can enter.
fn create_folders(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Writes a file so that it is there as a whole or not at all. The lock sees to it that there is no other writer.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HistoryError> {
    let temporary = path.with_extension("tmp");
    let write = || {
        let mut file = private()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> HistoryError {
    move |source| HistoryError::Io {
        path: path.to_owned(),
        source,
    }
}
