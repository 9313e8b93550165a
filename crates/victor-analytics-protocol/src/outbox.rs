//! The extension point for events that outlive the process.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{AnalyticsEvent, DeadLetter, EventStoreError};

/// Keeps events until every exporter has sent them, also across the end of the process.
///
/// Implemented by databases; called by the [`AnalyticsTracker`](crate::AnalyticsTracker) of one process. An event that
/// [`append`](Self::append) has taken is sent by each exporter at least once, however the process ends. Each exporter
/// has a cursor of its own, by its name: it is at the end of the outbox when the name is [registered](Self::register)
/// for the first time, and goes on where it was in the next run.
///
/// Calls may overlap, except that one exporter's cursor is moved by one caller at a time.
///
/// # Cancel safety
///
/// A write that is dropped has happened as a whole or not at all, and may be repeated.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventOutbox: fmt::Debug + Send + Sync + 'static {
    /// Adds events at the end, in this order. An event that is there already stays where it is. If there are more than
    /// the outbox holds, the oldest are dropped; their number is returned.
    ///
    /// # Errors
    ///
    /// None of them was added.
    async fn append(&self, events: &[AnalyticsEvent]) -> Result<u64, EventStoreError>;

    /// Makes an exporter known, so that events wait for it.
    ///
    /// # Errors
    ///
    /// It may be known or not.
    async fn register(&self, exporter: &str) -> Result<(), EventStoreError>;

    /// Returns the oldest events that wait for an exporter, with their places, which grow.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    async fn waiting(
        &self,
        exporter: &str,
        limit: usize,
    ) -> Result<Vec<(u64, AnalyticsEvent)>, EventStoreError>;

    /// Moves an exporter's cursor behind a place, and keeps the dead letters among what it passes. Events that wait for
    /// no exporter any more are removed.
    ///
    /// # Errors
    ///
    /// The cursor is where it was.
    async fn advance(
        &self,
        exporter: &str,
        place: u64,
        dead: &[DeadLetter],
    ) -> Result<(), EventStoreError>;

    /// Returns the dead letters that are kept, oldest first.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, EventStoreError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: EventOutbox + ?Sized> EventOutbox for Arc<T> {
    victor_core::forward! {
        async fn append<'a>(&self, events: &'a [AnalyticsEvent]) -> Result<u64, EventStoreError>;
        async fn register<'a>(&self, exporter: &'a str) -> Result<(), EventStoreError>;
        async fn waiting<'a>(
            &self,
            exporter: &'a str,
            limit: usize,
        ) -> Result<Vec<(u64, AnalyticsEvent)>, EventStoreError>;
        async fn advance<'a, 'b>(
            &self,
            exporter: &'a str,
            place: u64,
            dead: &'b [DeadLetter],
        ) -> Result<(), EventStoreError>;
        async fn dead_letters(&self) -> Result<Vec<DeadLetter>, EventStoreError>;
    }
}
