//! What is known of each session from its last turn.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use victor_core::{Message, Part, SessionId, ToolOutcome, ToolSpec};
use victor_mode_protocol::SwitchedBy;

use crate::offer::PermittedTools;

/// How many entries of each session's transcript are in its context, so that a session which somebody else has written
/// to, or which this process has not seen, is read again; how many tokens its prompt and its tools have, which are
/// counted again only when they change; and which tools it has used, how often.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    sessions: Mutex<HashMap<SessionId, Known>>,
    pub(crate) permitted: PermittedTools,
}

#[derive(Debug, Default)]
struct Known {
    entries: Option<u64>,
    prompt: Option<(Arc<str>, u64)>,
    tools: Option<(Arc<[ToolSpec]>, u64)>,
    used: Arc<BTreeSet<String>>,
    calls: u32,
    mode: Option<Arc<str>>,
    switched_by: Option<SwitchedBy>,
}

impl Known {
    /// Takes note of what messages say of the use of tools.
    fn hear<'a>(&mut self, messages: impl Iterator<Item = &'a Message>) {
        for part in messages.flat_map(Message::parts) {
            match part {
                Part::ToolCall(call) if !self.used.contains(&call.name) => {
                    Arc::make_mut(&mut self.used).insert(call.name.clone());
                }
                Part::ToolResult(result) if has_run(&result.outcome) => self.calls += 1,
                _ => {}
            }
        }
    }
}

/// Whether a call with this outcome has run.
pub(crate) fn has_run(outcome: &ToolOutcome) -> bool {
    !matches!(outcome, ToolOutcome::Rejected | ToolOutcome::Denied)
}

impl Seen {
    /// How many entries of the session are in its context; unknown if it was not read, or not wholly.
    pub(crate) fn get(&self, session: &SessionId) -> Option<u64> {
        lock(&self.sessions).get(session)?.entries
    }

    /// The context has been made from these messages, which are the whole transcript.
    pub(crate) fn read<'a>(
        &self,
        session: &SessionId,
        messages: impl ExactSizeIterator<Item = &'a Message>,
    ) {
        let mut sessions = lock(&self.sessions);
        let known = sessions.entry(session.clone()).or_default();
        known.entries = Some(messages.len() as u64);
        (known.used, known.calls) = Default::default();
        known.hear(messages);
    }

    /// These messages have been added to both.
    pub(crate) fn wrote(&self, session: &SessionId, messages: &[Arc<Message>]) {
        let mut sessions = lock(&self.sessions);
        if let Some(known) = sessions.get_mut(session)
            && let Some(entries) = &mut known.entries
        {
            *entries += messages.len() as u64;
            known.hear(messages.iter().map(|message| &**message));
        }
    }

    /// Which tools the session has called for.
    pub(crate) fn used(&self, session: &SessionId) -> Arc<BTreeSet<String>> {
        let sessions = lock(&self.sessions);
        let known = sessions.get(session);
        known.map(|known| known.used.clone()).unwrap_or_default()
    }

    /// How many tool calls of the session have run.
    pub(crate) fn calls(&self, session: &SessionId) -> u32 {
        lock(&self.sessions)
            .get(session)
            .map_or(0, |known| known.calls)
    }

    /// Somebody switches the session's mode.
    pub(crate) fn switches(&self, session: &SessionId, by: SwitchedBy) {
        let mut sessions = lock(&self.sessions);
        sessions.entry(session.clone()).or_default().switched_by = Some(by);
    }

    /// The session is in this mode now. Returns the mode it was in when this was last said and who has switched it, if
    /// that was another one.
    pub(crate) fn enter(&self, session: &SessionId, mode: &str) -> Option<(Arc<str>, SwitchedBy)> {
        let mut sessions = lock(&self.sessions);
        let known = sessions.entry(session.clone()).or_default();
        if known.mode.as_deref() == Some(mode) {
            return None;
        }
        let before = known.mode.replace(mode.into());
        // Whoever else has switched it did so through the coordinator, as the model's tool does.
        let by = known.switched_by.take().unwrap_or(SwitchedBy::Model);
        before.map(|before| (before, by))
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

    /// How many tokens the tools have that a session is shown.
    pub(crate) fn tool_tokens(
        &self,
        session: &SessionId,
        tools: &Arc<[ToolSpec]>,
        count: impl Fn(&str) -> u64,
    ) -> u64 {
        let known = lock(&self.sessions)
            .get(session)
            .and_then(|known| known.tools.clone());
        if let Some((specs, tokens)) = known
            && Arc::ptr_eq(&specs, tools)
        {
            return tokens;
        }
        let tool =
            |tool: &ToolSpec| count(&tool.description) + count(&tool.input_schema.to_string());
        let tokens = tools.iter().map(tool).sum();
        let mut sessions = lock(&self.sessions);
        sessions.entry(session.clone()).or_default().tools = Some((tools.clone(), tokens));
        tokens
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one assignment or one call on the map, so a poisoned lock guards a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
