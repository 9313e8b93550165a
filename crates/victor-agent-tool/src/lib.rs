//! An agent as a tool of another one, within the modes of its caller.
//!
//! The model gives a task and gets an answer. Each call is a separate conversation of the agent ([`NestedAgent`]),
//! nested in that of the caller: what is denied there is denied here.
//!
//! # Where it belongs
//!
//! It joins the roles of tools and agents, and knows no coordinator. The orchestrator composes it.

mod agent_tool;
mod nested_agent;

pub use agent_tool::AgentTool;
pub use nested_agent::NestedAgent;
