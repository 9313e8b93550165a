//! The store of large results.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::SessionId;
use victor_tool_protocol::{ResultPage, ResultStore, ToolStoreError};

use crate::database::Database;
use crate::error::DatabaseError;
use crate::statement::Statement;

/// Keeps the texts of large results in a database, as bytes: a page begins at a byte.
#[derive(Debug, Clone)]
pub struct SqlResultStore(Database);

impl Database {
    /// Returns the store of results that are too large for a conversation.
    #[must_use]
    pub fn result_store(&self) -> Arc<SqlResultStore> {
        Arc::new(SqlResultStore(self.clone()))
    }
}

/// A character has at most so many bytes after its first.
const REST: u64 = 3;

#[async_trait]
impl ResultStore for SqlResultStore {
    async fn put(
        &self,
        session: &SessionId,
        handle: &str,
        text: &str,
    ) -> Result<(), ToolStoreError> {
        let statement = Statement::new(
            "INSERT INTO victor_results (session, handle, text) VALUES ($1, $2, $3)
             ON CONFLICT (session, handle) DO UPDATE SET text = excluded.text",
        );
        let statement = statement.bind(session.as_str()).bind(handle);
        let written = self.0.execute(statement.bind(text.as_bytes())).await;
        written.map(drop).map_err(failure)
    }

    async fn read(
        &self,
        session: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, ToolStoreError> {
        // Some bytes more on both sides, so that the characters at the edges are whole. No database holds a text of
        // more bytes than an `i32` counts.
        let clamp = |number: u64| i64::from(i32::try_from(number).unwrap_or(i32::MAX - 8));
        let start = offset.saturating_sub(REST);
        let count = (max_bytes as u64).saturating_add(2 * REST + 1);
        let statement = Statement::new(
            "SELECT CAST(length(text) AS BIGINT), substr(text, CAST($1 AS INTEGER), CAST($2 AS INTEGER))
             FROM victor_results WHERE session = $3 AND handle = $4",
        )
        .bind(clamp(start) + 1)
        .bind(clamp(count))
        .bind(session.as_str())
        .bind(handle);
        let rows = self.0.rows(statement).await.map_err(failure)?;
        let page = rows.first().map(|row| {
            let total = row.int(0)?.unsigned_abs();
            Ok(cut(row.bytes(1)?, start, total, offset, max_bytes))
        });
        let page = page.transpose();
        page.map_err(|error| failure(self.0.error(error)))
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        let statement = Statement::new("DELETE FROM victor_results WHERE session = $1");
        let deleted = self.0.execute(statement.bind(session.as_str())).await;
        deleted.map(drop).map_err(failure)
    }
}

/// Cuts a page out of `bytes`, which begin at byte `start` of the text and have some more than the page on each side.
fn cut(bytes: &[u8], start: u64, total: u64, offset: u64, max_bytes: usize) -> ResultPage {
    if offset >= total {
        return ResultPage::new(String::new(), total, total);
    }
    let torn = bytes
        .iter()
        .take_while(|byte| **byte & 0xc0 == 0x80)
        .count();
    let bytes = &bytes[torn..];
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        // What is torn at the end is not part of the page.
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let start = start + torn as u64;
    let mut page = ResultPage::of(text, offset - start, max_bytes);
    page.offset += start;
    page.total = total;
    page
}

fn failure(error: DatabaseError) -> ToolStoreError {
    let (message, source) = error.into_parts();
    let mut failure = ToolStoreError::results(message);
    failure.source = source;
    failure
}
