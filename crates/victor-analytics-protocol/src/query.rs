//! Finding events.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{BoxError, EventId, SessionId, Timestamp};

use crate::AnalyticsEvent;

victor_core::options! {
    /// A choice of events. Without conditions it is all of them.
    ///
    /// ```
    /// use victor_analytics_protocol::{AnalyticsEvent, EventQuery};
    ///
    /// let query = EventQuery::default().with_types(vec!["tool_call_finished".into()]);
    /// assert!(query.matches(&AnalyticsEvent::new("tool_call_finished")));
    /// assert!(!query.matches(&AnalyticsEvent::new("turn_started")));
    /// ```
    #[derive(PartialEq, Eq)]
    pub struct EventQuery {
        /// Session of the events. Defaults to any.
        pub session, with_session: Option<SessionId> = None;
        /// Kinds of the events. Defaults to an empty list, which is any.
        pub types, with_types: Vec<String> = Vec::new();
        /// Tag that the events have. Defaults to none.
        pub tag, with_tag: Option<Arc<str>> = None;
        /// Time from which on the events are, inclusive. Defaults to any.
        pub since, with_since: Option<Timestamp> = None;
        /// Time up to which the events are, exclusive. Defaults to any.
        pub until, with_until: Option<Timestamp> = None;
        /// Place in the order of time after which to go on: that of the last event of the page before. Defaults to
        /// the start.
        pub after, with_after: Option<EventPosition> = None;
        /// Whether the newest events come first. Defaults to `false`.
        pub newest_first, with_newest_first: bool = false;
        /// Maximum number of events. Defaults to all.
        pub limit, with_limit: Option<usize> = None;
    }
}

/// A place in the order of events: by their time to the microsecond, and by their identifier where that is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct EventPosition {
    /// Time of the event, in whole microseconds.
    pub timestamp: Timestamp,
    /// The event.
    pub id: EventId,
}

impl From<&AnalyticsEvent> for EventPosition {
    fn from(event: &AnalyticsEvent) -> Self {
        let whole = Timestamp::from_unix_micros(event.timestamp.as_unix_micros());
        Self {
            timestamp: whole.unwrap_or(event.timestamp),
            id: event.id,
        }
    }
}

impl EventQuery {
    /// Returns whether an event meets the conditions; the limit is left aside.
    #[must_use]
    pub fn matches(&self, event: &AnalyticsEvent) -> bool {
        let position = EventPosition::from(event);
        let is_behind = |after: EventPosition| match self.newest_first {
            false => position > after,
            true => position < after,
        };
        (self.session.is_none() || self.session == event.session_id)
            && (self.types.is_empty() || self.types.iter().any(|kind| *kind == event.event_type))
            && self.tag.as_ref().is_none_or(|tag| event.tags.contains(tag))
            && self.since.is_none_or(|since| event.timestamp >= since)
            && self.until.is_none_or(|until| event.timestamp < until)
            && self.after.is_none_or(is_behind)
    }

    /// Chooses from events that are at hand, and puts them in order.
    pub fn select(&self, events: impl IntoIterator<Item = AnalyticsEvent>) -> Vec<AnalyticsEvent> {
        let mut found: Vec<_> = (events.into_iter())
            .filter(|event| self.matches(event))
            .collect();
        found.sort_by_key(|event| EventPosition::from(event));
        if self.newest_first {
            found.reverse();
        }
        found.truncate(self.limit.unwrap_or(usize::MAX));
        found
    }
}

/// Events that were exported and can be read again.
///
/// Implemented by databases; called by reports and commands, also side by side.
///
/// # Cancel safety
///
/// A read that is dropped has changed nothing.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventStore: std::fmt::Debug + Send + Sync + 'static {
    /// Returns the events that a query chooses, in the order of time.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    async fn events(&self, query: &EventQuery) -> Result<Vec<AnalyticsEvent>, EventStoreError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: EventStore + ?Sized> EventStore for Arc<T> {
    victor_core::forward! {
        async fn events<'a>(
            &self,
            query: &'a EventQuery,
        ) -> Result<Vec<AnalyticsEvent>, EventStoreError>;
    }
}

/// Error of a store of events or of an outbox.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct EventStoreError {
    /// Description of the failure.
    pub message: String,
    /// Error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl EventStoreError {
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
