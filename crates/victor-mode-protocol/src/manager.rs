//! The role of the mode coordinator.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_core::wire::{Extra, FormatVersion};
use victor_core::{Coordinator, SessionId, ToolSpec};

use crate::{ModeError, ModePolicy, Permission};

/// The role of the coordinator that knows the mode of every session. Called by the orchestrator, from many tasks at
/// once. No method does I/O or blocks.
///
/// Modes are found by their names without regard to upper and lower case. A session that nobody has switched is in
/// the manager's default mode; [`reset`](Coordinator::reset) takes it back there.
pub trait ModeManager: Coordinator {
    /// The mode that a session is in.
    fn mode(&self, session: &SessionId) -> Arc<dyn ModePolicy>;

    /// Every mode that there is, in the order in which they were added.
    fn modes(&self) -> Vec<Arc<dyn ModePolicy>>;

    /// Adds a mode. Its data is read once: a policy whose [`mode`](ModePolicy::mode) changes later changes nothing.
    ///
    /// # Errors
    ///
    /// [`ModeError::Duplicate`], [`ModeError::InvalidName`] or [`ModeError::NoMode`].
    fn register(&self, policy: Arc<dyn ModePolicy>) -> Result<(), ModeError>;

    /// Takes a session to another mode, for every tool call that is decided about from now on. Calls that already run
    /// go on.
    ///
    /// # Errors
    ///
    /// [`ModeError::Unknown`], or [`ModeError::ClosedToModel`] if it is the model that wishes so. The session's mode is
    /// what it was.
    fn switch_mode(
        &self,
        session: &SessionId,
        mode: &str,
        by: SwitchedBy,
    ) -> Result<ModeSwitch, ModeError>;

    /// Binds the session of a nested agent to that of the agent that started it: what is denied in `parent` is denied
    /// in `child`, whatever mode the child is in, until the child is reset.
    ///
    /// A child of several parents is bound to all of them. Sessions that are nested in a circle are bound to one
    /// another. When the parent is reset, the child stays bound to it, and also to what had bound the parent until
    /// then.
    fn nest(&self, parent: &SessionId, child: &SessionId);

    /// Whether a tool may run in a session: its mode, the policy of that mode, and the modes of all sessions that it
    /// is nested in must permit it.
    fn permits(&self, session: &SessionId, tool: &ToolSpec) -> Permission;
}

/// A session was taken to another mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModeSwitch {
    #[serde(default)]
    version: FormatVersion<1>,
    /// The name of the mode before.
    pub from: String,
    /// The name of the mode now; the same if there was nothing to do.
    pub to: String,
    /// Author of the switch.
    pub by: SwitchedBy,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl ModeSwitch {
    /// A switch from one mode to another.
    pub fn new(from: impl Into<String>, to: impl Into<String>, by: SwitchedBy) -> Self {
        Self {
            version: FormatVersion,
            from: from.into(),
            to: to.into(),
            by,
            extra: Extra::default(),
        }
    }
}

victor_core::open_string_enum! {
    /// Author of a switch.
    pub enum SwitchedBy {
        /// The program.
        Program = "program",
        /// A person, by a command.
        Person = "person",
        /// The model, by a tool.
        Model = "model",
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`ModeManager`], made by mockall.
    #[derive(Debug)]
    pub ModeManager {}

    #[async_trait::async_trait]
    impl Coordinator for ModeManager {
        fn name(&self) -> &str;
        async fn initialize(&self) -> Result<(), victor_core::CoordinatorError>;
        fn health(&self) -> victor_core::Health;
        fn reset(&self, session: &SessionId);
        async fn shutdown(&self);
    }

    impl ModeManager for ModeManager {
        fn mode(&self, session: &SessionId) -> Arc<dyn ModePolicy>;
        fn modes(&self) -> Vec<Arc<dyn ModePolicy>>;
        fn register(&self, policy: Arc<dyn ModePolicy>) -> Result<(), ModeError>;
        fn switch_mode(
            &self,
            session: &SessionId,
            mode: &str,
            by: SwitchedBy,
        ) -> Result<ModeSwitch, ModeError>;
        fn nest(&self, parent: &SessionId, child: &SessionId);
        fn permits(&self, session: &SessionId, tool: &ToolSpec) -> Permission;
    }
}
