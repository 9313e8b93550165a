//! How a database is opened.

use std::time::Duration;

/// How a database is opened.
///
/// ```
/// use std::time::Duration;
/// use victor_sql::{DatabaseOptions, Synchronous};
///
/// let mut options = DatabaseOptions::default();
/// options.synchronous = Synchronous::Full;
/// options.lock_timeout = Duration::from_secs(10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseOptions {
    /// SQLite: what a write that has succeeded outlives. PostgreSQL has a setting of its own.
    pub synchronous: Synchronous,
    /// How long a write waits for those of other processes before it fails. 5 seconds by default.
    pub lock_timeout: Duration,
    /// How long a call waits for a free connection, and opening for the server. 30 seconds by default.
    pub acquire_timeout: Duration,
    /// How many connections there are at most: in SQLite those that read beside the one that writes, in PostgreSQL all
    /// together. 8 by default, and at least 1.
    pub connections: u32,
    /// SQLite: how large the file may become, in bytes; writes then fail as when the disk is full. Any size by default.
    pub max_bytes: Option<u64>,
    /// PostgreSQL: how long a statement may take before the server stops it. 30 seconds by default.
    pub statement_timeout: Duration,
}

impl Default for DatabaseOptions {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::default(),
            lock_timeout: Duration::from_secs(5),
            acquire_timeout: Duration::from_secs(30),
            connections: 8,
            max_bytes: None,
            statement_timeout: Duration::from_secs(30),
        }
    }
}

/// What a write to SQLite that has succeeded outlives. The file is sound in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Synchronous {
    /// The end of the process, however it comes. A power cut may take the writes of the last moments, newest first.
    #[default]
    Normal,
    /// A power cut as well. Each write waits for the disk.
    Full,
}
