//! What is known of each session from its last turn.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use victor_core::{JsonMap, Message, Part, SessionId, ToolOutcome};
use victor_mode_protocol::SwitchedBy;

use crate::modes::{MODE, NESTED};

/// How much of the sessions that nobody works on stays in memory. What goes comes back from the store when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryLimits {
    /// How many sessions; 10,000 by default.
    pub sessions: usize,
    /// How many bytes their messages may have together, about; 1 GiB by default.
    pub bytes: u64,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            bytes: 1 << 30,
        }
    }
}

impl MemoryLimits {
    /// Sets how many sessions stay.
    #[must_use]
    pub fn with_sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// Sets how many bytes their messages may have together.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }
}

/// How many entries of each session's transcript are in its context, so that a session which somebody else has written
/// to, or which this process has not seen, is read again; how many tokens its prompt and its tools have, which are
/// counted again only when they change; and which tools it has used, how often.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    sessions: Mutex<HashMap<SessionId, Known>>,
    clock: AtomicU64,
    /// Who has switched sessions that have not told of it yet.
    switched_by: Mutex<HashMap<SessionId, SwitchedBy>>,
    /// The names of modes, each once.
    modes: Mutex<Vec<Arc<str>>>,
    /// How many bytes of text were read and written since the sessions were last looked at, and were there then.
    written: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    entries: Option<u64>,
    prompt: Option<Arc<str>>,
    prompt_tokens: u32,
    used: Option<Arc<BTreeSet<String>>>,
    calls: u32,
    /// How many bytes of text its messages have, about.
    bytes: u64,
    /// How many work on the session or are about to.
    working: u32,
    /// When that was last so, as a number that grows.
    used_at: u64,
    /// The mode that was told last.
    mode: Option<Arc<str>>,
    /// The mode that the store has.
    kept: Option<Arc<str>>,
    /// What the store is to know of the session that it is nested in, whose agent is here; and whether it does.
    nested: Option<Box<(Value, bool)>>,
}

impl Known {
    /// Whether the mode comes back from the store.
    fn is_kept(&self) -> bool {
        self.mode.is_none() || self.kept.is_some()
    }

    /// Takes note of what messages say of the use of tools.
    fn hear<'a>(&mut self, messages: impl Iterator<Item = &'a Message>) {
        for part in messages.flat_map(Message::parts) {
            self.bytes += size(part) as u64;
            match part {
                Part::ToolCall(call) => {
                    let used = self.used.get_or_insert_default();
                    if !used.contains(&call.name) {
                        Arc::make_mut(used).insert(call.name.clone());
                    }
                }
                Part::ToolResult(result) if has_run(&result.outcome) => self.calls += 1,
                _ => {}
            }
        }
    }
}

/// About how much memory a part takes.
fn size(part: &Part) -> usize {
    const BESIDE_TEXT: usize = 200;
    let text = match part {
        Part::Text(text) => text.text.len(),
        Part::Thinking(thinking) => thinking.text.len(),
        Part::ToolCall(call) => call.arguments.len(),
        Part::ToolResult(result) => result.content.iter().map(size).sum(),
        _ => 0,
    };
    BESIDE_TEXT + text
}

/// A session that somebody works on, or is about to.
#[derive(Debug)]
pub(crate) struct Working(Arc<Seen>, SessionId);

impl Drop for Working {
    fn drop(&mut self) {
        let used_at = self.0.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(known) = lock(&self.0.sessions).get_mut(&self.1) {
            known.working -= 1;
            known.used_at = used_at;
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

    /// Whether nothing is known of a session's mode.
    pub(crate) fn is_new(&self, session: &SessionId) -> bool {
        let sessions = lock(&self.sessions);
        sessions
            .get(session)
            .is_none_or(|known| known.mode.is_none())
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
        (known.used, known.calls, known.bytes) = Default::default();
        known.hear(messages);
        self.written.fetch_add(known.bytes, Ordering::Relaxed);
    }

    /// These messages have been added to both.
    pub(crate) fn wrote(&self, session: &SessionId, messages: &[Arc<Message>]) {
        let mut sessions = lock(&self.sessions);
        if let Some(known) = sessions.get_mut(session)
            && let Some(entries) = &mut known.entries
        {
            *entries += messages.len() as u64;
            let before = known.bytes;
            known.hear(messages.iter().map(|message| &**message));
            self.written
                .fetch_add(known.bytes - before, Ordering::Relaxed);
        }
    }

    /// Which tools the session has called for.
    pub(crate) fn used(&self, session: &SessionId) -> Arc<BTreeSet<String>> {
        let sessions = lock(&self.sessions);
        let known = sessions.get(session);
        known
            .and_then(|known| known.used.clone())
            .unwrap_or_default()
    }

    /// How many tool calls of the session have run.
    pub(crate) fn calls(&self, session: &SessionId) -> u32 {
        lock(&self.sessions)
            .get(session)
            .map_or(0, |known| known.calls)
    }

    /// Somebody switches the session's mode.
    pub(crate) fn switches(&self, session: &SessionId, by: SwitchedBy) {
        lock(&self.switched_by).insert(session.clone(), by);
    }

    /// The session is in this mode now. Returns the mode it was in when this was last said and who has switched it, if
    /// that was another one.
    pub(crate) fn enter(&self, session: &SessionId, mode: &str) -> Option<(Arc<str>, SwitchedBy)> {
        let mut sessions = lock(&self.sessions);
        let known = sessions.entry(session.clone()).or_default();
        if known.mode.as_deref() == Some(mode) {
            return None;
        }
        let before = known.mode.replace(self.name(mode));
        // Whoever else has switched it did so through the coordinator, as the model's tool does.
        let by = lock(&self.switched_by).remove(session);
        before.map(|before| (before, by.unwrap_or(SwitchedBy::Model)))
    }

    /// The name of a mode, as all sessions share it.
    fn name(&self, mode: &str) -> Arc<str> {
        let mut modes = lock(&self.modes);
        if let Some(name) = modes.iter().find(|name| ***name == *mode) {
            return name.clone();
        }
        let name: Arc<str> = mode.into();
        modes.push(name.clone());
        name
    }

    /// Whether the store does not have this mode of a session, but another one or, where it is to have one, none.
    pub(crate) fn is_unkept(&self, session: &SessionId, mode: &str, needs_none: bool) -> bool {
        let sessions = lock(&self.sessions);
        let kept = sessions
            .get(session)
            .and_then(|known| known.kept.as_deref());
        kept.map_or(!needs_none, |kept| kept != mode)
    }

    /// Whether a session that is in the mode `now` is to go to the one that the store has: it has come in there, or
    /// somebody else has switched it, and nobody here has since.
    pub(crate) fn adopts(&self, session: &SessionId, now: Option<&str>, stored: &str) -> bool {
        let sessions = lock(&self.sessions);
        match sessions.get(session) {
            Some(known) if known.mode.is_some() || known.kept.is_some() => {
                known.kept.as_deref() == now && now != Some(stored)
            }
            _ => true,
        }
    }

    /// The session is in the mode that the store has. One that comes in tells nobody of it.
    pub(crate) fn adopt(&self, session: &SessionId, stored: &str) {
        let name = self.name(stored);
        let mut sessions = lock(&self.sessions);
        let known = sessions.entry(session.clone()).or_default();
        known.kept = Some(name.clone());
        if known.mode.is_none() {
            known.mode = Some(name);
            lock(&self.switched_by).remove(session);
        }
    }

    /// The store has these facts.
    pub(crate) fn keeps(&self, session: &SessionId, facts: &JsonMap) {
        if facts.is_empty() {
            return;
        }
        let mode = facts.get(MODE).and_then(Value::as_str);
        let mode = mode.map(|mode| self.name(mode));
        let mut sessions = lock(&self.sessions);
        let known = sessions.entry(session.clone()).or_default();
        if let Some(mode) = mode {
            known.kept = Some(mode);
        }
        if let Some(nested) = &mut known.nested {
            nested.1 |= facts.contains_key(NESTED);
        }
    }

    /// The session is nested in another one, of which the store is to know this.
    pub(crate) fn nests(&self, session: &SessionId, nested: Value) {
        let mut sessions = lock(&self.sessions);
        sessions.entry(session.clone()).or_default().nested = Some(Box::new((nested, false)));
    }

    /// What the store is to know of the session that this one is nested in, and does not.
    pub(crate) fn unkept_nesting(&self, session: &SessionId) -> Option<Value> {
        let sessions = lock(&self.sessions);
        let (nested, is_kept) = &**sessions.get(session)?.nested.as_ref()?;
        (!is_kept).then(|| nested.clone())
    }

    /// Whether the agent that the session works for is here.
    pub(crate) fn is_nested(&self, session: &SessionId) -> bool {
        let sessions = lock(&self.sessions);
        sessions
            .get(session)
            .is_some_and(|known| known.nested.is_some())
    }

    /// The context and the transcript may differ.
    pub(crate) fn mistrust(&self, session: &SessionId) {
        let mut sessions = lock(&self.sessions);
        if let Some(known) = sessions.get_mut(session) {
            let before = std::mem::take(known);
            *known = Known {
                working: before.working,
                used_at: before.used_at,
                mode: before.mode,
                kept: before.kept,
                nested: before.nested,
                ..Known::default()
            };
        }
    }

    /// Nothing is known of the session any more.
    pub(crate) fn forget(&self, session: &SessionId) {
        lock(&self.switched_by).remove(session);
        let mut sessions = lock(&self.sessions);
        if let Some(known) = sessions.get_mut(session) {
            let working = known.working;
            *known = Known::default();
            known.working = working;
            if working == 0 {
                sessions.remove(session);
            }
        }
    }

    /// Keeps a session in memory until this is dropped.
    pub(crate) fn working(self: &Arc<Self>, session: &SessionId) -> Working {
        let mut sessions = lock(&self.sessions);
        sessions.entry(session.clone()).or_default().working += 1;
        Working(self.clone(), session.clone())
    }

    /// Takes sessions out of memory that nobody works on, those first that have not been used for the longest time, if
    /// there are more than the limits allow. Somewhat more than need be go at once, so that it is seldom done.
    pub(crate) fn evict(&self, limits: &MemoryLimits, forget: impl Fn(&SessionId)) {
        // The lock is held all the time, so that no session is begun that is being forgotten.
        let mut sessions = lock(&self.sessions);
        let total = |sessions: &HashMap<SessionId, Known>| -> u64 {
            sessions.values().map(|known| known.bytes).sum()
        };
        let written = self.written.load(Ordering::Relaxed);
        if sessions.len() <= limits.sessions && written <= limits.bytes {
            return;
        }
        let mut bytes = total(&sessions);
        let switched_by = lock(&self.switched_by);
        let switched = |session: &SessionId| switched_by.contains_key(session);
        let mut idle: Vec<(u64, SessionId)> = sessions
            .iter()
            .filter(|(session, known)| known.working == 0 && known.is_kept() && !switched(session))
            .map(|(session, known)| (known.used_at, session.clone()))
            .collect();
        idle.sort_unstable();
        for (_, session) in idle {
            if sessions.len() <= limits.sessions / 8 * 7 && bytes <= limits.bytes / 8 * 7 {
                break;
            }
            forget(&session);
            let known = sessions.remove(&session);
            bytes -= known.map_or(0, |known| known.bytes);
        }
        // Until as much again has been written, it is not worth looking at all of them.
        self.written.store(bytes, Ordering::Relaxed);
    }

    /// How many tokens a session's prompt has.
    pub(crate) fn prompt_tokens(
        &self,
        session: &SessionId,
        prompt: &Arc<str>,
        count: impl Fn(&str) -> u64,
    ) -> u64 {
        let known = |known: &Known| Some((known.prompt.clone()?, known.prompt_tokens));
        let known = lock(&self.sessions).get(session).and_then(known);
        if let Some((text, tokens)) = known
            && (Arc::ptr_eq(&text, prompt) || text == *prompt)
        {
            return tokens.into();
        }
        let tokens = count(prompt);
        let mut sessions = lock(&self.sessions);
        let known = sessions.entry(session.clone()).or_default();
        known.prompt = Some(prompt.clone());
        known.prompt_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        tokens
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one assignment or one call on the map, so a poisoned lock guards a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
