//! Which tools a model is shown.

use std::sync::{Arc, Mutex, PoisonError};

use victor_core::{Messages, Role, SessionId, ToolSpec, contain};
use victor_mode_protocol::ModeManager;
use victor_tool_selection_protocol::SelectionRequest;

use crate::guard::permits;
use crate::roles::Roles;
use crate::seen::Seen;

/// How many lists of tools are remembered: about one for each mode and kind of request that is in use.
pub(crate) const LISTS: usize = 16;

/// Lists of the tools that modes permit. The same list is the same allocation, so that whoever knows it by its address
/// (the providers' caches of what was written, the counts of tokens) finds it again.
#[derive(Debug, Default)]
pub(crate) struct PermittedTools(Mutex<Vec<List>>);

#[derive(Debug)]
struct List {
    all: Arc<[ToolSpec]>,
    permitted: Arc<[ToolSpec]>,
}

impl PermittedTools {
    /// Those of the tools that a session's mode permits, in their order.
    pub(crate) fn of(
        &self,
        all: &Arc<[ToolSpec]>,
        modes: &dyn ModeManager,
        session: &SessionId,
    ) -> Arc<[ToolSpec]> {
        let is_permitted = |spec: &&ToolSpec| permits(modes, session, spec).is_permitted();
        let permitted: Vec<&ToolSpec> = all.iter().filter(is_permitted).collect();
        if permitted.len() == all.len() {
            return all.clone();
        }
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |list: &&List| {
            let names = list.permitted.iter().map(|spec| &spec.name);
            Arc::ptr_eq(&list.all, all) && names.eq(permitted.iter().map(|spec| &spec.name))
        };
        if let Some(list) = lists.iter().find(same) {
            return list.permitted.clone();
        }
        if lists.len() == LISTS {
            lists.remove(0);
        }
        let permitted: Arc<[ToolSpec]> = permitted.into_iter().cloned().collect();
        lists.push(List {
            all: all.clone(),
            permitted: permitted.clone(),
        });
        permitted
    }
}

/// The tools that a session's mode permits.
pub(crate) fn permitted(roles: &Roles, seen: &Seen, session: &SessionId) -> Arc<[ToolSpec]> {
    let all = roles.tool.specs();
    match &roles.mode {
        Some(modes) => seen.permitted.of(&all, &**modes, session),
        None => all,
    }
}

/// What the user wants: the last that they said.
pub(crate) fn question(messages: &Messages) -> Arc<str> {
    let mut latest = messages.iter().rev();
    let asked = latest.find(|message| *message.role() == Role::User);
    asked
        .map(|message| message.text().into())
        .unwrap_or_default()
}

/// The tools that the model is shown in its next call, and what went wrong when they were chosen.
pub(crate) async fn offered(
    roles: &Roles,
    seen: &Seen,
    session: &SessionId,
    question: Arc<str>,
) -> (Arc<[ToolSpec]>, Option<String>) {
    let permitted = permitted(roles, seen, session);
    let Some(selector) = &roles.tool_selection else {
        return (permitted, None);
    };
    let mut request = SelectionRequest::new(session.clone(), question);
    request.used = seen.used(session);
    match contain(selector.select_tools(&request, &permitted)).await {
        Ok(selection) => (selection.tools, selection.problem),
        Err(panicked) => (permitted, Some(panicked.to_string())),
    }
}
