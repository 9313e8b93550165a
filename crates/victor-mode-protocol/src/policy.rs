//! The extension point for modes.

use std::fmt;

use victor_core::ToolSpec;

use crate::{Mode, Permission};

/// A mode that can say no for reasons of its own.
///
/// Implemented by [`Mode`] itself, and by whoever needs reasons that data cannot hold; called by the
/// [`ModeManager`](crate::ModeManager), from many tasks at once, before every tool call and whenever tools are chosen
/// for the model. It does no I/O and does not block.
///
/// A policy can only deny: the manager asks the mode's data first, so nothing that the data denies runs. A policy that
/// panics denies.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait ModePolicy: fmt::Debug + Send + Sync + 'static {
    /// The mode as data. Always the same.
    fn mode(&self) -> &Mode;

    /// Whether a tool may run. By default, what the data says.
    fn permits(&self, tool: &ToolSpec) -> Permission {
        self.mode().permits(tool)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: ModePolicy + ?Sized> ModePolicy for std::sync::Arc<T> {
    victor_core::forward! {
        fn mode(&self) -> &Mode;
        fn permits(&self, tool: &ToolSpec) -> Permission;
    }
}

impl ModePolicy for Mode {
    fn mode(&self) -> &Mode {
        self
    }
}
