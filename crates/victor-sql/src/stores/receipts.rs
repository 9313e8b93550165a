//! The store of receipts of tool calls.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{SessionId, ToolResult};
use victor_tool_protocol::{Receipt, ReceiptStore, ToolStoreError};

use super::json;
use crate::database::Database;
use crate::error::DatabaseError;
use crate::statement::Statement;

/// Keeps receipts of tool calls in a database.
#[derive(Debug, Clone)]
pub struct SqlReceiptStore(Database);

impl Database {
    /// Returns the store of receipts of tool calls.
    #[must_use]
    pub fn receipt_store(&self) -> Arc<SqlReceiptStore> {
        Arc::new(SqlReceiptStore(self.clone()))
    }
}

#[async_trait]
impl ReceiptStore for SqlReceiptStore {
    async fn begin(&self, session: &SessionId, key: &str) -> Result<Receipt, ToolStoreError> {
        self.begin_call(session, key).await.map_err(failure)
    }

    async fn finish(
        &self,
        session: &SessionId,
        key: &str,
        result: &ToolResult,
    ) -> Result<(), ToolStoreError> {
        let statement = of(
            "INSERT INTO victor_receipts (session, key, result) VALUES ($1, $2, $3)
             ON CONFLICT (session, key) DO UPDATE SET result = excluded.result",
            session,
        );
        let statement = statement.bind(key).bind(json(result).map_err(failure)?);
        self.0.execute(statement).await.map_err(failure)?;
        Ok(())
    }

    async fn withdraw(&self, session: &SessionId, key: &str) -> Result<(), ToolStoreError> {
        let delete = "DELETE FROM victor_receipts WHERE session = $1 AND key = $2";
        let statement = of(delete, session).bind(key);
        self.0.execute(statement).await.map_err(failure)?;
        Ok(())
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        let statement = of("DELETE FROM victor_receipts WHERE session = $1", session);
        self.0.execute(statement).await.map_err(failure)?;
        Ok(())
    }
}

impl SqlReceiptStore {
    async fn begin_call(&self, session: &SessionId, key: &str) -> Result<Receipt, DatabaseError> {
        loop {
            let insert =
                "INSERT INTO victor_receipts (session, key) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            if self.0.execute(of(insert, session).bind(key)).await? == 1 {
                return Ok(Receipt::New);
            }
            let select = "SELECT result FROM victor_receipts WHERE session = $1 AND key = $2";
            let rows = self.0.rows(of(select, session).bind(key)).await?;
            // If it was withdrawn meanwhile, it begins anew.
            let Some(row) = rows.first() else { continue };
            let result = row.optional_text(0).map_err(|error| self.0.error(error))?;
            return Ok(match result {
                Some(json) => Receipt::Finished(self.0.parse(json, "receipt")?),
                None => Receipt::Begun,
            });
        }
    }
}

fn of<'a>(sql: &'static str, session: &'a SessionId) -> Statement<'a> {
    Statement::new(sql).bind(session.as_str())
}

fn failure(error: DatabaseError) -> ToolStoreError {
    let (message, source) = error.into_parts();
    let mut failure = ToolStoreError::receipts(message);
    failure.source = source;
    failure
}
