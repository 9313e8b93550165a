//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Limits of a [`SessionCoordinator`](crate::SessionCoordinator), and its name among others.
    #[derive(PartialEq, Eq)]
    pub struct SessionOptions {
        /// Time limit of one call of the store. Defaults to 30 seconds. Without a tokio runtime with timers there is no
        /// limit.
        pub store_timeout, with_store_timeout: Duration = Duration::from_secs(30);
        /// Number of idle sessions whose versions are remembered. Defaults to 10,000. When there are more, all idle
        /// ones are forgotten, and their transcripts are looked at again when they are next worked on. With 0, that is
        /// done before each turn.
        pub idle_sessions, with_idle_sessions: usize = 10_000;
        /// Time after the last sign of life of a process until its sessions are free for others, where the store has
        /// leases. Defaults to 30 seconds. A sign of life is given three times as often, beside every write. With zero
        /// this coordinator takes no leases; it is refused by those of others all the same.
        pub lease_timeout, with_lease_timeout: Duration = Duration::from_secs(30);
        /// Time limit of the wait for a turn in another process, for turns and for operations on whole sessions; after
        /// it they are refused with [`SessionError::Held`](crate::protocol::SessionError::Held). Defaults to none:
        /// they wait for ever. With zero they do not wait. A process that has ended is not waited for: its lease runs
        /// out, or its end is noticed at once where both run on one machine with Linux.
        pub wait_timeout, with_wait_timeout: Option<Duration> = None;
        /// Name by which other processes are told who works on a session. Defaults to `process` and its number.
        pub owner, with_owner: String = format!("process {}", std::process::id());
    }
}
