//! Options of the coordinator.

use std::time::Duration;

victor_core::options! {
    /// Limits of a [`ToolSelectionCoordinator`](crate::ToolSelectionCoordinator).
    ///
    /// ```
    /// use victor_tool_selection::SelectionOptions;
    ///
    /// let options = SelectionOptions::default().with_limit(Some(30));
    /// ```
    #[derive(PartialEq, Eq)]
    pub struct SelectionOptions {
        /// Maximum number of tools that a model is shown, where the request does not say; any number if absent.
        /// Defaults to 20.
        pub limit, with_limit: Option<usize> = Some(20);
        /// Time limit of a strategy; beyond it, tools are shown without it. Defaults to 5 seconds. Without a tokio
        /// runtime with timers there is no limit.
        pub strategy_timeout, with_strategy_timeout: Duration = Duration::from_secs(5);
        /// Maximum number of sessions of which it is known what they were shown and what their models have searched
        /// for. Those that have not selected for longest are forgotten first, and begin anew with their next selection.
        /// Defaults to 10,000.
        pub max_sessions, with_max_sessions: usize = 10_000;
    }
}
