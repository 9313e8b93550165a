//! A counter that cannot panic.

use std::sync::Arc;

use victor_context_protocol::TokenCounter;
use victor_core::{Message, Problems, contain_sync};

use super::EstimateCounter;

/// A foreign counter; where it panics, the estimate takes its place.
#[derive(Debug)]
pub(crate) struct GuardedCounter {
    inner: Arc<dyn TokenCounter>,
    problems: Arc<Problems>,
}

impl GuardedCounter {
    pub(crate) fn new(inner: Arc<dyn TokenCounter>, problems: Arc<Problems>) -> Self {
        Self { inner, problems }
    }

    fn or_estimate(&self, count: impl Fn(&dyn TokenCounter) -> u32) -> u32 {
        contain_sync(|| count(&*self.inner)).unwrap_or_else(|panicked| {
            self.problems.report("token counter", panicked);
            count(&EstimateCounter)
        })
    }
}

impl TokenCounter for GuardedCounter {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn count_text(&self, text: &str) -> u32 {
        self.or_estimate(|counter| counter.count_text(text))
    }

    fn count_message(&self, message: &Message) -> u32 {
        self.or_estimate(|counter| counter.count_message(message))
    }
}
