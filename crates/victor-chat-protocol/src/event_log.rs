//! The extension point for logs of turns, by which others follow them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::{BoxError, SessionId, Timestamp, TurnId};

use crate::TurnEvent;

/// Keeps the events of turns for some time, so that whoever did not begin a turn follows it live, from any event on and
/// from any process.
///
/// Implemented by databases; written to by whoever works a turn, in batches, and read by any number of followers.
/// [`InMemoryEventLog`](crate::InMemoryEventLog) keeps events within one process.
///
/// The log numbers the events of a turn from 0, without gaps. A turn that is resumed, perhaps in another process, goes
/// on in the same log, while the [sequence](TurnEvent::sequence) of its events begins anew. What a log has of a turn is
/// never changed, and is removed as a whole.
///
/// The journal and the transcript decide about a turn, and the log about nothing: it may lag behind by a batch, and
/// what a process had not written when it ended is missing.
///
/// # Cancel safety
///
/// A write that is dropped has happened as a whole or not at all, for each batch.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TurnEventLog: fmt::Debug + Send + Sync + 'static {
    /// Appends a batch to each of several turns, in one write, and returns for each batch, in order, the number of
    /// events that its turn had before. Where that is another number than [`first`](EventBatch::first), the batch is
    /// left out: somebody else has written, or a write of which the answer was lost has happened. Of one turn there is
    /// one batch.
    ///
    /// # Errors
    ///
    /// The log does not work. Some of the batches may be there.
    async fn append(&self, batches: &[EventBatch]) -> Result<Vec<u64>, EventLogError>;

    /// Returns the number of events of a turn.
    ///
    /// # Errors
    ///
    /// The log does not work.
    async fn len(&self, turn: TurnId) -> Result<u64, EventLogError>;

    /// Returns the events of a turn from a number on, in order: at least one if there are any, and about `max` at most,
    /// since whole batches are read.
    ///
    /// # Errors
    ///
    /// The log does not work, or holds what cannot be read.
    async fn read(
        &self,
        turn: TurnId,
        from: u64,
        max: usize,
    ) -> Result<Vec<TurnEvent>, EventLogError>;

    /// Waits until a turn has more events than `known`, for so long at most. It may return without them.
    ///
    /// # Errors
    ///
    /// The log does not work.
    async fn wait(&self, turn: TurnId, known: u64, time: Duration) -> Result<(), EventLogError>;

    /// Removes the turns of which nothing was written since a time, and returns how many batches there were.
    ///
    /// # Errors
    ///
    /// The log does not work.
    async fn remove_before(&self, time: Timestamp) -> Result<u64, EventLogError>;

    /// Returns the events of a turn from a number on, as [`read`](Self::read) does. If there are none, waits for them,
    /// for so long at most. The turn has ended when the last event [says so](crate::TurnEventKind::is_end).
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    async fn follow(
        &self,
        turn: TurnId,
        from: u64,
        max: usize,
        time: Duration,
    ) -> Result<Vec<TurnEvent>, EventLogError> {
        let events = self.read(turn, from, max).await?;
        if !events.is_empty() || time.is_zero() {
            return Ok(events);
        }
        self.wait(turn, from, time).await?;
        self.read(turn, from, max).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: TurnEventLog + ?Sized> TurnEventLog for Arc<T> {
    victor_core::forward! {
        async fn append<'a>(&self, batches: &'a [EventBatch]) -> Result<Vec<u64>, EventLogError>;
        async fn len(&self, turn: TurnId) -> Result<u64, EventLogError>;
        async fn read(
            &self,
            turn: TurnId,
            from: u64,
            max: usize,
        ) -> Result<Vec<TurnEvent>, EventLogError>;
        async fn wait(
            &self,
            turn: TurnId,
            known: u64,
            time: Duration,
        ) -> Result<(), EventLogError>;
        async fn remove_before(&self, time: Timestamp) -> Result<u64, EventLogError>;
        async fn follow(
            &self,
            turn: TurnId,
            from: u64,
            max: usize,
            time: Duration,
        ) -> Result<Vec<TurnEvent>, EventLogError>;
    }
}

/// Events of one turn, which are written together.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EventBatch {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The number of the first event.
    pub first: u64,
    /// The events.
    pub events: Vec<TurnEvent>,
}

impl EventBatch {
    /// Creates a batch from this number on.
    #[must_use]
    pub fn new(session: SessionId, turn: TurnId, first: u64, events: Vec<TurnEvent>) -> Self {
        Self {
            session,
            turn,
            first,
            events,
        }
    }

    /// Returns the number behind the last event.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

/// Error of a log of turns.
#[derive(Debug, thiserror::Error)]
#[error("the log of turns failed: {message}")]
#[non_exhaustive]
pub struct EventLogError {
    /// Description of the failure.
    pub message: String,
    /// Error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl EventLogError {
    /// Returns the error of a call that failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Adds the error beneath.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }
}
