//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Options of a [`PromptCoordinator`](crate::PromptCoordinator).
    #[derive(PartialEq, Eq)]
    pub struct PromptOptions {
        /// Time limit of one contributor; beyond it, the contributor is left out. Defaults to 5 seconds. Contributors
        /// are asked side by side, so a prompt takes no longer than this.
        pub contributor_timeout, with_contributor_timeout: Duration = Duration::from_secs(5);
        /// Number of different texts that are remembered, the ones used last, so that equal prompts share one. Defaults
        /// to 32.
        pub shared_texts, with_shared_texts: usize = 32;
    }
}
