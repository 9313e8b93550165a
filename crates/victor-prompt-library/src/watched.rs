//! Values made from files, which are read again only after they have changed.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant, SystemTime};

use victor_core::Lock;

use crate::folder::{FileText, Folder};

/// The time for which a file may change once more without a sign of it: the coarsest clock of a file system (FAT).
const SETTLES: Duration = Duration::from_secs(2);

/// A value that is made from files.
///
/// At most once in an interval the files are looked at; only what has changed is read, and only then the value is made
/// anew. An equal value stays the same allocation.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    interval: Duration,
    state: Lock<State<T>>,
    /// Held while files are looked at and read, so that nothing is read twice.
    files: Mutex<Files>,
    /// A number that differs after each change.
    revision: AtomicU64,
    reads: AtomicU64,
}

#[derive(Debug)]
struct State<T> {
    value: Option<Arc<T>>,
    /// The time at which the files were looked at last.
    looked: Option<Instant>,
    /// Whether they have changed since the value was made.
    is_stale: bool,
}

/// The files of a value.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// All that was looked at, with what it was like. Missing files are among them.
    seen: Vec<(PathBuf, Option<Fingerprint>)>,
    texts: HashMap<PathBuf, Kept>,
    taken: Option<SystemTime>,
    reads: u64,
}

/// The outcome of reading a file.
pub(crate) type ReadFile = Result<FileText, String>;

#[derive(Debug)]
struct Kept {
    fingerprint: Fingerprint,
    read: SystemTime,
    text: Arc<ReadFile>,
    is_used: bool,
}

impl<T: PartialEq> Watched<T> {
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            state: Lock::new(State {
                value: None,
                looked: None,
                is_stale: false,
            }),
            files: Mutex::default(),
            revision: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        }
    }

    /// Returns a number that differs once the files have changed. It looks at them if that was not done for a while,
    /// and waits for nobody.
    pub(crate) fn revision(&self) -> u64 {
        let is_due = {
            let state = self.state.lock();
            state.value.is_some() && !state.is_stale && !self.is_recent(&state)
        };
        if is_due {
            let files = match self.files.try_lock() {
                Ok(files) => Some(files),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            };
            if let Some(files) = files {
                let is_stale = !files.are_unchanged();
                let mut state = self.state.lock();
                state.looked = Some(Instant::now());
                state.is_stale |= is_stale;
                if is_stale {
                    self.revision.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        self.revision.load(Ordering::Relaxed)
    }

    /// Returns the value, if its files were looked at a short time ago.
    pub(crate) fn recent(&self) -> Option<Arc<T>> {
        let state = self.state.lock();
        let is_recent = !state.is_stale && self.is_recent(&state);
        state.value.clone().filter(|_| is_recent)
    }

    /// Returns the value as the files are now. Blocks.
    pub(crate) fn current(&self, load: impl FnOnce(&mut Files) -> T) -> Arc<T> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have looked meanwhile.
        if let Some(value) = self.recent() {
            return value;
        }
        let (known, is_stale) = {
            let state = self.state.lock();
            (state.value.clone(), state.is_stale)
        };
        let value = match known {
            Some(value) if !is_stale && files.are_unchanged() => value,
            known => {
                files.begin();
                let value = load(&mut files);
                files.end();
                self.reads.store(files.reads, Ordering::Relaxed);
                match known {
                    Some(known) if *known == value => known,
                    known => {
                        if known.is_some() && !is_stale {
                            self.revision.fetch_add(1, Ordering::Relaxed);
                        }
                        Arc::new(value)
                    }
                }
            }
        };
        *self.state.lock() = State {
            value: Some(value.clone()),
            looked: Some(Instant::now()),
            is_stale: false,
        };
        value
    }

    /// The number of files that were read so far.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn is_recent(&self, state: &State<T>) -> bool {
        (state.looked).is_some_and(|looked| looked.elapsed() < self.interval)
    }
}

impl Files {
    /// Looks at a file or folder, so that the value is made anew when it changes. Returns whether it is there.
    pub(crate) fn look(&mut self, path: &Path) -> bool {
        let fingerprint = Fingerprint::of(path);
        let is_there = fingerprint.is_some();
        self.seen.push((path.to_owned(), fingerprint));
        is_there
    }

    /// Returns the text of a file, which is read if it has changed; `None` if there is no such file.
    ///
    /// `shown` is the whole path, of which `path` leads from the folder to the file.
    pub(crate) fn read(
        &mut self,
        folder: &Folder,
        path: &Path,
        shown: &Path,
        limit: u64,
    ) -> Option<Arc<ReadFile>> {
        let fingerprint = Fingerprint::of(shown);
        self.seen.push((shown.to_owned(), fingerprint));
        let fingerprint = fingerprint?;
        let read = SystemTime::now();
        if let Some(kept) = self.texts.get_mut(shown)
            && kept.fingerprint == fingerprint
            && fingerprint.is_settled(kept.read)
        {
            kept.is_used = true;
            return Some(kept.text.clone());
        }
        self.reads += 1;
        let text = folder.read(path, limit);
        let text = Arc::new(text.map_err(|refusal| refusal.to_string()));
        let kept = Kept {
            fingerprint,
            read,
            text: text.clone(),
            is_used: true,
        };
        self.texts.insert(shown.to_owned(), kept);
        Some(text)
    }

    /// Whether all that was looked at is as it was, and nothing can have changed without a sign.
    fn are_unchanged(&self) -> bool {
        let Some(taken) = self.taken else {
            return false;
        };
        self.seen.iter().all(|(path, before)| {
            *before == Fingerprint::of(path) && before.is_none_or(|before| before.is_settled(taken))
        })
    }

    fn begin(&mut self) {
        self.seen.clear();
        self.taken = Some(SystemTime::now());
        for kept in self.texts.values_mut() {
            kept.is_used = false;
        }
    }

    fn end(&mut self) {
        self.texts.retain(|_, kept| kept.is_used);
    }
}

/// The signs by which a changed file is told from an unchanged one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    size: u64,
    modified: Option<SystemTime>,
    /// The number of the file and the time at which its metadata changed last, where the system knows them.
    identity: (u64, i64, i64),
}

impl Fingerprint {
    fn of(path: &Path) -> Option<Self> {
        let metadata: Metadata = fs::metadata(path).ok()?;
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let identity = (0, 0, 0);
        Some(Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            identity,
        })
    }

    /// Whether a change after `read` would show: file systems tell times coarsely, so what was written just before it
    /// was read may have been written again since.
    fn is_settled(&self, read: SystemTime) -> bool {
        let is_old = |time| read.duration_since(time).is_ok_and(|age| age > SETTLES);
        match self.modified {
            // Somebody has set the time; that of the metadata, which nobody can set, tells more.
            Some(modified) if modified > read => {
                let seconds = u64::try_from(self.identity.1).unwrap_or_default();
                is_old(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            }
            Some(modified) => is_old(modified),
            None => false,
        }
    }
}

/// Runs work that blocks on a thread for such work, or here where there is no tokio runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => Ok(runtime.spawn_blocking(work).await?),
        Err(_) => Ok(work()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_settled_when_its_clock_has_moved_on() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let check = |modified: i64, changed: i64, expected: bool| {
            let at = |offset: i64| 1_000_000_u64.saturating_add_signed(offset);
            let fingerprint = Fingerprint {
                size: 1,
                modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(at(modified))),
                identity: (1, 1_000_000 + changed, 0),
            };
            assert_eq!(
                fingerprint.is_settled(now),
                expected,
                "{modified} {changed}"
            );
        };
        check(-60, -60, true);
        check(-60, 0, true);
        check(-3, -3, true);
        check(-2, -2, false);
        check(0, 0, false);
        // Times in the future, as archives and other clocks have them.
        check(60, -60, true);
        check(60, -1, false);
    }
}
