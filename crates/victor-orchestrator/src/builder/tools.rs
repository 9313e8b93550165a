//! Tools by which a model works on its own session, made of the coordinators.

use std::sync::Arc;

use victor_tool_protocol::Tool;
use victor_turn_request::ToolLists;

#[cfg(any(feature = "mode", feature = "tool-selection"))]
use crate::AgentOrchestratorBuilder;
use crate::roles::Roles;

/// Makes a tool, if there is the coordinator for it.
pub(crate) type ToolMaker = fn(&Roles, &Arc<ToolLists>) -> Option<Arc<dyn Tool>>;

#[cfg(feature = "mode")]
impl AgentOrchestratorBuilder {
    /// Offers the model a tool by which it switches its own session to another mode, of those that are open to it: by
    /// default `plan` and `explore`, from which it cannot come back by itself.
    pub fn switch_mode_tool(mut self) -> Self {
        self.parts.switch_mode_tool = Some(|roles, _| {
            let modes = roles.mode.clone()?;
            Some(Arc::new(victor_mode::SwitchModeTool::new(modes)?))
        });
        self
    }
}

#[cfg(feature = "tool-selection")]
impl AgentOrchestratorBuilder {
    /// Offers the model a tool by which it finds tools that it is not shown, among those that its session's mode
    /// permits.
    pub fn search_tools_tool(mut self) -> Self {
        self.parts.search_tools_tool = Some(|roles, lists| {
            let selector = roles.tool_selection.clone()?;
            // The executor holds this tool, so that the tool does not hold the executor.
            let (tools, lists) = (Arc::downgrade(&roles.tool), lists.clone());
            let catalogue: victor_tool_selection::Catalogue = Arc::new(move |session| {
                let specs = tools.upgrade().map(|tools| tools.specs());
                specs.map_or_else(Arc::default, |specs| lists.permitted(session, &specs))
            });
            let tool = victor_tool_selection::SearchToolsTool::new(selector, catalogue);
            Some(Arc::new(tool))
        });
        self
    }
}
