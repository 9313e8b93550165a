//! Questions to a mode manager, with its panics contained.

use victor_core::{SessionId, ToolSpec, contain_sync};
use victor_mode_protocol::{Mode, ModeManager, Permission};

/// Questions to a mode manager, with its panics contained. Implemented for every manager.
pub trait ModeManagerExt: ModeManager {
    /// Returns the mode's decision about a tool. A manager that panics denies.
    fn decide(&self, session: &SessionId, tool: &ToolSpec) -> Permission {
        contain_sync(|| self.permits(session, tool)).unwrap_or_else(|panicked| {
            Permission::denied(format!("the mode coordinator {panicked}"))
        })
    }

    /// Reads the session's mode; `None` if the manager panics.
    fn read_mode<T>(&self, session: &SessionId, read: impl FnOnce(&Mode) -> T) -> Option<T> {
        contain_sync(|| read(self.mode(session).mode())).ok()
    }
}

impl<M: ModeManager + ?Sized> ModeManagerExt for M {}
