//! The crates of the coordinators that are composed by default, to build one in another way and inject it, and for the
//! strategies, policies and tools that they bring.

#[cfg(feature = "analytics")]
#[doc(no_inline)]
pub use victor_analytics as analytics;
#[cfg(feature = "chat")]
#[doc(no_inline)]
pub use victor_chat as chat;
#[cfg(feature = "checkpoint")]
#[doc(no_inline)]
pub use victor_checkpoint as checkpoint;
#[cfg(feature = "config")]
#[doc(no_inline)]
pub use victor_config as config;
#[cfg(feature = "context")]
#[doc(no_inline)]
pub use victor_context as context;
#[cfg(feature = "metrics")]
#[doc(no_inline)]
pub use victor_metrics as metrics;
#[cfg(feature = "mode")]
#[doc(no_inline)]
pub use victor_mode as mode;
#[cfg(feature = "prompt")]
#[doc(no_inline)]
pub use victor_prompt as prompt;
#[cfg(feature = "provider")]
#[doc(no_inline)]
pub use victor_provider as provider;
#[cfg(feature = "session")]
#[doc(no_inline)]
pub use victor_session as session;
#[cfg(feature = "typed")]
#[doc(no_inline)]
pub use victor_structured_output as structured_output;
#[cfg(feature = "tool")]
#[doc(no_inline)]
pub use victor_tool as tool;
#[cfg(feature = "tool-selection")]
#[doc(no_inline)]
pub use victor_tool_selection as tool_selection;
