//! Handlers of workflow steps: the turn of an agent, and the call of a tool.
//!
//! A step `agent` of a definition calls the handler [`AGENT`], a step `tool` the handler [`TOOL`]. A program gives a
//! runner these two:
//!
//! ```
//! use std::sync::Arc;
//!
//! use victor_workflow_steps::protocol::{StepAgent, WorkflowRunner};
//! use victor_workflow_steps::tool::ToolExecutor;
//! use victor_workflow_steps::{AGENT, AgentHandler, TOOL, ToolHandler};
//!
//! fn add_steps(runner: &dyn WorkflowRunner, agent: impl StepAgent, tools: Arc<dyn ToolExecutor>) {
//!     runner.add_handler(AGENT, Arc::new(AgentHandler::new(agent)));
//!     runner.add_handler(TOOL, Arc::new(ToolHandler::new(tools)));
//! }
//! ```
//!
//! The orchestrator is a [`StepAgent`](protocol::StepAgent), which has each turn in a conversation of its own, in the
//! mode and with the model, the tools and the limit of tokens that the step names. Any other
//! [`Agent`](chat::Agent) is one within a [`PlainAgent`].
//!
//! The other way round, a [`WorkflowAgent`] is a workflow that one can send messages to.
//!
//! # Output
//!
//! An object: `text` is the answer of the agent or the result of the tool; `json` is its value, where the text is JSON,
//! also in a code block; `content` has the parts of a result that are no texts. A turn has its `outcome` and its `usage`
//! of tokens besides.
//!
//! # Questions
//!
//! Where a tool call needs the approval of a person, the step waits, and goes on in whatever process the run is driven
//! when the answer has come: `true`, `false`, or an object with `approved`, a `reason` for the model, and `calls`, which
//! decides about single calls by their identifiers. An answer of another form is asked for again.
//!
//! # Crashes
//!
//! Each step has one conversation and one idempotency key. An attempt that finds a turn begun goes on with it, and one
//! that finds it ended takes its answer, as far as the store of conversations has them. A tool with receipts runs once;
//! where a call that may change something was cut off, so that nobody knows whether it has had its effect, a person is
//! asked whether it is to run again.
//!
//! # Where it belongs
//!
//! It joins the roles of workflows, agents and tools, and knows no coordinator.

mod agent;
mod answer;
mod output;
mod plain;
mod tool_call;
mod workflow_agent;

pub use agent::{AGENT, AgentHandler};
pub use plain::PlainAgent;
pub use tool_call::{TOOL, ToolHandler};
#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;
#[doc(no_inline)]
pub use victor_workflow_protocol as protocol;
pub use workflow_agent::WorkflowAgent;
