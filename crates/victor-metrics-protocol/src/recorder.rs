//! The role of the metrics coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::Coordinator;

use crate::{Counter, Gauge, Histogram, MetricKey, MetricsExporter, MetricsSnapshot};

/// The role of the coordinator that hands out instruments, reads them all and feeds the exporters. Called by the
/// orchestrator, from many tasks at once.
///
/// Asking for an instrument takes a look-up; writing into one does not. So who measures often asks once and keeps
/// the handle. The same key gives the same instrument; a key that already names an instrument of another kind gives
/// one that nobody reads, and the coordinator's health says so. Nothing that goes wrong here is felt by the chat.
#[async_trait]
pub trait MetricsRecorder: Coordinator {
    /// The counter of this key.
    fn counter(&self, key: &MetricKey) -> Counter;

    /// The gauge of this key.
    fn gauge(&self, key: &MetricKey) -> Gauge;

    /// The histogram of this key.
    fn histogram(&self, key: &MetricKey) -> Histogram;

    /// All measurements now.
    fn snapshot(&self) -> MetricsSnapshot;

    /// Adds an exporter, which is given snapshots from now on.
    fn add_exporter(&self, exporter: Arc<dyn MetricsExporter>);

    /// Gives every exporter a snapshot now. What goes wrong is shown in health.
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
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl MetricsRecorder for MetricsRecorder {
        fn counter(&self, key: &MetricKey) -> Counter;
        fn gauge(&self, key: &MetricKey) -> Gauge;
        fn histogram(&self, key: &MetricKey) -> Histogram;
        fn snapshot(&self) -> MetricsSnapshot;
        fn add_exporter(&self, exporter: Arc<dyn MetricsExporter>);
        async fn export_metrics(&self);
    }
}
