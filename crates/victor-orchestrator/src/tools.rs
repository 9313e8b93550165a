//! Tools: what the model is shown.

mod tool_lists;
mod visible;

pub(crate) use tool_lists::ToolLists;
pub(crate) use visible::{latest_user_text, visible_tools};
