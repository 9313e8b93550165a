//! Options of a database.

use std::time::Duration;

victor_core::options! {
    /// Options of a database.
    ///
    /// ```
    /// use std::time::Duration;
    /// use victor_sql::{DatabaseOptions, Synchronous};
    ///
    /// let options = DatabaseOptions::default()
    ///     .with_synchronous(Synchronous::Full)
    ///     .with_lock_timeout(Duration::from_secs(10));
    /// ```
    #[derive(PartialEq, Eq)]
    pub struct DatabaseOptions {
        /// SQLite: the faults that a successful write outlives. PostgreSQL has its own setting for that. Defaults to
        /// [`Synchronous::Normal`].
        pub synchronous, with_synchronous: Synchronous = Synchronous::default();
        /// Time that a write waits for those of other processes before it fails. Defaults to 5 seconds.
        pub lock_timeout, with_lock_timeout: Duration = Duration::from_secs(5);
        /// Time that a call waits for a free connection, and opening for the server. Defaults to 30 seconds.
        pub acquire_timeout, with_acquire_timeout: Duration = Duration::from_secs(30);
        /// Maximal number of connections: in SQLite those that read beside the one that writes, in PostgreSQL all
        /// together. At least 1. Defaults to 8.
        pub connections, with_connections: u32 = 8;
        /// SQLite: maximal size of the file in bytes, beyond which writes fail as when the disk is full. Defaults to
        /// any size.
        pub max_bytes, with_max_bytes: Option<u64> = None;
        /// PostgreSQL: time limit of a statement, after which the server stops it. Defaults to 30 seconds.
        pub statement_timeout, with_statement_timeout: Duration = Duration::from_secs(30);
    }
}

/// The faults that a successful write to SQLite outlives. The file is sound in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Synchronous {
    /// The end of the process, however it comes. A power cut may take the writes of the last moments, newest first.
    #[default]
    Normal,
    /// A power cut as well. Each write waits for the disk.
    Full,
}
