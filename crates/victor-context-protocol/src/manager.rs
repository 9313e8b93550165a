//! The role of the context coordinator.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{BoxError, Context, Coordinator, Message, ModelId, SessionId, UnknownName};

use crate::{CompactionReport, CompactionStrategy, ContextStats, TokenCounter, TooLarge};

/// The role of the coordinator that keeps, for every session, the window that the model sees.
///
/// Called by the orchestrator from many tasks at once; calls for one session come from one turn at a time. A session
/// that was never heard of has an empty context. [`Coordinator::reset`] empties one.
///
/// A compaction keeps what the system says, what is pinned, and the user's first and last request, whatever a strategy
/// makes of them. A strategy that does not work is done without, and shown in health until it works again.
#[async_trait]
pub trait ContextManager: Coordinator {
    /// Appends messages, leaving out those whose identifiers are already there among the last ones.
    ///
    /// A message that [ends a declined exchange](Message::declines_from) takes the whole exchange out of the context,
    /// as it does in [`set_context`](Self::set_context): the model would go on declining what it is shown again.
    fn append(&self, session: &SessionId, messages: &[Arc<Message>]);

    /// A snapshot of the session's context.
    #[doc(alias = "get_context")]
    fn context(&self, session: &SessionId) -> Context;

    /// Replaces the session's context, as when a session is loaded or a checkpoint restored.
    fn set_context(&self, session: &SessionId, context: Context);

    /// Makes the session's context fit for the next model call: compacts it if it is over the threshold, mends what a
    /// provider would refuse, and returns it.
    ///
    /// # Errors
    ///
    /// It cannot be made to fit: what may not be left out is already too large.
    ///
    /// # Cancel safety
    ///
    /// When the call is dropped, the session's context is as it was.
    async fn prepare(
        &self,
        session: &SessionId,
        request: &WindowRequest,
    ) -> Result<Prepared, ContextError>;

    /// Hears what the provider reports about the request for which the session's context was prepared last: the model
    /// that answered or refused, and all tokens of the request, those among them that came from a cache or went to one.
    /// A manager that counts can learn from it how far its count is off. By default nothing happens.
    fn observe_usage(&self, _session: &SessionId, _model: &ModelId, _reported: u64) {}

    /// Compacts a context, whether or not it is over the threshold, and leaves every session as it is.
    ///
    /// # Errors
    ///
    /// It cannot be made smaller: what may not be left out is already too large.
    async fn compact_context(&self, context: &Context) -> Result<Prepared, ContextError>;

    /// Returns the size of the session's context and of its parts.
    fn stats(&self, session: &SessionId) -> ContextStats;

    /// Registers a strategy under its name or another. It replaces the one that has this name, a built-in one too, so
    /// that a program can put its own in the place of one that settings name.
    fn register_strategy(&self, name: &str, strategy: Arc<dyn CompactionStrategy>);

    /// The names of the strategies that are known, in order.
    fn strategies(&self) -> Vec<String>;

    /// Returns the counter of tokens.
    fn counter(&self) -> Arc<dyn TokenCounter>;
}

/// The space that a context must fit into.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct WindowRequest {
    /// The model's window in tokens. If absent, the manager compacts by an assumption of its own, and holds no context
    /// to it that cannot be made so small.
    pub window: Option<u64>,
    /// The tokens of the window that are kept free, such as for the answer.
    pub reserved: u64,
    /// The tokens that are sent beside the context, such as the system prompt and the tools, by the manager's
    /// [counter](ContextManager::counter).
    pub preamble: u64,
    /// The model that is asked, for managers that learn how far their count is off for each; unknown if absent.
    pub model: Option<ModelId>,
    /// The share of the window at which the context is compacted; the manager's own if absent.
    pub threshold: Option<f64>,
    /// The strategy to use; the manager's own if absent.
    pub strategy: Option<String>,
    /// Whether to compact in any case, because the provider said that the context is too long.
    pub force: bool,
    /// Whether a context that cannot be made to fit is returned all the same, as small as it can be: the provider may
    /// count in another way, and decides. Where it has decided (`force`), a context that becomes no smaller is an
    /// error.
    pub best_effort: bool,
}

/// A context that is fit for a model call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Prepared {
    /// The context.
    pub context: Context,
    /// The report of the compaction, if there was one.
    pub compaction: Option<CompactionReport>,
    /// Tokens of its messages as the manager counts them; absent if it does not count.
    pub tokens: Option<u64>,
}

impl Prepared {
    /// A context, and what was done to it.
    #[must_use]
    pub fn new(context: Context, compaction: Option<CompactionReport>) -> Self {
        Self {
            context,
            compaction,
            tokens: None,
        }
    }
}

/// Why a context cannot be made fit for a model call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// The messages that must stay are already too large.
    #[error(transparent)]
    TooLarge(Box<TooLarge>),
    /// No compaction strategy has this name.
    #[error(transparent)]
    UnknownStrategy(#[from] UnknownName),
    /// The manager itself failed, such as when the service behind it is down.
    #[error("the context cannot be prepared: {message}")]
    Failed {
        /// The reason.
        message: String,
        /// The cause.
        #[source]
        source: Option<BoxError>,
    },
}

impl ContextError {
    /// Creates the error of a manager that failed for the given reason.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
            source: None,
        }
    }

    /// Adds a cause to an error of a manager that [failed](Self::Failed); the others have theirs.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        if let Self::Failed { source, .. } = &mut self {
            *source = Some(error.into());
        }
        self
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`ContextManager`], made by mockall.
    #[derive(Debug)]
    pub ContextManager {}

    #[async_trait]
    impl Coordinator for ContextManager {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &victor_core::SessionId);
        async fn shutdown(&self);
    }

    #[async_trait]
    impl ContextManager for ContextManager {
        fn append(&self, session: &SessionId, messages: &[Arc<Message>]);
        fn context(&self, session: &SessionId) -> Context;
        fn set_context(&self, session: &SessionId, context: Context);
        async fn prepare(&self, session: &SessionId, request: &WindowRequest) -> Result<Prepared, ContextError>;
        fn observe_usage(&self, session: &SessionId, model: &ModelId, reported: u64);
        async fn compact_context(&self, context: &Context) -> Result<Prepared, ContextError>;
        fn stats(&self, session: &SessionId) -> ContextStats;
        fn register_strategy(&self, name: &str, strategy: Arc<dyn CompactionStrategy>);
        fn strategies(&self) -> Vec<String>;
        fn counter(&self) -> Arc<dyn TokenCounter>;
    }
}
