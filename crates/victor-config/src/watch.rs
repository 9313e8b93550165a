//! Looks at files in intervals.
//!
//! Files are polled. That sees every way in which a file can be replaced, by editors, by Kubernetes (which turns a
//! symbolic link) and on network drives; it takes a system call a file and interval, and no library.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime};
use std::{io, thread};

/// The state of a file by which a change is seen; `None` if there is none.
pub(crate) type Stamp = Option<(Option<SystemTime>, u64, u64)>;

/// Returns the stamps of files.
pub(crate) fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    paths.iter().map(|path| stamp(path)).collect()
}

/// Returns the stamp of a file.
pub(crate) fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len(), inode(&metadata)))
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// A thread that looks at files until this is dropped.
#[derive(Debug)]
pub(crate) struct Watch(
    #[expect(dead_code, reason = "the thread ends when it is dropped")] Sender<()>,
);

impl Watch {
    /// Starts a thread that calls `look` in intervals, until it returns `false`.
    pub(crate) fn start(
        interval: Duration,
        look: impl Fn() -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let (alive, stopped) = channel::<()>();
        let thread = thread::Builder::new().name("victor-config".to_owned());
        thread.spawn(move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) && look() {}
        })?;
        Ok(Self(alive))
    }
}
