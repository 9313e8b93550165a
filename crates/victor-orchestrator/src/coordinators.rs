//! The coordinators that are composed by default, to be built in another way and injected.

#[cfg(feature = "analytics")]
pub use victor_analytics::AnalyticsCoordinator;
#[cfg(feature = "chat")]
pub use victor_chat::ChatCoordinator;
#[cfg(feature = "config")]
pub use victor_config::ConfigCoordinator;
#[cfg(feature = "context")]
pub use victor_context::ContextCoordinator;
#[cfg(feature = "prompt")]
pub use victor_prompt::PromptCoordinator;
#[cfg(feature = "provider")]
pub use victor_provider::ProviderCoordinator;
#[cfg(feature = "session")]
pub use victor_session::SessionCoordinator;
#[cfg(feature = "tool")]
pub use victor_tool::ToolCoordinator;
