//! Stores of receipts.

use async_trait::async_trait;
use victor_core::{SessionId, ToolCall, ToolOutcome, ToolResult};
use victor_tool_protocol::{Receipt, ReceiptStore, ToolStoreError};

use crate::Encrypted;
use crate::seal::{Place, SEALED, from_json, to_json};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: ReceiptStore> ReceiptStore for Encrypted<S> {
    async fn begin(&self, session: &SessionId, key: &str) -> Result<Receipt, ToolStoreError> {
        match self.inner.begin(session, key).await? {
            Receipt::Finished(sealed) => {
                let place = Place(&["receipt", session.as_str(), key]);
                let opened = self
                    .keys
                    .open(place, &sealed.text())
                    .and_then(|text| from_json(&text))
                    .map_err(|error| {
                        let what = format!("the result of receipt `{key}` cannot be opened");
                        ToolStoreError::receipts(what).with_source(error)
                    })?;
                Ok(Receipt::Finished(opened))
            }
            other => Ok(other),
        }
    }

    async fn finish(
        &self,
        session: &SessionId,
        key: &str,
        result: &ToolResult,
    ) -> Result<(), ToolStoreError> {
        let place = Place(&["receipt", session.as_str(), key]);
        let sealed = self.keys.seal(place, &to_json(result)).map_err(|error| {
            let what = format!("the result of receipt `{key}` cannot be sealed");
            ToolStoreError::receipts(what).with_source(error)
        })?;
        let call = ToolCall::new(result.call_id.clone(), SEALED, "");
        let sealed = ToolResult::new(&call, ToolOutcome::from(SEALED), sealed);
        self.inner.finish(session, key, &sealed).await
    }

    async fn withdraw(&self, session: &SessionId, key: &str) -> Result<(), ToolStoreError> {
        self.inner.withdraw(session, key).await
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        self.inner.forget(session).await
    }
}
