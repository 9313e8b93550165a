//! Runs tool calls: validated, in parallel, within time and output limits, with panics contained.
//!
//! A model asks for tool calls; what it asks for may not exist, not be JSON, not fit, hang, panic or return a
//! gigabyte. [`ToolCoordinator`] holds the tools and turns every call into exactly one result that the model can act
//! on. It needs no other coordinator: a program with an agent loop of its own can use it alone.
//!
//! ```
//! use serde::Deserialize;
//! use serde_json::json;
//! use victor_core::{Effect, SessionId, ToolCall, ToolSpec, TurnId};
//! use victor_tool::{ToolCoordinator, tool_fn};
//! use victor_tool_protocol::{ToolExecutor, ToolScope};
//!
//! #[derive(Deserialize)]
//! struct Add {
//!     a: i64,
//!     b: i64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let schema = json!({
//!     "type": "object",
//!     "properties": { "a": { "type": "integer" }, "b": { "type": "integer" } },
//!     "required": ["a", "b"],
//! });
//! let spec = ToolSpec::new("add", "Adds two numbers", schema).with_effect(Effect::ReadOnly);
//! let add = tool_fn(spec, |_cx, Add { a, b }| async move { Ok((a + b).to_string()) });
//!
//! let tools = ToolCoordinator::builder().tool(add).build()?;
//! let scope = ToolScope::new(SessionId::default(), TurnId::generate());
//! let calls = [
//!     ToolCall::new("1", "add", r#"{"a":1,"b":2}"#),
//!     ToolCall::new("2", "add", r#"{"a":"one"}"#),
//! ];
//! let results = tools.execute_tool_calls(&calls, &scope).await;
//! assert_eq!(results[0].text(), "3");
//! assert!(results[1].text().contains("/a must be an integer, but it is \"one\""));
//! # Ok(())
//! # }
//! ```
//!
//! # What is here
//!
//! - [`ToolCoordinator`], the role [`ToolExecutor`](victor_tool_protocol::ToolExecutor), with its [`ToolOptions`].
//! - [`tool_fn`], which makes a tool of a closure with typed arguments.
//! - [`EffectPolicy`], the approval policy that goes by what tools declare to do to the world.

mod arguments;
mod attempt;
mod builder;
mod cache;
mod coordinator;
mod effect_policy;
mod function;
mod guarded;
mod options;
mod output;
mod permits;
mod pulse;
mod read_result;
mod registry;
mod retry;
mod review;
mod rule;
mod rule_policy;
mod run;
mod schedule;
mod standing;
mod stores;
#[cfg(feature = "typed")]
mod typed;
mod words;

pub use builder::ToolCoordinatorBuilder;
pub use coordinator::ToolCoordinator;
pub use effect_policy::EffectPolicy;
pub use function::{FunctionTool, tool_fn};
pub use options::{RetryOptions, ToolOptions};
pub use rule::{ArgumentRule, ArgumentTest, Decision, Rule};
pub use rule_policy::{RuleError, RulePolicy};
pub use standing::{StandingApproval, StandingApprovals};
#[cfg(feature = "typed")]
pub use typed::{ToolArguments, TypedTool, typed_tool};
