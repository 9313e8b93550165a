//! An open database.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::clock::ClockWatch;
use crate::driver::{Pools, Row};
use crate::error::DatabaseError;
use crate::options::DatabaseOptions;
use crate::patience::Patience;
use crate::schema;
use crate::signals::Signals;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// An open database, which hands out the stores in it.
///
/// A clone is the same database. Several processes may open one database, and one process may open it several times.
///
/// # Cancel safety
///
/// A call of a store that is dropped has happened as a whole or not at all. Its connection is closed, and another one
/// is opened when it is needed.
#[derive(Clone)]
pub struct Database {
    pools: Pools,
    place: Arc<str>,
    signals: Arc<Signals>,
    clock: Arc<ClockWatch>,
}

impl Database {
    /// Opens a database with the options that there are by default.
    ///
    /// The address is the path of a file (`/var/lib/agent/victor.db`), the same as a URL (`sqlite:///var/lib/...`), or
    /// a server (`postgres://user:password@host/name`). A file and its folder are made if they are not there, the file
    /// for its owner alone. A database of an earlier version is brought to the latest schema first.
    ///
    /// A file that can only be read, as on a file system that is mounted so, [is opened](Self::is_read_only), and what
    /// would write to it fails with [`DatabaseError::ReadOnly`]. Where its folder cannot be written to either, nobody
    /// else may write to it meanwhile: SQLite cannot tell then.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`]; the error of an address with a password does not show it.
    pub async fn open(address: impl AsRef<str>) -> Result<Self, DatabaseError> {
        Self::open_with(address, &DatabaseOptions::default()).await
    }

    /// Opens a database.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub async fn open_with(
        address: impl AsRef<str>,
        options: &DatabaseOptions,
    ) -> Result<Self, DatabaseError> {
        let database = Self::connect(address.as_ref(), options).await?;
        if let Err(error) = schema::migrate(&database.pools, &database.place).await {
            database.close().await;
            return Err(error);
        }
        Ok(database)
    }

    async fn connect(address: &str, options: &DatabaseOptions) -> Result<Self, DatabaseError> {
        let scheme = address.split_once("://").map(|(scheme, _)| scheme);
        match scheme {
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => {
                let (connect, place) = crate::driver::postgres::parse(address)?;
                let pools = crate::driver::postgres::open(connect, &place, options).await?;
                let place = place.into();
                Ok(Self::over(pools, place))
            }
            #[cfg(feature = "sqlite")]
            None | Some("sqlite") => {
                let path = crate::driver::sqlite::path(address)?;
                let pools = crate::driver::sqlite::open(&path, options).await?;
                let place = path.to_string_lossy().into();
                Ok(Self::over(pools, place))
            }
            other => Err(DatabaseError::Address {
                message: format!(
                    "this build opens no `{}` addresses",
                    other.unwrap_or("sqlite")
                ),
            }),
        }
    }

    fn over(pools: Pools, place: Arc<str>) -> Self {
        Self {
            pools,
            place,
            signals: Arc::default(),
            clock: Arc::default(),
        }
    }

    /// Whether a file was opened that can only be read. Of a server it shows when something is written.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.pools.is_read_only()
    }

    /// Closes the database when the calls that run have ended. Later ones fail. To drop it instead is no fault: what a
    /// call has written is there all the same.
    pub async fn close(&self) {
        self.pools.close().await;
    }

    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Those of this process who wait for others.
    pub(crate) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    /// The watch over the database's clock.
    pub(crate) fn clock(&self) -> &ClockWatch {
        &self.clock
    }

    /// Whether those who wait are notified.
    pub(crate) fn notifies(&self) -> bool {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => false,
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => true,
        }
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    pub(crate) fn error(&self, error: sqlx::Error) -> DatabaseError {
        DatabaseError::new(&self.place, error)
    }

    /// The rows that one statement reads. A statement that is lost with its connection is sent again.
    pub(crate) async fn rows(&self, statement: Statement<'_>) -> Result<Vec<Row>, DatabaseError> {
        let mut patience = self.patience();
        loop {
            let rows = self.pools.rows(statement.clone()).await;
            match rows.map_err(|error| self.error(error)) {
                Err(error) if patience.allows(&error).await => {}
                rows => return rows,
            }
        }
    }

    /// The rows that one statement returns that writes, which is a transaction by itself.
    pub(crate) async fn written(
        &self,
        statement: Statement<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let write = async {
            let mut writer = self.pools.writer().await?;
            let rows = writer.rows(statement).await?;
            writer.release();
            Ok(rows)
        };
        write.await.map_err(|error| self.error(error))
    }

    /// Writes by one statement that does no harm if it is done twice. One that is lost with its connection is sent again.
    pub(crate) async fn repeat(&self, statement: Statement<'_>) -> Result<u64, DatabaseError> {
        let mut patience = self.patience();
        loop {
            match self.execute(statement.clone()).await {
                Err(error) if patience.allows(&error).await => {}
                done => return done,
            }
        }
    }

    /// The patience with a server that restarts.
    pub(crate) fn patience(&self) -> Patience {
        Patience::new(self.pools.patience())
    }

    /// Writes by one statement, which is a transaction by itself, and tells how many rows it has changed.
    pub(crate) async fn execute(&self, statement: Statement<'_>) -> Result<u64, DatabaseError> {
        let write = async {
            let mut writer = self.pools.writer().await?;
            let count = writer.execute(statement).await?;
            writer.release();
            Ok(count)
        };
        write.await.map_err(|error| self.error(error))
    }

    /// Brings home what is in the write-ahead log of a file and empties the log, so that what was deleted is in
    /// neither. While another process reads what was there before, that stays for the next time, or for the last who
    /// closes it.
    pub(crate) async fn empty_log(&self) -> Result<(), DatabaseError> {
        match &self.pools {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => {
                let checkpoint = async {
                    let mut writer = self.pools.writer().await?;
                    let rows = writer
                        .rows(Statement::new("PRAGMA wal_checkpoint(TRUNCATE)"))
                        .await?;
                    writer.release();
                    rows.first().map_or(Ok(0), |row| row.int(0))
                };
                let busy = checkpoint.await.map_err(|error| self.error(error))?;
                if busy != 0 {
                    tracing::debug!(place = %self.place, "the log is in use, and is emptied later");
                }
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => Ok(()),
        }
    }

    /// Begins to write, on a connection that works.
    pub(crate) async fn begin(&self) -> Result<Transaction<'_>, DatabaseError> {
        let mut patience = self.patience();
        loop {
            match Transaction::begin(&self.pools, &self.place).await {
                Err(error) if patience.allows(&error).await => {}
                begun => return begun,
            }
        }
    }

    /// Reads what is kept as JSON.
    pub(crate) fn parse<T: DeserializeOwned>(
        &self,
        json: &str,
        what: &'static str,
    ) -> Result<T, DatabaseError> {
        serde_json::from_str(json).map_err(|error| DatabaseError::Unreadable {
            place: self.place.to_string(),
            what,
            source: error.into(),
        })
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.place).finish()
    }
}
