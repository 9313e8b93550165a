//! The lists of tools that turns share.

use std::collections::VecDeque;
use std::sync::Arc;

use victor_core::{Lock, SessionId, ToolSpec};
use victor_mode_guard::PermittedTools;
use victor_mode_protocol::ModeManager;

/// Number of lists whose tokens are remembered: about one for each mode and kind of request in use.
const CAPACITY: usize = 16;

/// The tools that modes permit, and the token counts of tools that were shown. The turns and the tool `search_tools`
/// share one value.
#[derive(Debug, Default)]
pub struct ToolLists {
    permitted: PermittedTools,
    counted: Lock<VecDeque<(Arc<[ToolSpec]>, u64)>>,
}

impl ToolLists {
    /// Makes lists of the tools that these modes permit; without modes, all are.
    #[must_use]
    pub fn new(modes: Option<Arc<dyn ModeManager>>) -> Self {
        Self {
            permitted: PermittedTools::new(modes),
            counted: Lock::default(),
        }
    }

    /// Returns those of the tools that the mode of a session permits. The same tools are the same list.
    #[must_use]
    pub fn permitted(&self, session: &SessionId, tools: &Arc<[ToolSpec]>) -> Arc<[ToolSpec]> {
        self.permitted.of(session, tools)
    }

    /// Returns the number of tokens of a list of tools.
    pub(crate) fn tokens(&self, tools: &Arc<[ToolSpec]>, count: impl Fn(&str) -> u64) -> u64 {
        let mut counted = self.counted.lock();
        if let Some((_, tokens)) = counted.iter().find(|(list, _)| Arc::ptr_eq(list, tools)) {
            return *tokens;
        }
        let tokens = tools
            .iter()
            .map(|tool| count(&tool.description) + count(&tool.input_schema.to_string()))
            .sum();
        counted.truncate(CAPACITY - 1);
        counted.push_front((tools.clone(), tokens));
        tokens
    }
}
