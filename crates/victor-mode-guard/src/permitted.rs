//! Lists of the tools that modes permit.

use std::collections::VecDeque;
use std::sync::Arc;

use victor_core::{Lock, SessionId, ToolSpec};
use victor_mode_protocol::ModeManager;

use crate::ModeManagerExt as _;

/// Number of lists that are remembered: about one for each mode in use.
const CAPACITY: usize = 16;

/// The tools that modes permit. Equal lists are the same allocation, by which the providers' caches of encoded requests
/// find them.
#[derive(Debug, Default)]
pub struct PermittedTools {
    modes: Option<Arc<dyn ModeManager>>,
    lists: Lock<VecDeque<PermittedList>>,
}

#[derive(Debug)]
struct PermittedList {
    all: Arc<[ToolSpec]>,
    permitted: Arc<[ToolSpec]>,
}

impl PermittedTools {
    /// Lists tools by the modes of a manager; without one, everything is permitted.
    #[must_use]
    pub fn new(modes: Option<Arc<dyn ModeManager>>) -> Self {
        Self {
            modes,
            lists: Lock::default(),
        }
    }

    /// Returns the tools of a list that a session's mode permits, in their order.
    #[must_use]
    pub fn of(&self, session: &SessionId, all: &Arc<[ToolSpec]>) -> Arc<[ToolSpec]> {
        let Some(modes) = &self.modes else {
            return all.clone();
        };
        let permitted: Vec<&ToolSpec> = all
            .iter()
            .filter(|spec| modes.decide(session, spec).is_permitted())
            .collect();
        if permitted.len() == all.len() {
            return all.clone();
        }
        let mut lists = self.lists.lock();
        let same = |list: &&PermittedList| {
            let names = list.permitted.iter().map(|spec| &spec.name);
            Arc::ptr_eq(&list.all, all) && names.eq(permitted.iter().map(|spec| &spec.name))
        };
        if let Some(list) = lists.iter().find(same) {
            return list.permitted.clone();
        }
        let permitted: Arc<[ToolSpec]> = permitted.into_iter().cloned().collect();
        lists.truncate(CAPACITY - 1);
        lists.push_front(PermittedList {
            all: all.clone(),
            permitted: permitted.clone(),
        });
        permitted
    }
}
