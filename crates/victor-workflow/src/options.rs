//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Options of a [`WorkflowCoordinator`](crate::WorkflowCoordinator).
    pub struct WorkflowOptions {
        /// Duration of the claim on a run without a renewal, after which another process may take it. It is renewed
        /// three times in it. Defaults to 30 seconds.
        pub claim_time, with_claim_time: Duration = Duration::from_secs(30);
        /// Time limit of one call of the journal. Defaults to 30 seconds.
        pub journal_timeout, with_journal_timeout: Duration = Duration::from_secs(30);
        /// Time limit of one attempt at a step that sets none. Defaults to one hour.
        pub step_timeout, with_step_timeout: Duration = Duration::from_secs(3600);
        /// Longest time that a run of which nothing is worked on waits within the process, for a further attempt or a
        /// time that comes soon. After that it is parked, and to be driven again. Defaults to 5 seconds.
        pub linger, with_linger: Duration = Duration::from_secs(5);
        /// Interval at which the journal is asked for what other processes have written. Defaults to 500 milliseconds.
        pub poll, with_poll: Duration = Duration::from_millis(500);
        /// Number of attempts at a step that the end of their process cut off, after which it counts as failed: it may
        /// be what ends the process. Defaults to 10.
        pub cut_off_limit, with_cut_off_limit: u32 = 10;
    }
}
