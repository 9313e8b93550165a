//! Limits within which transcripts are searched.

use std::time::Duration;

/// Limits within which a [`RecallTool`](crate::RecallTool) works.
///
/// ```
/// use victor_recall::RecallOptions;
///
/// let options = RecallOptions::default().with_max_sessions(100);
/// assert_eq!(options.max_bytes, 64 * 1024 * 1024);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecallOptions {
    /// Of how many sessions the index is kept. Default: 16.
    pub max_sessions: usize,
    /// How many bytes all indices that are kept may take, by a rough estimate. A session that is larger is read anew
    /// for every call. Default: 67,108,864 (64 MiB).
    pub max_bytes: usize,
    /// The longest time that one call spends on reading and indexing, after which the model is told to try again. What
    /// was indexed until then is kept. Default: 20 seconds.
    pub timeout: Duration,
}

impl Default for RecallOptions {
    fn default() -> Self {
        Self {
            max_sessions: 16,
            max_bytes: 64 * 1024 * 1024,
            timeout: Duration::from_secs(20),
        }
    }
}

impl RecallOptions {
    /// Sets of how many sessions the index is kept.
    #[must_use]
    pub fn with_max_sessions(mut self, max_sessions: usize) -> Self {
        self.max_sessions = max_sessions;
        self
    }

    /// Sets how many bytes all indices that are kept may take.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Sets the longest time for reading and indexing.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
