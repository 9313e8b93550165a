//! The role of the analytics coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, SessionId};

use crate::{AnalyticsEvent, AnalyticsExporter, DeadLetter, EventQuery, ExportResult};

/// The role of the coordinator that collects events and feeds the exporters. Called by the orchestrator, from many
/// tasks at once.
///
/// Nothing that goes wrong here is felt by the chat: events wait in bounded memory while an exporter fails, and what
/// is dropped in the end is counted and shown in its health, and so is an exporter that fails, until it works again.
/// An exporter that fails, panics or takes too long is not felt by the others. [`Coordinator::shutdown`] sends what
/// waits of every session and ends each exporter once, and [`Coordinator::reset`] forgets a session's events.
#[async_trait]
pub trait AnalyticsTracker: Coordinator {
    /// Tracks an event of a session, without waiting.
    fn track_event(&self, session: &SessionId, event: AnalyticsEvent);

    /// Sends what waits of a session to every exporter, now. The result has the [outcome of each
    /// exporter](ExportResult::exporters) and the total.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call loses nothing: what was under way is sent again.
    async fn export_analytics(&self, session: &SessionId) -> ExportResult;

    /// Returns the events that are held of a session.
    #[doc(alias = "get_session_analytics")]
    fn session_analytics(&self, session: &SessionId) -> SessionAnalytics;

    /// Returns those events that are held of all sessions which a query chooses, in the order of time. Older ones are
    /// found in the [`EventStore`](crate::EventStore) to which they were exported.
    fn events(&self, query: &EventQuery) -> Vec<AnalyticsEvent>;

    /// Adds an exporter, which is sent the events from now on.
    fn add_exporter(&self, exporter: Arc<dyn AnalyticsExporter>);

    /// Returns the events that exporters have given up since the start and that are still held, oldest first. The
    /// default is none.
    fn dead_letters(&self) -> Vec<DeadLetter> {
        Vec::new()
    }
}

/// Events that analytics holds of a session.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionAnalytics {
    /// The events that are still held, oldest first.
    pub events: Vec<AnalyticsEvent>,
    /// Number of older events that are no longer held.
    pub forgotten: u64,
}

impl SessionAnalytics {
    /// These events, after `forgotten` older ones.
    #[must_use]
    pub fn new(events: Vec<AnalyticsEvent>, forgotten: u64) -> Self {
        Self { events, forgotten }
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`AnalyticsTracker`], made by mockall.
    #[derive(Debug)]
    pub AnalyticsTracker {}

    #[async_trait]
    impl Coordinator for AnalyticsTracker {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl AnalyticsTracker for AnalyticsTracker {
        fn track_event(&self, session: &SessionId, event: AnalyticsEvent);
        async fn export_analytics(&self, session: &SessionId) -> ExportResult;
        fn session_analytics(&self, session: &SessionId) -> SessionAnalytics;
        fn events(&self, query: &EventQuery) -> Vec<AnalyticsEvent>;
        fn add_exporter(&self, exporter: Arc<dyn AnalyticsExporter>);
        fn dead_letters(&self) -> Vec<DeadLetter>;
    }
}
