//! A mode as the coordinator holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::warn;
use victor_core::{Problems, ToolSpec, contain_sync};
use victor_mode_protocol::{Mode, ModeError, ModePolicy, Permission};

/// A mode as the coordinator holds it and gives it out: its data as it was when the mode was added, and a policy that
/// can do no more than deny, also when it panics.
#[derive(Debug)]
pub(crate) struct Registered {
    mode: Mode,
    policy: Arc<dyn ModePolicy>,
    problems: Arc<Problems>,
    has_panicked: AtomicBool,
}

impl Registered {
    pub(crate) fn new(
        policy: Arc<dyn ModePolicy>,
        problems: Arc<Problems>,
    ) -> Result<Self, ModeError> {
        let mode = contain_sync(|| policy.mode().clone()).map_err(ModeError::NoMode)?;
        if !is_name(&mode.name) {
            return Err(ModeError::InvalidName(mode.name));
        }
        Ok(Self::of(mode, policy, problems))
    }

    /// A mode that is known to have a proper name.
    pub(crate) fn of(mode: Mode, policy: Arc<dyn ModePolicy>, problems: Arc<Problems>) -> Self {
        Self {
            mode,
            policy,
            problems,
            has_panicked: AtomicBool::new(false),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.mode.name
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.mode.name.eq_ignore_ascii_case(name)
    }

    fn ask_policy(&self, tool: &ToolSpec) -> Permission {
        // By tool, since a policy that trips over one of them is asked about all others right after it.
        let part = || format!("mode `{}`, tool `{}`", self.name(), tool.name);
        match contain_sync(|| self.policy.permits(tool)) {
            Ok(permission) => {
                if self.has_panicked.load(Ordering::Relaxed) {
                    self.problems.clear(&part());
                }
                permission
            }
            Err(panicked) => {
                warn!(mode = self.name(), tool = tool.name, %panicked, "a mode policy denies by panicking");
                self.problems.report(part(), &panicked);
                self.has_panicked.store(true, Ordering::Relaxed);
                Permission::denied(format!(
                    "the policy of mode `{}` failed when it was asked about tool `{}`: tell the user",
                    self.name(),
                    tool.name
                ))
            }
        }
    }
}

impl ModePolicy for Registered {
    fn mode(&self) -> &Mode {
        &self.mode
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        self.mode.permits(tool).and(|| self.ask_policy(tool))
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
