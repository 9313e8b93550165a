//! Tools: what the model is shown, and agents as tools.

mod agent_tool;
mod tool_lists;
mod visible;

pub(crate) use agent_tool::AgentTool;
pub(crate) use tool_lists::ToolLists;
pub(crate) use visible::{latest_user_text, visible_tools};
