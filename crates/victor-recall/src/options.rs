//! Limits within which transcripts are searched.

use std::time::Duration;

victor_core::options! {
    /// Limits of a [`RecallTool`](crate::RecallTool).
    ///
    /// ```
    /// use victor_recall::RecallOptions;
    ///
    /// let options = RecallOptions::default().with_max_sessions(100);
    /// assert_eq!(options.max_bytes, 64 * 1024 * 1024);
    /// ```
    #[derive(PartialEq, Eq)]
    pub struct RecallOptions {
        /// Number of sessions whose index is kept. Defaults to 16.
        pub max_sessions, with_max_sessions: usize = 16;
        /// Bytes that all indices together may take, by a rough estimate. A session that is larger is read again for
        /// every call. Defaults to 67,108,864 (64 MiB).
        pub max_bytes, with_max_bytes: usize = 64 * 1024 * 1024;
        /// Time limit of one call for reading and indexing, after which the model is asked to try again. The messages
        /// indexed until then are kept. Defaults to 20 seconds.
        pub timeout, with_timeout: Duration = Duration::from_secs(20);
    }
}
