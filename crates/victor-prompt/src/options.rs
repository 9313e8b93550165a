//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Options of a [`PromptCoordinator`](crate::PromptCoordinator).
    #[derive(PartialEq, Eq)]
    pub struct PromptOptions {
        /// Time limit of one contributor; beyond it, the contributor is left out. Defaults to 5 seconds. Contributors
        /// are asked side by side, so a prompt takes no longer than this.
        pub contributor_timeout, with_contributor_timeout: Duration = Duration::from_secs(5);
        /// Size limit of one contribution in tokens; what is beyond it is cut, and health tells. Defaults to 16,384.
        pub contribution_tokens, with_contribution_tokens: u32 = 16_384;
        /// Number of different texts that are remembered, the ones used last, so that equal prompts share one. Defaults
        /// to 32.
        pub shared_texts, with_shared_texts: usize = 32;
        /// Number of sessions whose prompts are remembered, the ones used last. Defaults to 256.
        pub kept_sessions, with_kept_sessions: usize = 256;
        /// Time for which a prompt of a source is used before the source is asked again. Defaults to one minute.
        pub source_ttl, with_source_ttl: Duration = Duration::from_secs(60);
        /// Time limit of one call of a source. Defaults to 5 seconds.
        pub source_timeout, with_source_timeout: Duration = Duration::from_secs(5);
    }
}
