//! The contents of files before a turn changed them.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use serde::{Deserialize, Serialize};
use victor_core::{Lock, TurnId};

use super::store::Store;
use crate::change::Content;
use crate::change::Step;

/// The cost of a record besides the contents, roughly.
const RECORD_BYTES: u64 = 256;

/// Keeps what was in files before the tools of a workspace changed them, by turns, so that a turn can be taken back
/// with [`WorkspaceTools::rollback`](crate::WorkspaceTools::rollback).
///
/// It is kept before a file changes, and a change that cannot be kept is not made. What commands change is not kept.
/// Each history belongs to one workspace.
#[derive(Debug)]
pub struct FileHistory {
    state: Lock<State>,
    max_bytes: u64,
}

#[derive(Debug)]
struct State {
    /// In the order of the changes.
    records: Vec<Record>,
    store: Store,
}

/// One change of one file, noted before it is made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    turn: TurnId,
    /// From the root, without symbolic links.
    path: PathBuf,
    /// The file before the turn, noted with its first change in the turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Before>,
    /// Whether something else had changed the file since its last change in the turn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    interrupted: bool,
    /// The hash of what it is to be; none if there is to be no file.
    after: Option<String>,
}

/// A file before a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Before {
    /// The hash of what was in it; none if there was no file.
    pub(crate) hash: Option<String>,
    bytes: u64,
    /// Its permissions, where there are such.
    pub(crate) mode: Option<u32>,
}

/// The history of one file in a turn.
pub(crate) struct Kept {
    pub(crate) before: Before,
    /// The contents that the turn has given it, by hash.
    pub(crate) states: HashSet<Option<String>>,
    pub(crate) interrupted: bool,
}

/// An error of a file history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The folder is used by another process, or for another history of this one.
    #[error("the file history in `{}` is in use", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the history cannot be read or written.
    #[error("the file history cannot access `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A file of the history is not what was written.
    #[error("`{}` is damaged: remove the folder of the file history to start again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The content of a file does not fit, even if all other turns are forgotten.
    #[error(
        "`{}` cannot be kept as it is: the file history has at most {max_bytes} bytes for a turn, and {} for a file",
        path.display(),
        crate::workspace::MAX_WHOLE_FILE
    )]
    NoRoom {
        /// The file that was to be changed.
        path: PathBuf,
        /// The most bytes that are kept.
        max_bytes: u64,
    },
}

impl FileHistory {
    /// A history that is kept as long as this value.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Vec::new(), Store::in_memory())
    }

    /// A history that is kept in a folder, which is created if it is not there. It must not be in the root folder of
    /// the workspace, where the tools could change it.
    ///
    /// It is read and checked here. What was noted and not done when a process was killed does no harm.
    ///
    /// # Errors
    ///
    /// The folder is in use, cannot be read and written, or is damaged.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let (mut store, records) = Store::open(folder.as_ref())?;
        let hashes = records.iter().filter_map(Record::kept_hash).collect();
        store.remove_others(&hashes)?;
        Ok(Self::new(records, store))
    }

    fn new(records: Vec<Record>, store: Store) -> Self {
        Self {
            state: Lock::new(State { records, store }),
            max_bytes: 64 << 20,
        }
    }

    /// Sets the most bytes that are kept. Beyond them the oldest turns are forgotten; where a single turn has more, its
    /// further changes fail. Defaults to 64 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The turns that changed files and can be taken back, the oldest first.
    #[must_use]
    pub fn turns(&self) -> Vec<TurnId> {
        let mut turns: Vec<TurnId> = Vec::new();
        for record in &self.state.lock().records {
            if !turns.contains(&record.turn) {
                turns.push(record.turn);
            }
        }
        turns
    }

    /// Keeps what these steps of a turn will change.
    pub(crate) fn keep(&self, turn: TurnId, steps: &[Step<'_>]) -> Result<(), HistoryError> {
        let mut state = self.state.lock();
        let mut records = Vec::new();
        let mut contents = BTreeMap::new();
        let mut kept = state.kept(turn);
        for step in steps {
            let no_room = || HistoryError::NoRoom {
                path: step.place.shown.clone(),
                max_bytes: self.max_bytes,
            };
            let content = match step.before {
                Content::Absent => None,
                Content::Bytes(bytes) => Some(bytes),
                Content::TooLarge => return Err(no_room()),
            };
            let hash = content.map(|bytes| digest(bytes));
            let path = &step.place.real;
            let known = kept.remove(path);
            records.push(Record {
                turn,
                path: path.clone(),
                interrupted: known
                    .as_ref()
                    .is_some_and(|kept| !kept.states.contains(&hash)),
                first: known.is_none().then(|| Before {
                    hash: hash.clone(),
                    bytes: content.map_or(0, |bytes| bytes.len() as u64),
                    mode: step
                        .permissions
                        .filter(|_| content.is_some())
                        .and_then(mode),
                }),
                after: step.after.map(digest),
            });
            if let (None, Some(hash), Some(bytes)) = (known, hash, content) {
                contents.insert(hash, bytes);
            }
            while bytes(state.records.iter().chain(&records)) > self.max_bytes {
                let mut turns = state.records.iter().map(|record| record.turn);
                let oldest = turns.find(|other| *other != turn);
                state.forget(oldest.ok_or_else(no_room)?)?;
            }
        }
        // The contents first: a record without its content would be worth nothing.
        for (hash, bytes) in contents {
            state.store.put(&hash, bytes)?;
        }
        state.store.append(&records)?;
        state.records.extend(records);
        Ok(())
    }

    /// Returns the files of a turn.
    pub(crate) fn kept(&self, turn: TurnId) -> BTreeMap<PathBuf, Kept> {
        self.state.lock().kept(turn)
    }

    /// Returns a content by its hash.
    pub(crate) fn content(&self, hash: &str) -> Result<Vec<u8>, HistoryError> {
        self.state.lock().store.get(hash)
    }

    /// Forgets a turn.
    pub(crate) fn forget(&self, turn: TurnId) -> Result<(), HistoryError> {
        self.state.lock().forget(turn)
    }
}

impl State {
    fn kept(&self, turn: TurnId) -> BTreeMap<PathBuf, Kept> {
        let mut files: BTreeMap<PathBuf, Kept> = BTreeMap::new();
        for record in self.records.iter().filter(|record| record.turn == turn) {
            if let Some(before) = &record.first {
                files.entry(record.path.clone()).or_insert_with(|| Kept {
                    before: before.clone(),
                    states: HashSet::from([before.hash.clone()]),
                    interrupted: false,
                });
            }
            if let Some(kept) = files.get_mut(&record.path) {
                kept.states.insert(record.after.clone());
                kept.interrupted |= record.interrupted;
            }
        }
        files
    }

    fn forget(&mut self, turn: TurnId) -> Result<(), HistoryError> {
        let others = self.records.iter().filter(|record| record.turn != turn);
        let rest: Vec<_> = others.cloned().collect();
        self.store.rewrite(&rest)?;
        self.records = rest;
        let hashes = self.records.iter().filter_map(Record::kept_hash).collect();
        self.store.remove_others(&hashes)
    }
}

impl Record {
    fn kept_hash(&self) -> Option<&str> {
        self.first.as_ref()?.hash.as_deref()
    }
}

/// Counts the bytes that are kept for these records. The same content is kept once.
fn bytes<'a>(records: impl Iterator<Item = &'a Record>) -> u64 {
    let mut seen = HashSet::new();
    let cost = |record: &'a Record| {
        let new = record.kept_hash().is_some_and(|hash| seen.insert(hash));
        let content = record
            .first
            .as_ref()
            .filter(|_| new)
            .map_or(0, |before| before.bytes);
        RECORD_BYTES + content
    };
    records.map(cost).sum()
}

/// The hash by which a content is known. It cannot be forged, since models write files as well.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Hash::hash(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(unix)]
fn mode(permissions: &cap_std::fs::Permissions) -> Option<u32> {
    use cap_std::fs::PermissionsExt as _;
    Some(permissions.mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &cap_std::fs::Permissions) -> Option<u32> {
    None
}
