//! The approval policy that goes by effects.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::Effect;
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, Verdict};

use crate::words::excerpt;

/// Runs calls of tools up to a declared [`Effect`], and asks a person about graver ones or denies them.
///
/// It is data: it can be written in a configuration, and asked the same, it always answers the same.
///
/// ```
/// use victor_core::Effect;
/// use victor_tool::{EffectPolicy, ToolCoordinator};
///
/// let careful = EffectPolicy::ask_above(Effect::ReadOnly);
/// let tools = ToolCoordinator::builder().policy(careful).build()?;
/// # Ok::<(), victor_tool_protocol::RegisterError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectPolicy {
    run_up_to: Effect,
    above: Above,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Above {
    Ask,
    Deny,
}

impl EffectPolicy {
    /// Runs calls up to this effect, and has a person asked about graver ones.
    #[must_use]
    pub const fn ask_above(effect: Effect) -> Self {
        Self {
            run_up_to: effect,
            above: Above::Ask,
        }
    }

    /// Runs calls up to this effect, and denies graver ones.
    #[must_use]
    pub const fn deny_above(effect: Effect) -> Self {
        Self {
            run_up_to: effect,
            above: Above::Deny,
        }
    }

    /// Runs every call.
    #[must_use]
    pub const fn run_everything() -> Self {
        Self::ask_above(Effect::Destructive)
    }
}

#[async_trait]
impl ApprovalPolicy for EffectPolicy {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        let spec = &request.spec;
        if spec.effect <= self.run_up_to {
            return Verdict::Run;
        }
        let does = does(spec.effect);
        match self.above {
            Above::Ask => Verdict::ask(format!(
                "run `{}`, which {does}, with {}?",
                spec.name,
                excerpt(&request.call.arguments, 2_000)
            )),
            Above::Deny => Verdict::Deny {
                reason: format!(
                    "`{}` {does}, which is not allowed here: do without it, or say what it would be needed for",
                    spec.name
                ),
            },
        }
    }
}

fn does(effect: Effect) -> &'static str {
    match effect {
        Effect::ReadOnly => "only reads",
        Effect::Idempotent | Effect::Write => "changes something",
        Effect::Destructive => "may change something that cannot be brought back",
    }
}
