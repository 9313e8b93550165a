//! Databases for a benchmark.

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use tempfile::TempDir;
use victor_sql::Database;

/// A new SQLite database in a temporary folder, which is removed with it.
#[derive(Debug)]
pub struct DatabaseFile {
    /// The database.
    pub database: Database,
    folder: TempDir,
}

/// How large a database is, in bytes.
#[derive(Debug)]
pub struct Size {
    /// What the rows of its tables hold, which is neither indexes nor room that is free.
    pub rows: u64,
    /// What is on disk.
    pub file: u64,
}

const NAME: &str = "victor.db";

impl DatabaseFile {
    /// A database of Victor's stores with nothing in them.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = folder.path().join(NAME).display().to_string();
        let database = Database::open(address).await.expect("a database");
        Self { database, folder }
    }

    /// Connects to the file beside the stores, and in the way that they do.
    ///
    /// # Panics
    ///
    /// It does not open.
    pub async fn connect(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.folder.path().join(NAME))
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new().test_before_acquire(false);
        pool.connect_with(options).await.expect("a connection")
    }

    /// Closes the database and weighs it.
    ///
    /// # Panics
    ///
    /// It cannot be read.
    pub async fn weigh(self) -> Size {
        let pool = self.connect().await;
        let rows: i64 = sqlx::query_scalar(
            "SELECT sum(payload) FROM dbstat
             WHERE name IN (SELECT name FROM sqlite_schema WHERE type = 'table')",
        )
        .fetch_one(&pool)
        .await
        .expect("a number");
        pool.close().await;
        // With its last connection the log becomes part of the file.
        self.database.close().await;
        let file = self.folder.path().join(NAME).metadata();
        Size {
            rows: rows.unsigned_abs(),
            file: file.expect("a file").len(),
        }
    }
}
