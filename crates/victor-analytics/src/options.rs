//! The coordinator's times and limits.

use std::time::Duration;

/// The coordinator's times and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsOptions {
    /// How long events wait before they are exported in the background. 60 s by default. An exporter whose queue is
    /// half full is served at once.
    pub export_interval: Duration,
    /// How long an exporter may take for one batch; then the batch comes again. 30 s by default.
    pub export_time_limit: Duration,
    /// How long a shutdown waits for the last exports, and then once more for the exporters to end. 5 s by default.
    pub shutdown_time_limit: Duration,
    /// How many events a batch has at most. 512 by default.
    pub batch_size: usize,
    /// How many events wait for one exporter at most; beyond that the oldest are dropped. 10,000 by default.
    pub waiting_events: usize,
    /// How many events of one session are held for
    /// [`session_analytics`](victor_analytics_protocol::AnalyticsTracker::session_analytics) at most; beyond that the
    /// oldest are forgotten. 1,000 by default.
    pub events_per_session: usize,
    /// How many sessions are held at most; beyond that the least recently active one is forgotten. 10,000 by default.
    pub sessions: usize,
    /// How many events of all sessions together are held at most; beyond that the least recently active sessions are
    /// forgotten. 20,000 by default, which are about 6 MB.
    pub events_in_all: usize,
}

impl Default for AnalyticsOptions {
    fn default() -> Self {
        Self {
            export_interval: Duration::from_secs(60),
            export_time_limit: Duration::from_secs(30),
            shutdown_time_limit: Duration::from_secs(5),
            batch_size: 512,
            waiting_events: 10_000,
            events_per_session: 1_000,
            sessions: 10_000,
            events_in_all: 20_000,
        }
    }
}
