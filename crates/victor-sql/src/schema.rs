//! The tables, and the steps by which those of earlier versions become those of today.
//!
//! A step is never changed after it was released: what is to be different is another step. There is no way back.

use crate::driver::{Lock, Pools, Row};
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// The step from one schema to the next.
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
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-3.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-3.sql"),
    },
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-4.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-4.sql"),
    },
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-5.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-5.sql"),
    },
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-6.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-6.sql"),
    },
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-7.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-7.sql"),
    },
    Step {
        #[cfg(feature = "sqlite")]
        sqlite: include_str!("schema/sqlite-8.sql"),
        #[cfg(feature = "postgres")]
        postgres: include_str!("schema/postgres-8.sql"),
    },
];

/// The version of the schema that this crate writes.
#[cfg(feature = "sqlite")]
pub(crate) fn latest() -> i64 {
    STEPS.len() as i64
}

/// Brings the database behind `pools` to the latest schema; `place` names it in errors. Where several processes try at
/// once, one does it, and the others wait.
pub(crate) async fn migrate(pools: &Pools, place: &str) -> Result<(), DatabaseError> {
    // A database that is as it should be is not written to, since somebody else may be writing for long.
    if let Some(version) = stored_version(pools)
        .await
        .map_err(|error| DatabaseError::new(place, error))?
    {
        let steps = steps_from(place, version)?;
        // What can only be read is read as it is: later steps have added to what there was.
        if steps.is_empty() || pools.is_read_only() {
            return Ok(());
        }
    }
    let mut transaction = Transaction::begin(pools, place).await?;
    let outcome = take_steps(pools, &mut transaction).await;
    transaction.end(outcome).await
}

async fn take_steps(pools: &Pools, transaction: &mut Transaction<'_>) -> Result<(), DatabaseError> {
    let place = transaction.place();
    transaction.lock(Lock::Schema).await?;
    let table = "CREATE TABLE IF NOT EXISTS victor_schema (version BIGINT NOT NULL PRIMARY KEY)";
    transaction.script(table).await?;
    let rows = transaction.rows(select_version()).await?;
    let from = version_in(&rows).map_err(|error| DatabaseError::new(place, error))?;
    for (step, number) in steps_from(place, from)?.iter().zip(from + 1..) {
        let script = match pools {
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

/// Returns the version of the schema, or `None` if the database has no schema of ours.
async fn stored_version(pools: &Pools) -> Result<Option<i64>, sqlx::Error> {
    let statement = match pools {
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { .. } => "SELECT 1 FROM sqlite_schema WHERE name = 'victor_schema'",
        #[cfg(feature = "postgres")]
        Pools::Postgres(_) => {
            "SELECT 1 FROM pg_catalog.pg_tables \
             WHERE schemaname = current_schema() AND tablename = 'victor_schema'"
        }
    };
    if pools.rows(Statement::new(statement)).await?.is_empty() {
        return Ok(None);
    }
    version_in(&pools.rows(select_version()).await?).map(Some)
}

fn select_version() -> Statement<'static> {
    Statement::new("SELECT coalesce(max(version), 0) FROM victor_schema")
}

fn version_in(rows: &[Row]) -> Result<i64, sqlx::Error> {
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// Returns the steps that are still to be taken.
fn steps_from(place: &str, found: i64) -> Result<&'static [Step], DatabaseError> {
    let steps = usize::try_from(found)
        .ok()
        .and_then(|found| STEPS.get(found..));
    steps.ok_or_else(|| DatabaseError::TooNew {
        place: place.to_owned(),
        found,
        known: STEPS.len() as i64,
    })
}
