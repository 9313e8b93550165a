//! Where the two databases differ: how they are opened, how a transaction begins and what their errors mean.

#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Row as _};

use crate::statement::Statement;

/// The connections to a database.
#[derive(Clone)]
pub(crate) enum Pools {
    /// One connection that writes, since SQLite has one writer at a time, and those that read meanwhile.
    #[cfg(feature = "sqlite")]
    Sqlite {
        writer: sqlx::SqlitePool,
        readers: sqlx::SqlitePool,
    },
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
}

/// What two processes must not do at once, where the database has several writers at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock {
    /// Changing the schema.
    Schema,
    /// Building on links of checkpoints: together with others, but not while links are removed.
    Building,
    /// Removing links of checkpoints.
    Removing,
}

impl Pools {
    pub(crate) async fn writer(&self) -> Result<Connection, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { writer, .. } => writer.acquire().await.map(Connection::Sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.acquire().await.map(Connection::Postgres),
        }
    }

    pub(crate) async fn reader(&self) -> Result<Connection, sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { readers, .. } => readers.acquire().await.map(Connection::Sqlite),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.acquire().await.map(Connection::Postgres),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite { writer, readers } => {
                // The writer goes last: it brings home what is in the write-ahead log.
                readers.close().await;
                writer.close().await;
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A connection to a database.
#[derive(Debug)]
pub(crate) enum Connection {
    #[cfg(feature = "sqlite")]
    Sqlite(PoolConnection<sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(PoolConnection<sqlx::Postgres>),
}

impl Connection {
    /// Does what a statement says, and tells how many rows it has changed.
    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(statement.sql.clone());
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => {
                let arguments: sqlx::sqlite::SqliteArguments = statement.arguments()?;
                let query = sqlx::query_with(sql, arguments);
                Ok(query.execute(&mut **connection).await?.rows_affected())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => {
                let arguments: sqlx::postgres::PgArguments = statement.arguments()?;
                let query = sqlx::query_with(sql, arguments);
                Ok(query.execute(&mut **connection).await?.rows_affected())
            }
        }
    }

    /// The rows that a statement returns.
    pub(crate) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<Row>, sqlx::Error> {
        let sql = AssertSqlSafe(statement.sql.clone());
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => {
                let arguments: sqlx::sqlite::SqliteArguments = statement.arguments()?;
                let query = sqlx::query_with(sql, arguments);
                let rows = query.fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => {
                let arguments: sqlx::postgres::PgArguments = statement.arguments()?;
                let query = sqlx::query_with(sql, arguments);
                let rows = query.fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Does what a text of statements says, none of which has values.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => {
                sqlx::raw_sql(sql).execute(&mut **connection).await?;
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => {
                sqlx::raw_sql(sql).execute(&mut **connection).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        let sql = match self {
            // To begin as a reader and become a writer later would fail whenever somebody has written in between.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            // Whatever the server's defaults are, a statement is to see what others have committed before it.
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        self.script(sql).await
    }

    /// Takes a lock until the transaction ends.
    pub(crate) async fn lock(&mut self, lock: Lock) -> Result<(), sqlx::Error> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => {
                // Who has begun a transaction is alone already, whatever is to be done.
                let _ = lock;
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.script(postgres::lock(lock)).await,
        }
    }

    /// Closes the connection when it is dropped, instead of keeping it for others.
    pub(crate) fn close_on_drop(&mut self) {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => connection.close_on_drop(),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection) => connection.close_on_drop(),
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
    text: &str,
    optional_text: Option<&str>,
    bytes: &[u8],
    optional_bytes: Option<&[u8]>,
}
