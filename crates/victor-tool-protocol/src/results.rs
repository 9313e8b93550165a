//! Results of tool calls, as they come.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use victor_core::{ToolCall, ToolCallId, ToolOutcome, ToolResult};

/// An update about running tool calls.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ToolUpdate {
    /// A call goes on, and says how far it is.
    Progress {
        /// The call.
        call: ToolCallId,
        /// The progress, in words.
        message: String,
    },
    /// Something is not as it should be with a call, for those who watch; the call goes on or is about to end.
    Notice {
        /// The call.
        call: ToolCallId,
        /// The problem, in words.
        message: String,
    },
    /// A call has ended.
    Finished(ToolResult),
}

impl From<ToolResult> for ToolUpdate {
    fn from(result: ToolResult) -> Self {
        Self::Finished(result)
    }
}

/// The updates of running tool calls: progress at any time, and the results in the order in which the calls end.
///
/// # Cancel safety
///
/// Dropping it ends the calls that still run.
pub struct ToolResults(Pin<Box<dyn Stream<Item = ToolUpdate> + Send>>);

impl ToolResults {
    /// Wraps a stream of updates, or of results alone.
    pub fn new<U: Into<ToolUpdate>>(updates: impl Stream<Item = U> + Send + 'static) -> Self {
        Self(Box::pin(Updates(Box::pin(updates))))
    }

    /// Takes a stream of updates as it is.
    #[must_use]
    pub fn from_updates(updates: Pin<Box<dyn Stream<Item = ToolUpdate> + Send>>) -> Self {
        Self(updates)
    }

    /// The next update, or none when every call has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no update.
    pub async fn next(&mut self) -> Option<ToolUpdate> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All results that are still to come, in the order in which their calls end.
    pub async fn collect_results(mut self) -> Vec<ToolResult> {
        let mut results = Vec::new();
        while let Some(result) = self.next_result().await {
            results.push(result);
        }
        results
    }

    /// Waits for the result of `call`, the only call that runs, and hands on every message about its progress.
    ///
    /// An executor that ends without a result breaks its contract; the result then is an error that says so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the call.
    pub async fn result_of(
        mut self,
        call: &ToolCall,
        mut on_progress: impl FnMut(&str),
    ) -> ToolResult {
        while let Some(update) = self.next().await {
            match update {
                ToolUpdate::Finished(result) => return result,
                ToolUpdate::Progress { message, .. } => on_progress(&message),
                ToolUpdate::Notice { .. } => {}
            }
        }
        missing_result(call)
    }

    /// The next result, past all that is said about progress, or none when every call has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no result.
    pub async fn next_result(&mut self) -> Option<ToolResult> {
        loop {
            if let ToolUpdate::Finished(result) = self.next().await? {
                return Some(result);
            }
        }
    }
}

impl Stream for ToolResults {
    type Item = ToolUpdate;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolUpdate>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ToolResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolResults")
    }
}

/// The result of a call for which the executor has none.
pub(crate) fn missing_result(call: &ToolCall) -> ToolResult {
    ToolResult::new(call, ToolOutcome::Error, "the executor returned no result")
}

/// A stream whose items become updates.
struct Updates<S>(Pin<Box<S>>);

impl<S: Stream<Item: Into<ToolUpdate>>> Stream for Updates<S> {
    type Item = ToolUpdate;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolUpdate>> {
        self.0
            .as_mut()
            .poll_next(cx)
            .map(|item| item.map(Into::into))
    }
}
