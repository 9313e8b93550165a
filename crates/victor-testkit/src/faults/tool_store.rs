//! Faults of the stores of tools.

use async_trait::async_trait;
use victor_core::{SessionId, ToolResult};
use victor_tool_protocol::{Receipt, ReceiptStore, ResultPage, ResultStore, ToolStoreError};

use super::Faulty;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: ReceiptStore> ReceiptStore for Faulty<T> {
    async fn begin(&self, session: &SessionId, key: &str) -> Result<Receipt, ToolStoreError> {
        self.run(self.inner.begin(session, key), ToolStoreError::receipts)
            .await
    }

    async fn finish(
        &self,
        session: &SessionId,
        key: &str,
        result: &ToolResult,
    ) -> Result<(), ToolStoreError> {
        let finish = self.inner.finish(session, key, result);
        self.run(finish, ToolStoreError::receipts).await
    }

    async fn withdraw(&self, session: &SessionId, key: &str) -> Result<(), ToolStoreError> {
        self.run(self.inner.withdraw(session, key), ToolStoreError::receipts)
            .await
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        self.run(self.inner.forget(session), ToolStoreError::receipts)
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: ResultStore> ResultStore for Faulty<T> {
    async fn put(
        &self,
        session: &SessionId,
        handle: &str,
        text: &str,
    ) -> Result<(), ToolStoreError> {
        self.run(
            self.inner.put(session, handle, text),
            ToolStoreError::results,
        )
        .await
    }

    async fn read(
        &self,
        session: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, ToolStoreError> {
        let read = self.inner.read(session, handle, offset, max_bytes);
        self.run(read, ToolStoreError::results).await
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        self.run(self.inner.forget(session), ToolStoreError::results)
            .await
    }
}
