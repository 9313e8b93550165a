//! Writes that happen as a whole or not at all.

use crate::driver::{Connection, Lock, Row};
use crate::error::DatabaseError;
use crate::statement::{ROWS, Statement, Value};

/// A connection that writes. If it is dropped before its work has ended, by an error or because nobody waits any more,
/// the connection is closed, and the database undoes what was not committed. Whatever state the connection was in,
/// nobody finds it so.
#[derive(Debug)]
pub(crate) struct Transaction<'d> {
    connection: Connection,
    place: &'d str,
    /// No statement has failed or been abandoned.
    sound: bool,
    ended: bool,
}

impl<'d> Transaction<'d> {
    /// Begins a transaction.
    pub(crate) async fn begin(
        connection: Connection,
        place: &'d str,
    ) -> Result<Self, DatabaseError> {
        let mut transaction = Self {
            connection,
            place,
            sound: false,
            ended: false,
        };
        let begun = transaction.connection.begin().await;
        transaction.sound = begun.is_ok();
        begun.map_err(|error| DatabaseError::new(place, error))?;
        Ok(transaction)
    }

    /// Does what one statement says, which is a transaction by itself.
    pub(crate) async fn single(
        connection: Connection,
        place: &'d str,
        statement: Statement<'_>,
    ) -> Result<u64, DatabaseError> {
        let mut transaction = Self {
            connection,
            place,
            sound: true,
            ended: false,
        };
        let rows = transaction.execute(statement).await?;
        transaction.ended = true;
        Ok(rows)
    }

    pub(crate) fn place(&self) -> &'d str {
        self.place
    }

    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, DatabaseError> {
        self.sound = false;
        let result = self.connection.execute(statement).await;
        self.check(result)
    }

    pub(crate) async fn rows(
        &mut self,
        statement: Statement<'_>,
    ) -> Result<Vec<Row>, DatabaseError> {
        self.sound = false;
        let result = self.connection.rows(statement).await;
        self.check(result)
    }

    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        self.sound = false;
        let result = self.connection.script(sql).await;
        self.check(result)
    }

    pub(crate) async fn lock(&mut self, lock: Lock) -> Result<(), DatabaseError> {
        self.sound = false;
        let result = self.connection.lock(lock).await;
        self.check(result)
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
        match &outcome {
            Ok(_) => {
                self.script("COMMIT").await?;
                self.ended = true;
            }
            // A connection that failed is closed instead.
            Err(_) if self.sound => self.ended = self.script("ROLLBACK").await.is_ok(),
            Err(_) => {}
        }
        outcome
    }

    fn check<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, DatabaseError> {
        self.sound = result.is_ok();
        result.map_err(|error| DatabaseError::new(self.place, error))
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}
