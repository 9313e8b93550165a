//! What is known of each session from its last turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use victor_core::{SessionId, ToolSpec};

/// How many entries of each session's transcript are in its context, so that a session which somebody else has written
/// to, or which this process has not seen, is read again; and how many tokens its prompt has, which is counted again
/// only when it changes, as are those of the tools.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    sessions: Mutex<HashMap<SessionId, Known>>,
    tools: Mutex<Option<(Arc<[ToolSpec]>, u64)>>,
}

#[derive(Debug, Default)]
struct Known {
    entries: Option<u64>,
    prompt: Option<(Arc<str>, u64)>,
}

impl Seen {
    /// How many entries of the session are in its context; unknown if it was not read, or not wholly.
    pub(crate) fn get(&self, session: &SessionId) -> Option<u64> {
        lock(&self.sessions).get(session)?.entries
    }

    /// The context has been made from so many entries.
    pub(crate) fn read(&self, session: &SessionId, entries: u64) {
        let mut sessions = lock(&self.sessions);
        sessions.entry(session.clone()).or_default().entries = Some(entries);
    }

    /// So many entries have been added to both.
    pub(crate) fn wrote(&self, session: &SessionId, entries: usize) {
        let mut sessions = lock(&self.sessions);
        if let Some(seen) = sessions
            .get_mut(session)
            .and_then(|known| known.entries.as_mut())
        {
            *seen += entries as u64;
        }
    }

    /// The two may differ.
    pub(crate) fn forget(&self, session: &SessionId) {
        lock(&self.sessions).remove(session);
    }

    /// How many tokens a session's prompt has.
    pub(crate) fn prompt_tokens(
        &self,
        session: &SessionId,
        prompt: &Arc<str>,
        count: impl Fn(&str) -> u64,
    ) -> u64 {
        let known = lock(&self.sessions)
            .get(session)
            .and_then(|known| known.prompt.clone());
        if let Some((text, tokens)) = known
            && (Arc::ptr_eq(&text, prompt) || text == *prompt)
        {
            return tokens;
        }
        let tokens = count(prompt);
        let mut sessions = lock(&self.sessions);
        sessions.entry(session.clone()).or_default().prompt = Some((prompt.clone(), tokens));
        tokens
    }

    /// How many tokens tools have.
    pub(crate) fn tool_tokens(&self, tools: &Arc<[ToolSpec]>, count: impl Fn(&str) -> u64) -> u64 {
        let known = lock(&self.tools).clone();
        if let Some((specs, tokens)) = known
            && Arc::ptr_eq(&specs, tools)
        {
            return tokens;
        }
        let tool =
            |tool: &ToolSpec| count(&tool.description) + count(&tool.input_schema.to_string());
        let tokens = tools.iter().map(tool).sum();
        *lock(&self.tools) = Some((tools.clone(), tokens));
        tokens
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one assignment or one call on the map, so a poisoned lock guards a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
