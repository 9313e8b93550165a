//! The role of the tool selection coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, SessionId, ToolSpec};

use crate::{Selection, SelectionError, SelectionRequest, ToolDecision, ToolSelectionStrategy};

/// The role of the coordinator that chooses which tools a model is shown. Called by the orchestrator, from many tasks
/// at once.
///
/// It is given the tools that the session's mode permits, and decides only what is shown: whether a call may run is
/// decided where it runs.
#[async_trait]
pub trait ToolSelector: Coordinator {
    /// Chooses tools for a request. It cannot fail: if the strategy does, all tools are shown up to the limit, and the
    /// selection says so. A request may name another strategy than the one in use; where there is none of that name,
    /// the one in use chooses, and the selection says so.
    ///
    /// Pinned tools, those that the conversation has used and those that the model asked for are shown even beyond
    /// the limit. Where all tools may be shown, the list that was given is returned itself, so whoever keeps a list and
    /// gives it again has no work done twice, here and where requests are written.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call drops the strategy's, and changes nothing.
    async fn select_tools(&self, request: &SelectionRequest, tools: &Arc<[ToolSpec]>) -> Selection;

    /// The tools that fit a model's own words best, whether shown or hidden, best first. Those of them that are among
    /// the first `count` are shown to the session from its next selection on. The strategy is that of the session's
    /// last selection.
    ///
    /// # Errors
    ///
    /// The strategy failed.
    async fn search_tools(
        &self,
        session: &SessionId,
        query: &str,
        count: usize,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<ToolDecision>, SelectionError>;

    /// The last selection for a session, which tells why each tool was shown or hidden.
    fn last_selection(&self, session: &SessionId) -> Option<Arc<Selection>>;

    /// Shows the tool of this name in every selection from now on, or no longer.
    fn pin(&self, tool: &str, pinned: bool);

    /// Adds a strategy.
    ///
    /// # Errors
    ///
    /// [`SelectionError::DuplicateStrategy`].
    fn register_strategy(
        &self,
        strategy: Arc<dyn ToolSelectionStrategy>,
    ) -> Result<(), SelectionError>;

    /// Selects by the strategy of this name from now on.
    ///
    /// # Errors
    ///
    /// [`SelectionError::UnknownStrategy`].
    fn use_strategy(&self, name: &str) -> Result<(), SelectionError>;

    /// The names of the strategies that there are.
    fn strategies(&self) -> Vec<String>;
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`ToolSelector`], made by mockall.
    #[derive(Debug)]
    pub ToolSelector {}

    #[async_trait]
    impl Coordinator for ToolSelector {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl ToolSelector for ToolSelector {
        async fn select_tools(&self, request: &SelectionRequest, tools: &Arc<[ToolSpec]>) -> Selection;
        async fn search_tools(
            &self,
            session: &SessionId,
            query: &str,
            count: usize,
            tools: &Arc<[ToolSpec]>,
        ) -> Result<Vec<ToolDecision>, SelectionError>;
        fn last_selection(&self, session: &SessionId) -> Option<Arc<Selection>>;
        fn pin(&self, tool: &str, pinned: bool);
        fn register_strategy(
            &self,
            strategy: Arc<dyn ToolSelectionStrategy>,
        ) -> Result<(), SelectionError>;
        fn use_strategy(&self, name: &str) -> Result<(), SelectionError>;
        fn strategies(&self) -> Vec<String>;
    }
}
