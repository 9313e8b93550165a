//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Times and limits of an [`AnalyticsCoordinator`](crate::AnalyticsCoordinator).
    #[derive(PartialEq, Eq)]
    pub struct AnalyticsOptions {
        /// Time that events wait before they are exported in the background. Defaults to 60 seconds.
        pub export_interval, with_export_interval: Duration = Duration::from_secs(60);
        /// Number of events that wait for an exporter at which it is served at once, or when its queue is half full.
        /// Defaults to 512.
        pub export_events, with_export_events: usize = 512;
        /// Pause after an export that failed in the background. It doubles with each failure in a row, and is shortened
        /// by chance by up to a half. Defaults to 1 second.
        pub retry_pause, with_retry_pause: Duration = Duration::from_secs(1);
        /// Longest pause after a failure, also where the destination asks for a longer one. Defaults to 5 minutes.
        pub retry_pause_limit, with_retry_pause_limit: Duration = Duration::from_secs(300);
        /// Time limit of an exporter for one batch; beyond it, the batch comes again. Defaults to 30 seconds.
        pub export_timeout, with_export_timeout: Duration = Duration::from_secs(30);
        /// Time limit of a shutdown for the last exports, and once more for the exporters to end. Defaults to 5
        /// seconds.
        pub shutdown_timeout, with_shutdown_timeout: Duration = Duration::from_secs(5);
        /// Maximum number of events in a batch. Defaults to 512.
        pub batch_size, with_batch_size: usize = 512;
        /// Maximum number of events that wait for one exporter; beyond it, the oldest are dropped. Defaults to 10,000.
        pub waiting_events, with_waiting_events: usize = 10_000;
        /// Maximum number of [dead letters](victor_analytics_protocol::AnalyticsTracker::dead_letters) that are held in
        /// memory; beyond it, the oldest are forgotten. Defaults to 1,000.
        pub dead_letters, with_dead_letters: usize = 1_000;
        /// Maximum number of events of one session that are held for
        /// [`session_analytics`](victor_analytics_protocol::AnalyticsTracker::session_analytics); beyond it, the oldest
        /// are forgotten. Defaults to 1,000.
        pub events_per_session, with_events_per_session: usize = 1_000;
        /// Maximum number of sessions that are held; beyond it, the least recently active one is forgotten. Defaults to
        /// 10,000.
        pub sessions, with_sessions: usize = 10_000;
        /// Maximum number of events of all sessions together; beyond it, the least recently active sessions are
        /// forgotten. Defaults to 20,000, which take about 6 MB.
        pub events_in_all, with_events_in_all: usize = 20_000;
    }
}
