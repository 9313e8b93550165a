//! How providers are asked.

use std::time::Duration;

/// How the coordinator asks its providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigOptions {
    /// What is made of several answers. The first one wins by default.
    pub merge_policy: MergePolicy,
    /// How long one provider may take; then it counts as failing. 5 s by default.
    pub provider_time_limit: Duration,
}

impl Default for ConfigOptions {
    fn default() -> Self {
        Self {
            merge_policy: MergePolicy::default(),
            provider_time_limit: Duration::from_secs(5),
        }
    }
}

/// What is made of the answers of several providers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MergePolicy {
    /// Providers are asked one after the other, highest priority first, and the first answer that is not empty is the
    /// answer.
    #[default]
    FirstAnswer,
    /// All providers are asked at once, and for each key the answer of the highest priority counts.
    MergeAll,
}
