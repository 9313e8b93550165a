//! An answer that is being written.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::{Completion, CompletionEvent, ProviderError, ProviderErrorKind};

/// An answer that is being written: deltas, then the whole [`Completion`] or an error, then nothing.
///
/// That it ends in one of the two is seen to here: if the stream within ends too early, an error of kind
/// [`Truncated`](ProviderErrorKind::Truncated) takes the place of the completion.
pub struct CompletionStream {
    events: Pin<Box<dyn Stream<Item = Result<CompletionEvent, ProviderError>> + Send>>,
    ended: bool,
}

impl CompletionStream {
    /// Wraps a stream of events.
    pub fn new(
        events: impl Stream<Item = Result<CompletionEvent, ProviderError>> + Send + 'static,
    ) -> Self {
        Self {
            events: Box::pin(events),
            ended: false,
        }
    }

    /// A stream of events that are already there.
    pub fn from_events<I>(events: I) -> Self
    where
        I: IntoIterator<Item = Result<CompletionEvent, ProviderError>>,
        I::IntoIter: Send + 'static,
    {
        Self::new(Ready(Box::new(events.into_iter())))
    }

    /// The next event; none after the completion or an error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Result<CompletionEvent, ProviderError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Reads to the end and returns the answer.
    ///
    /// # Errors
    ///
    /// The error with which the stream ends.
    pub async fn completion(mut self) -> Result<Completion, ProviderError> {
        loop {
            match self.next().await {
                Some(Ok(CompletionEvent::Finished(completion))) => return Ok(*completion),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(truncated()),
            }
        }
    }
}

impl Stream for CompletionStream {
    type Item = Result<CompletionEvent, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = ready!(self.events.as_mut().poll_next(cx)).unwrap_or_else(|| Err(truncated()));
        self.ended = matches!(item, Err(_) | Ok(CompletionEvent::Finished(_)));
        Poll::Ready(Some(item))
    }
}

impl fmt::Debug for CompletionStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionStream")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

fn truncated() -> ProviderError {
    ProviderError::new(
        ProviderErrorKind::Truncated,
        "stream",
        "the answer ended before it was whole",
    )
}

/// A stream of items that are already there.
struct Ready<T>(Box<dyn Iterator<Item = T> + Send>);

impl<T> Stream for Ready<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(self.0.next())
    }
}
