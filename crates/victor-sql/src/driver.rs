//! The differences between the two databases: opening them, beginning transactions, and the meaning of errors.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::time::Duration;

use sqlx::Row as _;
use sqlx::pool::PoolConnection;

use crate::statement::Statement;

/// The connections to a database.
#[derive(Clone)]
pub(crate) enum Pools {
    /// One connection that writes, since SQLite has one writer at a time, and those that read meanwhile.
    #[cfg(feature = "sqlite")]
    Sqlite {
        writer: sqlx::SqlitePool,
        readers: sqlx::SqlitePool,
        /// Whether the file can only be read; who writes is told so by SQLite.
        read_only: bool,
    },
    #[cfg(feature = "postgres")]
    Postgres(postgres::Server),
}

/// An action that two processes must not take at once, in a database with several writers at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock {
    /// Changing the schema.
    Schema,
    /// Building on links of checkpoints: together with others, but not while links are removed.
    Building,
    /// Removing links of checkpoints.
    Removing,
    /// Adding events to the outbox.
    Outbox,
}

impl Pools {
    pub(crate) async fn writer(&self) -> Result<Connection, sqlx::Error> {
        let pooled = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { writer, .. } => Pooled::Sqlite(writer.acquire().await?),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => {
                let (connection, lost) = server.acquire().await?;
                Pooled::Postgres(connection, lost)
            }
        };
        Ok(Connection(Some(pooled)))
    }

    pub(crate) async fn reader(&self) -> Result<Connection, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { readers, .. } => {
                let pooled = Pooled::Sqlite(readers.acquire().await?);
                Ok(Connection(Some(pooled)))
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.writer().await,
        }
    }

    /// Reads the rows of one statement.
    pub(crate) async fn rows(&self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        let mut reader = self.reader().await?;
        let rows = reader.rows(statement).await?;
        reader.release();
        Ok(rows)
    }

    /// Returns whether this is a file that can only be read.
    pub(crate) fn is_read_only(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { read_only, .. } => *read_only,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => false,
        }
    }

    /// Time for which a call may be made again whose connection is lost.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { .. } => Duration::ZERO,
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.patience(),
        }
    }

    /// The time in microseconds since 1970, by the database's clock.
    pub(crate) fn now(&self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { .. } => sqlite::NOW,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => postgres::NOW,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite {
                writer, readers, ..
            } => {
                // The writer goes last: it brings home what is in the write-ahead log.
                readers.close().await;
                writer.close().await;
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.close().await,
        }
    }
}

/// A connection to a database. If it is dropped and not [released](Self::release), by an error or because nobody waits
/// any more, it is closed, and the database undoes what was not committed: whatever state it was in, nobody finds it
/// so.
#[derive(Debug)]
pub(crate) struct Connection(Option<Pooled>);

#[derive(Debug)]
enum Pooled {
    #[cfg(feature = "sqlite")]
    Sqlite(PoolConnection<sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(
        PoolConnection<sqlx::Postgres>,
        std::sync::Arc<postgres::Lost>,
    ),
}

/// Does the same with the connection of either database.
macro_rules! with {
    ($connection:expr, $bound:ident => $work:expr) => {
        match $connection.0.as_mut() {
            #[cfg(feature = "sqlite")]
            Some(Pooled::Sqlite($bound)) => $work,
            #[cfg(feature = "postgres")]
            Some(Pooled::Postgres($bound, _)) => $work,
            // It is there until it is released or dropped.
            None => Err(sqlx::Error::PoolClosed),
        }
    };
}

impl Connection {
    /// Does what a statement says, and tells how many rows it has changed.
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        with!(self, connection => {
            let query = statement.query_for(&**connection)?;
            Ok(query.execute(&mut **connection).await?.rows_affected())
        })
    }

    /// The rows that a statement returns.
    pub(crate) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        with!(self, connection => {
            let query = statement.query_for(&**connection)?;
            let rows = query.fetch_all(&mut **connection).await?;
            Ok(rows.into_iter().map(Row::from).collect())
        })
    }

    /// Does what a text of statements says, none of which has values.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        with!(self, connection => {
            sqlx::raw_sql(sql).execute(&mut **connection).await?;
            Ok(())
        })
    }

    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        let sql = match &self.0 {
            // Whatever the server's default is, a statement is to see what others have committed before it.
            #[cfg(feature = "postgres")]
            Some(Pooled::Postgres(..)) => "BEGIN ISOLATION LEVEL READ COMMITTED",
            // To begin as a reader and become a writer later would fail whenever somebody has written in between.
            _ => "BEGIN IMMEDIATE",
        };
        self.script(sql).await
    }

    /// Returns the statement that takes a lock until the transaction ends, if one is needed.
    pub(crate) fn lock(&self, lock: Lock) -> Option<&'static str> {
        match &self.0 {
            #[cfg(feature = "postgres")]
            Some(Pooled::Postgres(..)) => Some(postgres::lock(lock)),
            _ => {
                // In SQLite, who has begun a transaction is alone already, whatever is to be done.
                let _ = lock;
                None
            }
        }
    }

    /// The time in microseconds since 1970, by the database's clock.
    pub(crate) fn now(&self) -> &'static str {
        match &self.0 {
            #[cfg(feature = "sqlite")]
            Some(Pooled::Sqlite(_)) => sqlite::NOW,
            #[cfg(feature = "postgres")]
            Some(Pooled::Postgres(..)) => postgres::NOW,
            // It is there until it is released or dropped.
            None => "NULL",
        }
    }

    /// Returns the clause that selects rows for oneself and waits for others who have selected them so.
    pub(crate) fn locked(&self) -> &'static str {
        match &self.0 {
            #[cfg(feature = "postgres")]
            Some(Pooled::Postgres(..)) => " FOR UPDATE",
            _ => "",
        }
    }

    /// Returns the clause that selects rows for oneself that nobody else has selected so, in a database with several writers at a time.
    pub(crate) fn unless_locked(&self) -> &'static str {
        match &self.0 {
            #[cfg(feature = "postgres")]
            Some(Pooled::Postgres(..)) => " FOR UPDATE SKIP LOCKED",
            _ => "",
        }
    }

    /// Gives the connection back, as somebody else may find it.
    pub(crate) fn release(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        match self.0.take() {
            #[cfg(feature = "sqlite")]
            Some(Pooled::Sqlite(connection)) => drop(connection.detach()),
            #[cfg(feature = "postgres")]
            Some(Pooled::Postgres(connection, lost)) => {
                lost.note();
                drop(connection.detach());
            }
            None => {}
        }
    }
}

/// A row that a statement returned.
pub(crate) enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
}

#[cfg(feature = "sqlite")]
impl From<sqlx::sqlite::SqliteRow> for Row {
    fn from(row: sqlx::sqlite::SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

#[cfg(feature = "postgres")]
impl From<sqlx::postgres::PgRow> for Row {
    fn from(row: sqlx::postgres::PgRow) -> Self {
        Self::Postgres(row)
    }
}

macro_rules! columns {
    ($($method:ident: $type:ty,)*) => {
        impl Row {
            $(pub(crate) fn $method(&self, column: usize) -> Result<$type, sqlx::Error> {
                match self {
                    #[cfg(feature = "sqlite")]
                    Self::Sqlite(row) => row.try_get(column),
                    #[cfg(feature = "postgres")]
                    Self::Postgres(row) => row.try_get(column),
                }
            })*
        }
    };
}

columns! {
    int: i64,
    optional_int: Option<i64>,
    text: &str,
    optional_text: Option<&str>,
    bytes: &[u8],
    optional_bytes: Option<&[u8]>,
}
