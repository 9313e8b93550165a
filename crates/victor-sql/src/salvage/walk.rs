//! Reads the rows of a damaged table.
//!
//! A table is a tree of pages in the order of row numbers. Where a page is damaged, reading on fails, but one can read
//! up to it from both ends, and look for readable pages in between by trying numbers.

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row, TypeInfo, ValueRef};

use super::Table;
use crate::error::DatabaseError;
use crate::schema;
use crate::statement::{ROWS, Statement, Value};
use crate::transaction::Transaction;

/// The number of failed reads in one table after which the rest between two damaged places is given up.
const FAILURES: usize = 10_000;

/// A damaged file that is being read.
pub(super) struct Walk {
    source: SqliteConnection,
    /// The size of the file. No gap has more rows.
    bytes: i64,
}

/// The outcome of copying a table.
pub(super) struct Copied {
    pub(super) rows: u64,
    pub(super) complete: bool,
}

#[derive(Clone, Copy)]
enum Order {
    Up,
    Down,
}

impl Walk {
    pub(super) fn new(source: SqliteConnection, bytes: u64) -> Self {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        Self { source, bytes }
    }

    /// Whether there is anything that can be read.
    pub(super) async fn check(&mut self) -> Result<(), sqlx::Error> {
        let tables = sqlx::query("SELECT count(*) FROM sqlite_schema");
        tables.fetch_all(&mut self.source).await.map(drop)
    }

    /// Whether the file is of an earlier version that had no such table.
    pub(super) async fn lacks(&mut self, table: &Table) -> bool {
        let lacks = sqlx::query_scalar::<_, bool>(
            "SELECT (SELECT max(version) FROM victor_schema) < $1
             AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = $2)",
        );
        let lacks = lacks.bind(schema::latest()).bind(&table.name);
        lacks.fetch_one(&mut self.source).await.unwrap_or(false)
    }

    /// Leaves out the columns of a table that the damaged file, which may be older, does not have.
    pub(super) async fn known(&mut self, mut table: Table) -> Table {
        let columns = sqlx::query_scalar::<_, String>("SELECT name FROM pragma_table_info($1)");
        let known = columns
            .bind(&table.name)
            .fetch_all(&mut self.source)
            .await
            .unwrap_or_default();
        // Without columns, the table is damaged or absent: reading it tells.
        if !known.is_empty() {
            table.columns.retain(|column| known.contains(column));
        }
        table
    }

    /// Copies the rows of a table that can be read.
    pub(super) async fn copy(
        &mut self,
        table: &Table,
        target: &mut Transaction<'_>,
    ) -> Result<Copied, DatabaseError> {
        let (mut copied, mut failures) = (
            Copied {
                rows: 0,
                complete: true,
            },
            0,
        );
        let mut gaps = vec![(i64::MIN, i64::MAX)];
        while let Some((low, high)) = gaps.pop() {
            let mut next = [low, high];
            let mut whole = false;
            for order in [Order::Up, Order::Down] {
                let read = self.read(table, (next[0], next[1]), order, target).await?;
                copied.rows += read.rows;
                copied.complete &= read.complete && !read.skipped;
                whole |= read.complete;
                if whole {
                    break;
                }
                failures += 1;
                match (order, read.last) {
                    (Order::Up, Some(last)) => next[0] = last + 1,
                    (Order::Down, Some(last)) => next[1] = last - 1,
                    // Row numbers begin with 1, and none is much larger than all others.
                    (Order::Up, None) => next[0] = next[0].max(1),
                    (Order::Down, None) => {
                        next[1] = next[1].min(next[0].saturating_add(self.bytes));
                    }
                }
            }
            let [low, high] = next;
            if !whole && low < high && failures < FAILURES {
                let middle = low + (high - low) / 2;
                gaps.extend([(low, middle), (middle + 1, high)]);
            }
        }
        Ok(copied)
    }

    /// Copies the rows from one end of a gap to the first that cannot be read, or all.
    async fn read(
        &mut self,
        table: &Table,
        (low, high): (i64, i64),
        order: Order,
        target: &mut Transaction<'_>,
    ) -> Result<Read, DatabaseError> {
        let order = match order {
            Order::Up => "ASC",
            Order::Down => "DESC",
        };
        let sql = AssertSqlSafe(format!(
            "SELECT rowid, {} FROM {} WHERE rowid BETWEEN $1 AND $2 ORDER BY rowid {order}",
            table.columns.join(", "),
            table.name
        ));
        let mut read = Read::default();
        let mut batch = Vec::with_capacity(ROWS);
        let mut rows = sqlx::query(sql)
            .bind(low)
            .bind(high)
            .fetch(&mut self.source);
        loop {
            let row = rows.try_next().await;
            read.complete = matches!(row, Ok(None));
            let Ok(Some(row)) = row else { break };
            read.last = row.try_get(0).ok().or(read.last);
            match values(&row) {
                Ok(values) => batch.push(values),
                Err(_) => read.skipped = true,
            }
            if batch.len() == ROWS {
                read.rows += insert(table, std::mem::take(&mut batch), target).await?;
            }
        }
        read.rows += insert(table, batch, target).await?;
        Ok(read)
    }
}

/// The outcome of reading from one end.
#[derive(Default)]
struct Read {
    rows: u64,
    /// The number of the last row that was read.
    last: Option<i64>,
    /// Whether it came to the other end.
    complete: bool,
    /// Whether a row was left out that makes no sense.
    skipped: bool,
}

/// The values of a row behind its number.
fn values(row: &SqliteRow) -> Result<Vec<Value<'static>>, sqlx::Error> {
    let value = |column: usize| {
        let raw = row.try_get_raw(column)?;
        // Of what is absent, the type is that of its column.
        if raw.is_null() {
            return Ok(Value::Int(None));
        }
        let kind = raw.type_info().name().to_owned();
        Ok(match kind.as_str() {
            "INTEGER" => row.try_get::<i64, _>(column)?.into(),
            "BLOB" => row.try_get::<Vec<u8>, _>(column)?.into(),
            _ => row.try_get::<String, _>(column)?.into(),
        })
    };
    (1..row.len()).map(value).collect()
}

/// Inserts rows into the new table, and says how many were new.
async fn insert(
    table: &Table,
    rows: Vec<Vec<Value<'static>>>,
    target: &mut Transaction<'_>,
) -> Result<u64, DatabaseError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let mut statement = Statement::new("INSERT OR IGNORE INTO ")
        .push_name(&table.name)
        .push(" (");
    for (number, column) in table.columns.iter().enumerate() {
        statement = statement
            .push(if number == 0 { "" } else { ", " })
            .push_name(column);
    }
    let mut separator = ") VALUES (";
    for row in rows {
        statement = statement.push(separator).push_values(row);
        separator = "), (";
    }
    target.execute(statement.push(")")).await
}
