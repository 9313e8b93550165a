//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Times and limits of a [`MetricsCoordinator`](crate::MetricsCoordinator).
    #[derive(PartialEq, Eq)]
    pub struct MetricsOptions {
        /// Time between two snapshots for the exporters. Defaults to 60 seconds.
        pub export_interval, with_export_interval: Duration = Duration::from_secs(60);
        /// Time limit of an exporter for one snapshot. Defaults to 30 seconds.
        pub export_timeout, with_export_timeout: Duration = Duration::from_secs(30);
        /// Time limit of a shutdown for the last snapshot and the end of an exporter. Defaults to 5 seconds.
        pub shutdown_timeout, with_shutdown_timeout: Duration = Duration::from_secs(5);
        /// Number of sets of labels that are kept apart for each name; all further ones are counted as
        /// [`MetricKey::OVERFLOW`](victor_metrics_protocol::MetricKey::OVERFLOW). Defaults to 100.
        pub label_sets, with_label_sets: usize = 100;
        /// Number of names. An instrument with a further name is read by nobody, and health shows it. Defaults to
        /// 1,000.
        pub names, with_names: usize = 1_000;
        /// Number of sessions that are kept at least, and at most twice as many: those that were active last. One
        /// takes about 1 KB. Defaults to 1,000.
        pub sessions, with_sessions: usize = 1_000;
    }
}
