//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Options of a [`ConfigCoordinator`](crate::ConfigCoordinator).
    #[derive(PartialEq, Eq)]
    pub struct ConfigOptions {
        /// Way to resolve the answers of several providers. Defaults to the first valid one.
        pub resolution, with_resolution: Resolution = Resolution::default();
        /// Time limit of one provider; beyond it, the provider counts as failing. Defaults to 5 seconds.
        pub provider_timeout, with_provider_timeout: Duration = Duration::from_secs(5);
        /// Time for which the configuration of a session is cached, once every provider that was asked has answered
        /// well. Zero caches none. Defaults to 30 seconds.
        pub cache_ttl, with_cache_ttl: Duration = Duration::from_secs(30);
        /// Interval at which files are looked at; a change counts once a file has been the same for an interval, so
        /// that none is read while it is written. Defaults to `None`: files are read again on request alone.
        pub watch_interval, with_watch_interval: Option<Duration> = None;
    }
}

/// Way to resolve the answers of several providers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// Providers are asked one after the other, highest priority first, and the first answer that is valid and not
    /// empty is the answer.
    #[default]
    FirstValid,
    /// All providers are asked at once. For each key the answer of the highest priority counts; tables are merged by
    /// their inner keys, however deep.
    Merge,
}
