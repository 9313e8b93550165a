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
//! - [`tool_fn`], which makes a tool of a closure with typed arguments; with the feature `typed`, `typed_tool` derives
//!   the schema from their type.
//! - [`EffectPolicy`] and [`RulePolicy`], approval policies that go by what tools declare to do to the world, and by
//!   rules about tools and arguments. Both are data, and remember in [`StandingApprovals`] what a person does not wish to
//!   be asked about again: the same call, the command lines of one program ([`command_prefix`]), or a tool.
//!
//! # What becomes of a call
//!
//! It is reviewed: its name, its arguments, then the policy, and where a person has approved it, the policy once more,
//! together with what it would do by now.
//! Before it runs, a call that may change something gets a receipt, and one that only reads may be answered from memory.
//! It waits for those that must end before it, and for a permit where its tool allows few calls at the same time. It
//! runs as long as it may, and longer as long as it gives signs of life. What is not available is tried again. What it
//! says is cut to what a conversation can bear, and the whole is kept, to be read page by page. All of it but the review
//! and the limits of time and output is there only for tools that ask for it, or with a store that is given, and costs
//! other calls nothing.
//!
//! How many tools a model is shown, what a mode permits and how many calls a turn may make is decided elsewhere:
//! `victor-orchestrator` joins this crate with those that do.
//!
//! # Features
//!
//! - `json-schema`, by default: arguments are checked by the whole JSON Schema of their tool. Without it, which saves 51
//!   crates of 84, they are checked by their shape: `type`, `enum`, `required`, `properties`, `items` and
//!   `additionalProperties: false`. All else that a schema says, such as limits, patterns, alternatives and references, is
//!   left to the tool.
//! - `typed`: `typed_tool`, tools whose schema is derived from a type.

mod arguments;
mod builder;
mod contained;
mod coordinator;
mod function;
mod options;
mod policy;
mod registry;
mod results;
mod review;
mod run;
#[cfg(feature = "typed")]
mod typed;

pub use builder::ToolCoordinatorBuilder;
pub use coordinator::ToolCoordinator;
pub use function::{FunctionTool, tool_fn};
pub use options::{ToolOptions, ToolRetryOptions};
pub use policy::{
    ArgumentRule, ArgumentTest, Decision, EffectPolicy, Rule, RuleError, RulePolicy,
    StandingApproval, StandingApprovals, command_prefix,
};
#[cfg(feature = "typed")]
pub use typed::{ToolArguments, TypedTool, typed_tool};
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_tool_protocol as protocol;
