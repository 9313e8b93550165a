//! The approval policy that goes by effects.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::{Effect, SessionId};
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, ApprovalScope, Verdict};

use super::question::{does, question};
use crate::StandingApprovals;

/// Runs calls of tools up to a declared [`Effect`], and asks a person about graver ones or denies them. Where finer
/// distinctions are needed, there is [`RulePolicy`](crate::RulePolicy).
///
/// It is data, without the [`StandingApprovals`] by which it knows what a person does not wish to be asked about again.
///
/// ```
/// use victor_core::Effect;
/// use victor_tool::{EffectPolicy, ToolCoordinator};
///
/// let careful = EffectPolicy::ask_above(Effect::ReadOnly);
/// let tools = ToolCoordinator::builder().policy(careful).build()?;
/// # Ok::<(), victor_tool_protocol::RegisterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectPolicy {
    run_up_to: Effect,
    above: Above,
    #[serde(skip)]
    standing: StandingApprovals,
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
    pub fn ask_above(effect: Effect) -> Self {
        Self::new(effect, Above::Ask)
    }

    /// Runs calls up to this effect, and denies graver ones.
    #[must_use]
    pub fn deny_above(effect: Effect) -> Self {
        Self::new(effect, Above::Deny)
    }

    /// Runs every call.
    #[must_use]
    pub fn run_everything() -> Self {
        Self::ask_above(Effect::Destructive)
    }

    /// Uses these standing approvals, which others may hold too, to store them for instance.
    #[must_use]
    pub fn with_standing(mut self, standing: StandingApprovals) -> Self {
        self.standing = standing;
        self
    }

    fn new(run_up_to: Effect, above: Above) -> Self {
        Self {
            run_up_to,
            above,
            standing: StandingApprovals::default(),
        }
    }
}

#[async_trait]
impl ApprovalPolicy for EffectPolicy {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        let spec = &request.spec;
        if spec.effect <= self.run_up_to {
            return Verdict::Run;
        }
        match self.above {
            Above::Ask if self.standing.covers(request) => Verdict::Run,
            Above::Ask => Verdict::ask(question(request)),
            Above::Deny => Verdict::Deny {
                reason: format!(
                    "`{}` {}, which is not allowed here: do without it, or say what it would be needed for",
                    spec.name,
                    does(spec.effect)
                ),
            },
        }
    }

    fn approved(&self, request: &ApprovalRequest, scope: ApprovalScope) {
        self.standing.remember(request, scope);
    }

    fn forget(&self, session: &SessionId) {
        self.standing.forget(session);
    }
}
