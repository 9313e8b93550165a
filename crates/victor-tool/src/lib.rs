//! Runs tool calls: validated, in parallel, within time and output limits, with panics contained.
//!
//! A model asks for tool calls, and a call may name no tool, be no JSON, not fit, hang, panic or return a gigabyte.
//! [`ToolCoordinator`] holds the tools and turns every call into exactly one result that the model can act on. It needs
//! no other coordinator: a program with an agent loop of its own can use it alone.
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
//! # Contents
//!
//! - [`ToolCoordinator`], the role [`ToolExecutor`](victor_tool_protocol::ToolExecutor), with its [`ToolOptions`].
//! - [`tool_fn`], which makes a tool of a closure with typed arguments; with the feature `typed`, `typed_tool` derives
//!   the schema from their type.
//! - [`EffectPolicy`] and [`RulePolicy`], approval policies that go by what tools declare to do to the world, and by
//!   rules about tools and arguments. Both are data, and remember in [`StandingApprovals`] what a person does not wish
//!   to be asked about again: the same call, the command lines of one program ([`command_prefix`]), or a tool.
//!
//! # The way of a call
//!
//! 1. **Review.** The name and the arguments are checked, and the policy decides. A call that a person has approved is
//!    reviewed once more, together with a preview of its effect at that moment.
//! 2. **Before.** A call that may change something gets a receipt. A call that only reads may be answered from the
//!    cache.
//! 3. **Waiting.** A call waits for those that must end before it, and for a permit where its tool limits them.
//! 4. **Attempts.** A call runs up to its time limit, and longer while it gives signs of life. A tool that was not
//!    available is called again.
//! 5. **Output.** A long text loses its middle. The full text is stored, to be read page by page.
//!
//! Only the review and the limits of time and output apply to every call. The rest is for tools that ask for it and for
//! coordinators with a store, and costs other calls nothing.
//!
//! The choice of the tools that a model sees, the modes and the number of calls in a turn belong to other crates, which
//! `victor-orchestrator` joins with this one.
//!
//! # Features
//!
//! - `json-schema`, by default: arguments are checked by the whole JSON Schema of their tool. Without it, which saves
//!   51 crates of 84, they are checked by their shape: `type`, `enum`, `required`, `properties`, `items` and
//!   `additionalProperties: false`. All else that a schema says, such as limits, patterns, alternatives and references,
//!   is left to the tool.
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
