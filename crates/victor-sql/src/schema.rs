//! The tables, and how those of earlier versions become those of today.
//!
//! A step is never changed after it was released: what is to be different is another step. There is no way back.

use crate::database::Database;
use crate::driver::{Lock, Pools};
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// The way from one schema to the next.
struct Step {
    #[cfg(feature = "sqlite")]
    sqlite: &'static str,
    #[cfg(feature = "postgres")]
    postgres: &'static str,
}

/// The steps from an empty database to the latest schema, whose number is how many they are.
const STEPS: &[Step] = &[
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-1.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-1.sql"),
    },
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-2.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-2.sql"),
    },
];

/// Brings a database to the latest schema. Of several processes that try at once, one does, and the others wait.
pub(crate) async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    // A database that is as it should be is not written to, since somebody else may be writing for long.
    if is_there(database).await? {
        let rows = database.rows(version()).await?;
        let steps = steps_from(database, found(database, &rows)?)?;
        // What can only be read is read as it is: later steps have added to what there was.
        if steps.is_empty() || database.is_read_only() {
            return Ok(());
        }
    }
    let mut transaction = database.begin().await?;
    let outcome = take_steps(database, &mut transaction).await;
    transaction.end(outcome).await
}

async fn take_steps(
    database: &Database,
    transaction: &mut Transaction<'_>,
) -> Result<(), DatabaseError> {
    transaction.lock(Lock::Schema).await?;
    let table = "CREATE TABLE IF NOT EXISTS victor_schema (version BIGINT NOT NULL PRIMARY KEY)";
    transaction.script(table).await?;
    let rows = transaction.rows(version()).await?;
    let from = found(database, &rows)?;
    for (step, number) in steps_from(database, from)?.iter().zip(from + 1..) {
        let script = match database.pools() {
            #[cfg(feature = "sqlite")]
            Pools::Sqlite { .. } => step.sqlite,
            #[cfg(feature = "postgres")]
            Pools::Postgres(_) => step.postgres,
        };
        transaction.script(script).await?;
        let done = Statement::new("INSERT INTO victor_schema (version) VALUES ($1)").bind(number);
        transaction.execute(done).await?;
    }
    Ok(())
}

fn version() -> Statement<'static> {
    Statement::new("SELECT coalesce(max(version), 0) FROM victor_schema")
}

fn found(database: &Database, rows: &[crate::driver::Row]) -> Result<i64, DatabaseError> {
    let version = rows.first().map_or(Ok(0), |row| row.int(0));
    version.map_err(|error| database.error(error))
}

/// The steps that are still to be taken.
fn steps_from(database: &Database, found: i64) -> Result<&'static [Step], DatabaseError> {
    let steps = usize::try_from(found)
        .ok()
        .and_then(|found| STEPS.get(found..));
    steps.ok_or_else(|| DatabaseError::TooNew {
        place: database.place().to_owned(),
        found,
        known: STEPS.len() as i64,
    })
}

/// Whether the database has a schema of ours.
async fn is_there(database: &Database) -> Result<bool, DatabaseError> {
    let statement = match database.pools() {
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { .. } => "SELECT 1 FROM sqlite_schema WHERE name = 'victor_schema'",
        #[cfg(feature = "postgres")]
        Pools::Postgres(_) => {
            "SELECT 1 FROM pg_catalog.pg_tables \
             WHERE schemaname = current_schema() AND tablename = 'victor_schema'"
        }
    };
    let rows = database.rows(Statement::new(statement)).await?;
    Ok(!rows.is_empty())
}
