//! The role of the metrics coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_chat_protocol::TurnEvent;
use victor_core::{Coordinator, SessionId};
use victor_provider_protocol::LedgerReader;

use crate::{Counter, Gauge, Histogram, MetricKey, MetricsExporter, MetricsSnapshot};

/// The role of the coordinator that counts what happens, hands out instruments, and feeds the exporters. Called by the
/// orchestrator, from many tasks at once.
///
/// Most measurements follow from three sources, so that they agree with everything else that is told of them: the
/// [events of turns](Self::record_turn_event), the [ledgers](Self::watch_ledger) of attempts, and the
/// [health](Self::watch_coordinator) of coordinators, which has the failures that they contained. A program adds its
/// own by instruments.
///
/// Asking for an instrument takes a look-up; writing into one does not. So who measures often asks once and keeps the
/// handle. The same key gives the same instrument; a key that already names an instrument of another kind gives one
/// that nobody reads, and the coordinator's health says so. Memory is bounded: of labels that are too many, all
/// further ones are counted as [`MetricKey::OVERFLOW`], and of sessions, those that were active last are kept. Nothing
/// that goes wrong here is felt by the chat.
///
/// [`Coordinator::reset`] forgets the measurements of a session; in those of all they stay. [`Coordinator::shutdown`]
/// gives every exporter a last snapshot and ends it.
#[async_trait]
pub trait MetricsRecorder: Coordinator {
    /// The counter of this key.
    fn counter(&self, key: &MetricKey) -> Counter;

    /// The gauge of this key.
    fn gauge(&self, key: &MetricKey) -> Gauge;

    /// The histogram of this key.
    fn histogram(&self, key: &MetricKey) -> Histogram;

    /// Counts an event of a turn, without waiting. Pieces of answers need not be told.
    fn record_turn_event(&self, event: &TurnEvent);

    /// Adds a ledger, whose sums are part of every snapshot from now on. One that is added twice counts once.
    fn watch_ledger(&self, ledger: Arc<dyn LedgerReader>);

    /// Adds a coordinator, whose health is part of every snapshot as long as it lives. It is not kept alive; one that
    /// is added twice counts once.
    fn watch_coordinator(&self, coordinator: &Arc<dyn Coordinator>);

    /// All measurements now.
    fn snapshot(&self) -> MetricsSnapshot;

    /// The measurements of a session, under the same names and without labels, as far as events and ledgers tell of
    /// it;
    /// `None` if none is held.
    fn session_snapshot(&self, session: &SessionId) -> Option<MetricsSnapshot>;

    /// Adds an exporter, which is given snapshots from now on.
    fn add_exporter(&self, exporter: Arc<dyn MetricsExporter>);

    /// Gives every exporter a snapshot now. A failure is shown in health.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call drops the calls of the exporters.
    async fn export_metrics(&self);
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`MetricsRecorder`], made by mockall.
    #[derive(Debug)]
    pub MetricsRecorder {}

    #[async_trait]
    impl Coordinator for MetricsRecorder {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl MetricsRecorder for MetricsRecorder {
        fn counter(&self, key: &MetricKey) -> Counter;
        fn gauge(&self, key: &MetricKey) -> Gauge;
        fn histogram(&self, key: &MetricKey) -> Histogram;
        fn record_turn_event(&self, event: &TurnEvent);
        fn watch_ledger(&self, ledger: Arc<dyn LedgerReader>);
        fn watch_coordinator(&self, coordinator: &Arc<dyn Coordinator>);
        fn snapshot(&self) -> MetricsSnapshot;
        fn session_snapshot(&self, session: &SessionId) -> Option<MetricsSnapshot>;
        fn add_exporter(&self, exporter: Arc<dyn MetricsExporter>);
        async fn export_metrics(&self);
    }
}
