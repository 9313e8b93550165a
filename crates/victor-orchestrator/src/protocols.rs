//! The extension points and what belongs to them, under the names that the protocol crates give them and, for those
//! who come from the Python original, under the names that it gave them.

pub use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsExporter as IAnalyticsExporter, AnalyticsTracker,
    ExportError, ExportResult, SessionAnalytics,
};
pub use victor_chat_protocol::{
    ChatEngine, EventSink, ModelCall, OutputContract, TooLong, TurnLimits, TurnPorts, TurnStart,
};
pub use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDiff, CheckpointError, CheckpointManager,
    CheckpointSnapshot, CheckpointStore, InMemoryCheckpointStore, Retention,
};
pub use victor_config_protocol::{
    ConfigError, ConfigLoader, ConfigMap, ConfigProvider, ConfigProvider as IConfigProvider,
    ConfigSource, EffectiveConfig,
};
pub use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionReport, CompactionStrategy, ContextError,
    ContextManager, ContextStats, LargestPart, Prepared, TokenCounter, TokenCounterExt, TooLarge,
    WindowRequest,
};
pub use victor_core::{
    CheckpointId, Context, Coordinator, CoordinatorError, Effect, Health, HealthStatus, Message,
    Messages, ModelId, Part, Role, SessionId, StopReason, Timestamp, ToolCall, ToolOutcome,
    ToolResult, ToolSpec, TurnId, Usage,
};
pub use victor_mode_protocol::{
    Mode, ModeError, ModeLimits, ModeManager, ModePolicy, ModeSwitch, Permission, SwitchedBy,
};
pub use victor_prompt_protocol::{
    BuiltPrompt, Contribution, Omission, PromptBuilder, PromptContext, PromptContributor,
    PromptContributor as IPromptContributor, PromptError,
};
pub use victor_provider_protocol::{
    Capabilities, CapabilitySource, ChatProvider, ChatRequest, Completion, CompletionEvent,
    CompletionStream, ProviderError, ProviderErrorKind, ProviderRouter, Refusal, ResponseFormat,
    Route, ToolChoice,
};
pub use victor_session_protocol::{
    InMemorySessionStore, LeaseOwner, SessionError, SessionExport, SessionInfo, SessionLease,
    SessionManager, SessionManagerExt, SessionPatch, SessionQuery, SessionStatus, SessionStore,
    TranscriptEntry, TurnLease, TurnPolicy,
};
pub use victor_tool_protocol::{
    ApprovalPolicy, ApprovalRequest, ApprovalScope, GivenApproval, InMemoryReceiptStore,
    InMemoryResultStore, Preview, ReceiptStore, RegisterError, ResultStore, ShownPreview, Tool,
    ToolContext, ToolError, ToolExecutor, ToolLimits, ToolOutput, ToolResults, ToolScope, Verdict,
};
pub use victor_tool_selection_protocol::{
    Selection, SelectionError, SelectionReason, SelectionRequest, ToolDecision,
    ToolSelectionStrategy, ToolSelector,
};
