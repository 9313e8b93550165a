//! Results of tool calls, as they come.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use victor_core::ToolResult;

/// Results of tool calls in the order in which the calls end.
///
/// # Cancel safety
///
/// Dropping it ends the calls that still run.
pub struct ToolResults(Pin<Box<dyn Stream<Item = ToolResult> + Send>>);

impl ToolResults {
    /// Wraps a stream of results.
    pub fn new(results: impl Stream<Item = ToolResult> + Send + 'static) -> Self {
        Self(Box::pin(results))
    }

    /// The next result, or none when every call has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no result.
    pub async fn next(&mut self) -> Option<ToolResult> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for ToolResults {
    type Item = ToolResult;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolResult>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ToolResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToolResults")
    }
}
