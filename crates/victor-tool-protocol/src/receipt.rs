//! Receipts of tool calls.

use std::fmt;

use async_trait::async_trait;
use victor_core::{SessionId, ToolResult};

use crate::ToolStoreError;

/// Keeps receipts of tool calls by their idempotency keys, so that a turn which is taken up again does not run a
/// finished call twice.
///
/// Implemented by adapters; called by the [`ToolExecutor`](crate::ToolExecutor) from many tasks at once, also by
/// several processes on one store. [`InMemoryReceiptStore`](crate::InMemoryReceiptStore) keeps them as long as the
/// process lives.
///
/// # Cancel safety
///
/// A dropped write has happened as a whole or not at all.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ReceiptStore: fmt::Debug + Send + Sync + 'static {
    /// Notes that a call begins, unless there is a receipt of it already, and says what was found. Of two who ask at
    /// the same time for the same key, one is told [`Receipt::New`].
    ///
    /// # Errors
    ///
    /// The store does not work. Nothing was noted.
    async fn begin(&self, session: &SessionId, key: &str) -> Result<Receipt, ToolStoreError>;

    /// Notes the result of a call that has begun.
    ///
    /// # Errors
    ///
    /// The store does not work. The call counts as begun.
    async fn finish(
        &self,
        session: &SessionId,
        key: &str,
        result: &ToolResult,
    ) -> Result<(), ToolStoreError>;

    /// Withdraws the note of a call that has begun, because it had no effect and may run again.
    ///
    /// # Errors
    ///
    /// The store does not work. The call counts as begun.
    async fn withdraw(&self, session: &SessionId, key: &str) -> Result<(), ToolStoreError>;

    /// Forgets the receipts of a session.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: ReceiptStore + ?Sized> ReceiptStore for std::sync::Arc<T> {
    victor_core::forward! {
        async fn begin<'a, 'b>(
            &self,
            session: &'a SessionId,
            key: &'b str,
        ) -> Result<Receipt, ToolStoreError>;
        async fn finish<'a, 'b, 'c>(
            &self,
            session: &'a SessionId,
            key: &'b str,
            result: &'c ToolResult,
        ) -> Result<(), ToolStoreError>;
        async fn withdraw<'a, 'b>(
            &self,
            session: &'a SessionId,
            key: &'b str,
        ) -> Result<(), ToolStoreError>;
        async fn forget<'a>(&self, session: &'a SessionId) -> Result<(), ToolStoreError>;
    }
}

/// The state of a call, as its store has it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Receipt {
    /// Nothing until now: it may run.
    New,
    /// It has begun, here or in another process, and nobody knows what came of it.
    Begun,
    /// It has ended with this result.
    Finished(ToolResult),
}
