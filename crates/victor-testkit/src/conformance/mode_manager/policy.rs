//! Policies with opinions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use victor_core::ToolSpec;
use victor_mode_protocol::{Mode, ModePolicy, Permission};

/// Behaviour of a policy beside its data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Opinion {
    /// Nothing.
    None,
    /// Permits everything.
    Lax,
    /// Denies everything.
    Stern,
    /// Panics when it is asked about a tool.
    Panics,
    /// Panics when it is asked for its mode.
    HasNoMode,
    /// Says another mode from the second time on, and permits everything.
    Changes,
}

impl Opinion {
    /// A policy of this opinion with this data.
    pub(super) fn on(self, mode: Mode) -> Arc<dyn ModePolicy> {
        Arc::new(Policy {
            opinion: self,
            other: super::wide(),
            mode,
            asked: AtomicBool::new(false),
        })
    }
}

#[derive(Debug)]
struct Policy {
    opinion: Opinion,
    mode: Mode,
    other: Mode,
    asked: AtomicBool,
}

impl ModePolicy for Policy {
    fn mode(&self) -> &Mode {
        let asked = self.asked.swap(true, Ordering::Relaxed);
        match self.opinion {
            Opinion::HasNoMode => panic!("a policy without a mode"),
            Opinion::Changes if asked => &self.other,
            _ => &self.mode,
        }
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        match self.opinion {
            Opinion::Lax | Opinion::Changes => Permission::Permitted,
            Opinion::Stern => Permission::denied("the policy is stern"),
            Opinion::Panics => panic!("a policy that panics"),
            Opinion::None | Opinion::HasNoMode => self.mode.permits(tool),
        }
    }
}
