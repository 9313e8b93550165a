//! Errors of databases.

use victor_analytics_protocol::{EventStoreError, ExportError};
use victor_chat_protocol::EventLogError;
use victor_checkpoint_protocol::CheckpointError;
use victor_config_protocol::ConfigError;
use victor_core::BoxError;
use victor_prompt_protocol::PromptError;
use victor_provider_protocol::LedgerError;
use victor_session_protocol::SessionError;
use victor_workflow_protocol::JournalError;

/// Why a database could not be used. The stores put it in words into the errors of their protocols.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The address names no database that this build can open.
    #[error("no database is opened: {message}")]
    Address {
        /// The reason. A password is never shown.
        message: String,
    },
    /// There is no such file or server, or it lets nobody in.
    #[error(
        "`{place}` cannot be opened: check that it is there, and that it may be used from here"
    )]
    Unreachable {
        /// The database.
        place: String,
        /// The error beneath.
        source: BoxError,
    },
    /// The server is of a version that is not supported.
    #[error("`{place}` is PostgreSQL {found}, and {needed} or later is needed: upgrade the server")]
    TooOld {
        /// The database.
        place: String,
        /// Its version.
        found: u32,
        /// The oldest version that is used.
        needed: u32,
    },
    /// The schema was made by a later version of Victor.
    #[error(
        "`{place}` has schema {found}, and this build knows schemas up to {known}: use a later version of Victor"
    )]
    TooNew {
        /// The database.
        place: String,
        /// Its schema.
        found: i64,
        /// The latest schema that is known here.
        known: i64,
    },
    /// The file is something else.
    #[error("`{place}` is not a SQLite database: choose another path; nothing was changed")]
    NotADatabase {
        /// The file.
        place: String,
        /// The error beneath, which says no more.
        cause: BoxError,
    },
    /// Somebody else has been writing for longer than `lock_timeout`.
    #[error("`{place}` is locked: another process is writing to it; try again when that has ended")]
    Locked {
        /// The database.
        place: String,
        /// The error beneath, which says no more.
        cause: BoxError,
    },
    /// A statement has taken longer than `statement_timeout`, or no connection became free within `acquire_timeout`.
    #[error("`{place}` has not answered in time: try again when it has less to do")]
    TimedOut {
        /// The database.
        place: String,
        /// The error beneath, which says no more.
        cause: BoxError,
    },
    /// The disk is full, or the file has reached `max_bytes`.
    #[error("there is no room for `{place}`: free some, and try again; nothing was written")]
    Full {
        /// The database.
        place: String,
        /// The error beneath, which says no more.
        cause: BoxError,
    },
    /// It can only be read.
    #[error("`{place}` can only be read: give the program the right to write to it and its folder")]
    ReadOnly {
        /// The database.
        place: String,
        /// The error beneath, which says no more.
        cause: BoxError,
    },
    /// The connection was lost. What was being written is there as a whole or not at all, and nobody knows which.
    #[error("the connection to `{place}` was lost: look at what is there, and try again")]
    Disconnected {
        /// The database.
        place: String,
        /// The error beneath.
        source: BoxError,
    },
    /// The server has no connection, memory or other resource left for this.
    #[error(
        "`{place}` has no room for another connection: raise `max_connections`, or give each process fewer"
    )]
    Exhausted {
        /// The database.
        place: String,
        /// The error beneath.
        source: BoxError,
    },
    /// The program has closed it.
    #[error("`{place}` was closed: open it again")]
    Closed {
        /// The database.
        place: String,
        /// The error beneath, which says no more.
        cause: BoxError,
    },
    /// The file is damaged.
    #[error(
        "`{place}` is damaged: keep it as it is, and copy what can still be read with `victor_sql::salvage`"
    )]
    Corrupt {
        /// The database.
        place: String,
        /// The error beneath, which says no more.
        cause: BoxError,
    },
    /// The content of a row cannot be read.
    #[error(
        "`{place}` holds a {what} that cannot be read: use a later version of Victor, or a backup"
    )]
    Unreadable {
        /// The database.
        place: String,
        /// The kind of value that was expected.
        what: &'static str,
        /// The error beneath.
        source: BoxError,
    },
    /// A value has no JSON form, so it cannot be kept.
    #[error("a value cannot be kept, because it cannot be written as JSON")]
    Unwritable {
        /// The error beneath.
        source: BoxError,
    },
    /// The file or its logs could not be read or written.
    #[error("`{place}` cannot be read or written: look whether the disk is full or damaged")]
    Io {
        /// The database.
        place: String,
        /// The error beneath.
        source: BoxError,
    },
    /// It failed in another way.
    #[error("`{place}` failed")]
    Other {
        /// The database.
        place: String,
        /// The error beneath.
        source: BoxError,
    },
}

/// The class of a database error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Unreachable,
    #[cfg(feature = "sqlite")]
    NotADatabase,
    Locked,
    TimedOut,
    Full,
    ReadOnly,
    Disconnected,
    #[cfg(feature = "postgres")]
    Exhausted,
    Closed,
    Corrupt,
    #[cfg(feature = "sqlite")]
    Io,
    Other,
}

impl DatabaseError {
    pub(crate) fn new(place: &str, error: sqlx::Error) -> Self {
        let (place, cause) = (place.to_owned(), cause(&error));
        tracing::debug!(place, %error, "the database failed");
        // Beneath the error of the library is the one of the database, in the same words.
        let source: BoxError = match error {
            sqlx::Error::Database(error) => error.into_error(),
            error => error.into(),
        };
        match cause {
            Cause::Unreachable => Self::Unreachable { place, source },
            Cause::Disconnected => Self::Disconnected { place, source },
            #[cfg(feature = "postgres")]
            Cause::Exhausted => Self::Exhausted { place, source },
            #[cfg(feature = "sqlite")]
            Cause::Io => Self::Io { place, source },
            Cause::Other => Self::Other { place, source },
            #[cfg(feature = "sqlite")]
            Cause::NotADatabase => Self::NotADatabase {
                place,
                cause: source,
            },
            Cause::Locked => Self::Locked {
                place,
                cause: source,
            },
            Cause::TimedOut => Self::TimedOut {
                place,
                cause: source,
            },
            Cause::Full => Self::Full {
                place,
                cause: source,
            },
            Cause::ReadOnly => Self::ReadOnly {
                place,
                cause: source,
            },
            Cause::Closed => Self::Closed {
                place,
                cause: source,
            },
            Cause::Corrupt => Self::Corrupt {
                place,
                cause: source,
            },
        }
    }

    /// Whether the connection was lost or none was to be had, so that it helps to try again soon.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Disconnected { .. } | Self::Exhausted { .. })
    }

    /// Whether the database could not be used at this moment, and it helps to try again later.
    fn is_unavailable(&self) -> bool {
        let has_no_connection = |cause: &BoxError| {
            let error = cause.downcast_ref();
            matches!(error, Some(sqlx::Error::PoolTimedOut))
        };
        self.is_transient()
            || matches!(self, Self::TimedOut { cause, .. } if has_no_connection(cause))
    }

    /// Returns the message for the error of a store, and the underlying error if it says more.
    pub(crate) fn into_parts(self) -> (String, Option<BoxError>) {
        let message = self.to_string();
        let source = match self {
            Self::Unreachable { source, .. }
            | Self::Disconnected { source, .. }
            | Self::Exhausted { source, .. }
            | Self::Unreadable { source, .. }
            | Self::Unwritable { source }
            | Self::Io { source, .. }
            | Self::Other { source, .. } => Some(source),
            _ => None,
        };
        (message, source)
    }
}

fn cause(error: &sqlx::Error) -> Cause {
    match error {
        sqlx::Error::Database(error) => {
            #[cfg(feature = "sqlite")]
            if let Some(error) = error.try_downcast_ref() {
                return crate::driver::sqlite::cause(error);
            }
            #[cfg(feature = "postgres")]
            if let Some(error) = error.try_downcast_ref() {
                return crate::driver::postgres::cause(error);
            }
            Cause::Other
        }
        sqlx::Error::PoolTimedOut => Cause::TimedOut,
        sqlx::Error::PoolClosed => Cause::Closed,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            Cause::Disconnected
        }
        sqlx::Error::Tls(_) => Cause::Unreachable,
        _ => Cause::Other,
    }
}

impl From<DatabaseError> for SessionError {
    fn from(error: DatabaseError) -> Self {
        let is_unavailable = error.is_unavailable();
        let (message, source) = error.into_parts();
        match is_unavailable {
            true => Self::Unavailable { message, source },
            false => Self::Store { message, source },
        }
    }
}

impl From<DatabaseError> for CheckpointError {
    fn from(error: DatabaseError) -> Self {
        let unreadable = matches!(error, DatabaseError::Unreadable { .. });
        let (message, source) = error.into_parts();
        if unreadable {
            return Self::Damaged { message };
        }
        Self::Store { message, source }
    }
}

impl From<DatabaseError> for JournalError {
    fn from(error: DatabaseError) -> Self {
        let unreadable = matches!(error, DatabaseError::Unreadable { .. });
        let (message, source) = error.into_parts();
        if unreadable {
            return Self::Damaged { message };
        }
        Self::Store { message, source }
    }
}

/// Converts to errors that consist of a message and a cause.
macro_rules! with_message_and_source {
    ($($error:ty),*) => {
        $(
            impl From<DatabaseError> for $error {
                fn from(error: DatabaseError) -> Self {
                    let (message, source) = error.into_parts();
                    let error = Self::new(message);
                    match source {
                        Some(source) => error.with_source(source),
                        None => error,
                    }
                }
            }
        )*
    };
}

with_message_and_source!(
    EventLogError,
    EventStoreError,
    ExportError,
    LedgerError,
    PromptError
);

impl From<DatabaseError> for ConfigError {
    fn from(error: DatabaseError) -> Self {
        let (message, source) = error.into_parts();
        Self::Source {
            origin: "the database".into(),
            message,
            source,
        }
    }
}
