//! Lists of tools that stay the same allocation while their content is the same.

use std::collections::VecDeque;
use std::sync::Arc;

use victor_core::{Lock, SessionId, ToolSpec};
use victor_mode_protocol::ModeManager;

use super::mode_guard::permission;

/// Number of lists that are remembered: about one for each mode and kind of request in use.
const CAPACITY: usize = 16;

/// The tools that modes permit, and the token counts of tools that were shown.
///
/// Equal lists are the same allocation. The providers' caches of encoded requests and the counts here find a list by
/// its address, so the turns and the tool `search_tools` share one value.
#[derive(Debug, Default)]
pub(crate) struct ToolLists {
    permitted: Lock<VecDeque<PermittedTools>>,
    counted: Lock<VecDeque<(Arc<[ToolSpec]>, u64)>>,
}

#[derive(Debug)]
struct PermittedTools {
    all: Arc<[ToolSpec]>,
    permitted: Arc<[ToolSpec]>,
}

impl ToolLists {
    /// Returns the tools that a session's mode permits, in their order.
    pub(crate) fn permitted(
        &self,
        all: &Arc<[ToolSpec]>,
        modes: Option<&dyn ModeManager>,
        session: &SessionId,
    ) -> Arc<[ToolSpec]> {
        let Some(modes) = modes else {
            return all.clone();
        };
        let permitted: Vec<&ToolSpec> = all
            .iter()
            .filter(|spec| permission(modes, session, spec).is_permitted())
            .collect();
        if permitted.len() == all.len() {
            return all.clone();
        }
        let mut lists = self.permitted.lock();
        let same = |list: &&PermittedTools| {
            let names = list.permitted.iter().map(|spec| &spec.name);
            Arc::ptr_eq(&list.all, all) && names.eq(permitted.iter().map(|spec| &spec.name))
        };
        if let Some(list) = lists.iter().find(same) {
            return list.permitted.clone();
        }
        let permitted: Arc<[ToolSpec]> = permitted.into_iter().cloned().collect();
        lists.truncate(CAPACITY - 1);
        lists.push_front(PermittedTools {
            all: all.clone(),
            permitted: permitted.clone(),
        });
        permitted
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
