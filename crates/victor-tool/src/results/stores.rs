//! The stores of receipts and of large results, which may fail in every way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_core::future::BoxFuture;
use tracing::warn;
use victor_core::{Lock, Part, Problems, SessionId, ToolResult, with_causes};
use victor_tool_protocol::{Receipt, ReceiptStore, ResultPage, ResultStore, ToolStoreError};

use super::output::{cut, text_bytes, whole_text};
use super::read_result::READ_RESULT;

/// The names of the stores in the health.
const RECEIPTS: &str = "receipts of tool calls";
const RESULTS: &str = "store of tool results";

/// The stores that there are.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    receipts: Option<Arc<dyn ReceiptStore>>,
    results: Option<Arc<dyn ResultStore>>,
    pub(crate) timeout: Duration,
    pub(crate) problems: Arc<Problems>,
    forgetting: Forgetting,
}

/// Sessions that are to be forgotten before anything else is asked of the stores.
#[derive(Debug, Default)]
struct Forgetting {
    sessions: Lock<Vec<SessionId>>,
    /// Whether there are any, or some are being forgotten.
    some: AtomicBool,
    turn: tokio::sync::Mutex<()>,
}

impl Stores {
    pub(crate) fn new(
        receipts: Option<Arc<dyn ReceiptStore>>,
        results: Option<Arc<dyn ResultStore>>,
    ) -> Self {
        Self {
            receipts,
            results,
            ..Self::default()
        }
    }

    /// Notes that a call begins. None if nobody keeps receipts.
    pub(crate) async fn begin(
        &self,
        session: &SessionId,
        key: &str,
    ) -> Option<Result<Receipt, String>> {
        let receipts = self.receipts.as_ref()?;
        Some(self.ask(RECEIPTS, || receipts.begin(session, key)).await)
    }

    /// Notes the result of a call that has begun. What goes wrong is in the health.
    pub(crate) async fn finish(&self, session: &SessionId, key: &str, result: &ToolResult) {
        if let Some(receipts) = &self.receipts {
            let finish = self.ask(RECEIPTS, || receipts.finish(session, key, result));
            let _ = finish.await;
        }
    }

    /// Takes the note back that a call begins. What goes wrong is in the health.
    pub(crate) async fn withdraw(&self, session: &SessionId, key: &str) {
        if let Some(receipts) = &self.receipts {
            let _ = self.ask(RECEIPTS, || receipts.withdraw(session, key)).await;
        }
    }

    /// Leaves `max` bytes of text in the parts. Stores the full text under `handle` if a result store is configured.
    pub(crate) async fn spill(
        &self,
        parts: &mut Vec<Part>,
        max: usize,
        session: &SessionId,
        handle: &str,
    ) {
        let total = text_bytes(parts);
        if total <= max {
            return;
        }
        let kept = match &self.results {
            Some(results) => {
                let text = whole_text(parts);
                let put = self.ask(RESULTS, || results.put(session, handle, &text));
                Some(put.await)
            }
            None => None,
        };
        cut(parts, max, |from, to| {
            let left_out = format!("{} of {total} bytes left out here", to - from);
            match kept {
                Some(Ok(())) => format!(
                    "{left_out}, from byte {from} to {to}: read them with `{READ_RESULT}`, handle `{handle}`"
                ),
                Some(Err(error)) => format!(
                    "{left_out}, which could not be kept ({error}): ask for a smaller part to see them"
                ),
                None => format!("{left_out}: ask for a smaller part to see them"),
            }
        });
    }

    /// A page of a text that was kept.
    pub(crate) async fn read(
        &self,
        session: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, String> {
        let Some(results) = &self.results else {
            return Ok(None);
        };
        let read = || results.read(session, handle, offset, max_bytes);
        self.ask(RESULTS, read).await
    }

    /// Has a session forgotten: at once if this is called within a runtime, otherwise before anything else is asked.
    pub(crate) fn forget(self: &Arc<Self>, session: &SessionId) {
        if self.receipts.is_none() && self.results.is_none() {
            return;
        }
        let mut sessions = self.forgetting.sessions.lock();
        sessions.push(session.clone());
        self.forgetting.some.store(true, Ordering::Release);
        drop(sessions);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let stores = Arc::clone(self);
            runtime.spawn(async move { stores.forgotten().await });
        }
    }

    /// Waits until every session is forgotten that was to be. What goes wrong is in the health, and is not tried again.
    pub(crate) async fn forgotten(&self) {
        let forgetting = &self.forgetting;
        if !forgetting.some.load(Ordering::Acquire) {
            return;
        }
        let _turn = forgetting.turn.lock().await;
        loop {
            // It stays in the list until it is forgotten, so that a dropped call leaves it to the next one.
            let next = forgetting.sessions.lock().first().cloned();
            let Some(session) = next else { break };
            if let Some(receipts) = &self.receipts {
                let _ = self.answer(RECEIPTS, || receipts.forget(&session)).await;
            }
            if let Some(results) = &self.results {
                let _ = self.answer(RESULTS, || results.forget(&session)).await;
            }
            forgetting.sessions.lock().remove(0);
        }
        let sessions = forgetting.sessions.lock();
        forgetting
            .some
            .store(!sessions.is_empty(), Ordering::Release);
    }

    /// Asks a store, once what is to be forgotten is forgotten.
    async fn ask<'a, T>(
        &self,
        store: &str,
        question: impl FnOnce() -> BoxFuture<'a, Result<T, ToolStoreError>>,
    ) -> Result<T, String> {
        self.forgotten().await;
        self.answer(store, question).await
    }

    /// The answer of a store, or what went wrong, which is noted in the health until it answers again.
    async fn answer<'a, T>(
        &self,
        store: &str,
        question: impl FnOnce() -> BoxFuture<'a, Result<T, ToolStoreError>>,
    ) -> Result<T, String> {
        let problem = match victor_guard::call(self.timeout, question).await {
            Ok(Ok(answer)) => {
                self.problems.clear(store);
                return Ok(answer);
            }
            Ok(Err(error)) => with_causes(&error),
            Err(fault) => fault.to_string(),
        };
        warn!(store, %problem, "a store of tools does not work");
        self.problems.report(store, &problem);
        Err(problem)
    }
}
