//! Makes the model requests of a turn: the system prompt, the tools that are shown, and a context that fits the window.
//!
//! A request is where most roles meet: the prompt builder writes the prompt and the session's mode adds to it, the mode
//! permits tools and tool selection chooses among them, and the context is compacted until it fits the window of the
//! model that the router would ask. This crate asks each of them for its share, and contains their failures: a part
//! that cannot be had is left out, and the turn is told.
//!
//! - [`RequestMaker`] serves all turns of an orchestrator. It also previews a prompt, and compacts a context outside of
//!   a turn.
//! - [`TurnRequests`] makes the requests of one turn, one for each model call. The prompt is built once; the mode, the
//!   tools and the context may change from call to call.
//! - [`ToolLists`] remembers the tools that modes permit and the tokens of those that were shown.
//!
//! # Where it belongs
//!
//! It joins the roles of prompts, modes, tools, tool selection, contexts and providers, and knows no coordinator. The
//! orchestrator composes it, and sends the requests.

mod maker;
mod preamble;
mod prompt;
mod request;
mod scope;
mod tool_lists;
mod visible_tools;
mod window;

pub use maker::{RequestMaker, RequestRoles};
pub use request::{ModelRequest, TurnRequests};
pub use scope::TurnScope;
pub use tool_lists::ToolLists;
