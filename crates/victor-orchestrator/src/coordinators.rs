//! The coordinators that are composed by default, and what they are built with, to be built in another way and injected.

#[cfg(feature = "analytics")]
pub use victor_analytics::{
    AnalyticsCoordinator, AnalyticsOptions, ConsoleExporter, JsonLinesExporter,
};
#[cfg(feature = "chat")]
pub use victor_chat::ChatCoordinator;
#[cfg(feature = "checkpoint")]
pub use victor_checkpoint::{CheckpointCoordinator, CheckpointOptions};
#[cfg(feature = "config")]
pub use victor_config::{ConfigCoordinator, ConfigOptions, MergePolicy};
#[cfg(feature = "context")]
pub use victor_context::{
    ContextCoordinator, ContextOptions, EstimateCounter, RecentMessages, Truncation,
};
#[cfg(feature = "mode")]
pub use victor_mode::{ModeCoordinator, SwitchModeTool};
#[cfg(feature = "prompt")]
pub use victor_prompt::{PromptCoordinator, PromptOptions};
#[cfg(feature = "provider")]
pub use victor_provider::{ProviderCoordinator, ProviderOptions, RetryOptions};
#[cfg(feature = "session")]
pub use victor_session::{SessionCoordinator, SessionOptions};
#[cfg(feature = "tool")]
pub use victor_tool::{
    ArgumentRule, ArgumentTest, Decision, EffectPolicy, FunctionTool, Rule, RuleError, RulePolicy,
    StandingApproval, StandingApprovals, ToolCoordinator, ToolOptions, ToolRetryOptions, tool_fn,
};
#[cfg(all(feature = "tool", feature = "typed"))]
pub use victor_tool::{TypedTool, typed_tool};
#[cfg(feature = "tool-selection")]
pub use victor_tool_selection::{SearchToolsTool, SelectionOptions, ToolSelectionCoordinator};
