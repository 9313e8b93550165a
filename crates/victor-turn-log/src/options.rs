//! Options of the recorder.

use std::time::Duration;

victor_core::options! {
    /// Options of a [`TurnRecorder`](crate::TurnRecorder).
    #[derive(PartialEq, Eq)]
    pub struct RecorderOptions {
        /// Time between two writes to the log. Defaults to 50 milliseconds.
        pub interval, with_interval: Duration = Duration::from_millis(50);
        /// Number of events of one turn that wait in memory while the log does not work; beyond it, the oldest are
        /// dropped. Defaults to 10,000, and is at least 1.
        pub waiting_events, with_waiting_events: usize = 10_000;
        /// Time for which the log keeps a turn after its last event. Defaults to one hour.
        pub keep, with_keep: Duration = Duration::from_secs(3_600);
        /// Time limit of one call of the log. Defaults to 30 seconds.
        pub log_timeout, with_log_timeout: Duration = Duration::from_secs(30);
    }
}
