//! Foreign futures and tools, which may panic in every way.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use victor_core::{Panicked, contain_sync};
use victor_tool_protocol::Tool;

/// A future of which neither making nor polling nor dropping it panics, also when it is dropped because somebody gave
/// up on it.
pub(crate) struct ContainedFuture<'a, T>(Option<BoxFuture<'a, T>>);

impl<'a, T> ContainedFuture<'a, T> {
    pub(crate) fn new(make: impl FnOnce() -> BoxFuture<'a, T>) -> Result<Self, Panicked> {
        contain_sync(make).map(|future| Self(Some(future)))
    }

    /// Ends it where it is, and says whether that went well.
    pub(crate) fn end(&mut self) -> Result<(), Panicked> {
        let future = self.0.take();
        contain_sync(|| drop(future))
    }
}

impl<T> Future for ContainedFuture<'_, T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else {
            return Poll::Pending;
        };
        match contain_sync(|| future.as_mut().poll(cx)) {
            Ok(poll) => poll.map(Ok),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}

impl<T> Drop for ContainedFuture<'_, T> {
    fn drop(&mut self) {
        // Whoever wants to know has called `end`.
        let _ = self.end();
    }
}

/// A tool, whose `Drop` may panic wherever it is let go last.
pub(crate) struct ContainedTool(Option<Arc<dyn Tool>>);

impl ContainedTool {
    pub(crate) fn new(tool: Arc<dyn Tool>) -> Self {
        Self(Some(tool))
    }
}

impl Deref for ContainedTool {
    type Target = dyn Tool;

    fn deref(&self) -> &Self::Target {
        self.0.as_deref().expect("it is taken only when dropped")
    }
}

impl Drop for ContainedTool {
    fn drop(&mut self) {
        let tool = self.0.take();
        let _ = contain_sync(|| drop(tool));
    }
}

impl fmt::Debug for ContainedTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tool")
    }
}
