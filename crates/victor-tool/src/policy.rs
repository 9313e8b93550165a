//! Approval policies: by effect and by rules, with the approvals that stand.

mod command_prefix;
mod effect_policy;
mod question;
mod rule;
mod rule_policy;
mod standing_approvals;

pub use command_prefix::command_prefix;
pub use effect_policy::EffectPolicy;
pub use rule::{ArgumentRule, ArgumentTest, Decision, Rule};
pub use rule_policy::{RuleError, RulePolicy};
pub use standing_approvals::{StandingApproval, StandingApprovals};
