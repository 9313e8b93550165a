//! Keeps the mode of every session, which decides which tools may run.
//!
//! An agent that is to plan must not write, and telling a model so is no guarantee. [`ModeCoordinator`] plays the role
//! of [`ModeManager`](victor_mode_protocol::ModeManager): whoever runs tools asks it before every call, and it decides
//! by the effect that a tool declares. `build`, `plan` and `explore` are there from the start; a program adds its own,
//! as data or as a [`ModePolicy`](victor_mode_protocol::ModePolicy). [`SwitchModeTool`] lets the model switch its mode
//! by itself, to those that are open to it.
//!
//! # In a program with its own agent loop
//!
//! `victor-orchestrator` asks the coordinator where tools run. A program without it does so itself:
//!
//! ```
//! use std::sync::Arc;
//!
//! use serde_json::json;
//! use victor_core::{Coordinator, Effect, SessionId, ToolCallId, ToolSpec, TurnId};
//! use victor_mode::{ModeCoordinator, SwitchModeTool};
//! use victor_mode_protocol::{ModeManager, SwitchedBy};
//! use victor_tool_protocol::{Tool, ToolContext};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let modes = Arc::new(ModeCoordinator::new());
//! let session = SessionId::new("docs-456");
//!
//! // A person types `/plan`.
//! modes.switch_mode(&session, "plan", SwitchedBy::Person)?;
//!
//! // For each request: show the model what is permitted, tell it what the mode's prompt says, and keep its limits.
//! let tools = [
//!     ToolSpec::new("read_file", "Reads a file", json!({"type": "object"})).with_effect(Effect::ReadOnly),
//!     ToolSpec::new("write_file", "Writes a file", json!({"type": "object"})),
//! ];
//! let shown: Vec<_> = tools.iter().filter(|tool| modes.permits(&session, tool).is_permitted()).collect();
//! assert_eq!(shown, [&tools[0]]);
//! let mode = modes.mode(&session);
//! assert!(mode.mode().prompt.starts_with("You are in plan mode."));
//! assert_eq!(mode.mode().limits.tool_iterations(20), 40);
//!
//! // Before each call, whatever the model was shown: ask again, and give it the reason as the result of the call.
//! if let Some(reason) = modes.permits(&session, &tools[1]).reason() {
//!     assert_eq!(
//!         reason,
//!         "mode `plan` permits effects up to `read_only`, and tool `write_file` has the effect `write`"
//!     );
//! }
//!
//! // The model may go where the modes are open to it, and not back.
//! let tool = SwitchModeTool::new(modes.clone()).ok_or("no mode is open to the model")?;
//! let cx = ToolContext::new(session.clone(), TurnId::generate(), ToolCallId::new("1"), "key");
//! tool.call(&cx, json!({"mode": "explore"})).await?;
//! let refused = tool.call(&cx, json!({"mode": "build"})).await.unwrap_err();
//! assert_eq!(
//!     refused.to_string(),
//!     "not permitted: the model may not switch to mode `build` by itself: ask the user to do it",
//! );
//!
//! // An agent that was started by this one: bind its session before its first call, reset it after its last.
//! let nested = SessionId::generate();
//! modes.nest(&session, &nested);
//! assert_eq!(modes.mode(&nested).mode().name, "build");
//! assert!(!modes.permits(&nested, &tools[1]).is_permitted());
//! modes.reset(&nested);
//! # Ok(())
//! # }
//! ```
//!
//! # What is remembered
//!
//! Of a session, its mode if that is not the default one, and the sessions that it is nested in, until it is reset. A
//! session that was never switched and is nested in none takes no room. Nothing is written anywhere: a program that
//! goes on with a session in another process switches it again.

mod builder;
mod coordinator;
mod error;
mod registered;
mod sessions;
mod switch_tool;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_mode_protocol as protocol;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;

pub use builder::ModeCoordinatorBuilder;
pub use coordinator::ModeCoordinator;
pub use error::ModeSetupError;
pub use switch_tool::SwitchModeTool;
