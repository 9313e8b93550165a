//! Writes that happen as a whole or not at all.

use crate::driver::{Connection, Lock, Pools, Row};
use crate::error::DatabaseError;
use crate::statement::{ROWS, Statement, Value};

/// A transaction that writes. If it is dropped before it has [ended](Self::end), its connection is closed, and nothing
/// of it was written.
#[derive(Debug)]
pub(crate) struct Transaction<'d> {
    connection: Connection,
    place: &'d str,
    /// Whether a statement has failed.
    failed: bool,
}

impl<'d> Transaction<'d> {
    pub(crate) async fn begin(pools: &Pools, place: &'d str) -> Result<Self, DatabaseError> {
        let begin = async {
            let mut connection = pools.writer().await?;
            connection.begin().await?;
            Ok(connection)
        };
        let connection = (begin.await).map_err(|error| DatabaseError::new(place, error))?;
        Ok(Self {
            connection,
            place,
            failed: false,
        })
    }

    pub(crate) fn place(&self) -> &'d str {
        self.place
    }

    /// The time in microseconds since 1970, by the database's clock.
    pub(crate) fn now(&self) -> &'static str {
        self.connection.now()
    }

    /// Returns the clause that selects rows for oneself and waits for others who have selected them so.
    pub(crate) fn locked(&self) -> &'static str {
        self.connection.locked()
    }

    /// Returns the clause that selects rows for oneself that nobody else has selected so.
    pub(crate) fn unless_locked(&self) -> &'static str {
        self.connection.unless_locked()
    }

    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, DatabaseError> {
        let result = self.connection.execute(statement).await;
        self.check(result)
    }

    pub(crate) async fn rows(
        &mut self,
        statement: Statement<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        let result = self.connection.rows(statement).await;
        self.check(result)
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        let result = self.connection.script(sql).await;
        self.check(result)
    }

    /// Takes a lock until the transaction ends.
    pub(crate) async fn lock(&mut self, lock: Lock) -> Result<(), DatabaseError> {
        match self.connection.lock(lock) {
            Some(sql) => self.script(sql).await,
            None => Ok(()),
        }
    }

    /// Inserts rows, many with each statement: `head` comes before them and `tail` after them.
    pub(crate) async fn insert<'a, const N: usize>(
        &mut self,
        head: &'static str,
        rows: Vec<[Value<'a>; N]>,
        tail: &'static str,
    ) -> Result<(), DatabaseError> {
        let mut rows = rows.into_iter();
        while rows.len() > 0 {
            let some = rows.by_ref().take(ROWS);
            self.execute(Statement::new(head).push_rows(some).push(tail))
                .await?;
        }
        Ok(())
    }

    /// Keeps what was written if the outcome is good, and else undoes it.
    pub(crate) async fn end<T, E>(mut self, outcome: Result<T, E>) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        if outcome.is_ok() {
            self.script("COMMIT").await?;
            self.connection.release();
        } else if !self.failed && self.script("ROLLBACK").await.is_ok() {
            self.connection.release();
        }
        outcome
    }

    fn check<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, DatabaseError> {
        self.failed |= result.is_err();
        result.map_err(|error| DatabaseError::new(self.place, error))
    }
}
