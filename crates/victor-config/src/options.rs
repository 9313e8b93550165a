//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Options of a [`ConfigCoordinator`](crate::ConfigCoordinator).
    #[derive(PartialEq, Eq)]
    pub struct ConfigOptions {
        /// Way to combine the answers of several providers. Defaults to the first answer.
        pub merge_policy, with_merge_policy: MergePolicy = MergePolicy::default();
        /// Time limit of one provider; beyond it, the provider counts as failing. Defaults to 5 seconds.
        pub provider_timeout, with_provider_timeout: Duration = Duration::from_secs(5);
    }
}

/// Way to combine the answers of several providers.
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
