//! The sessions that this process remembers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use victor_core::{JsonMap, Lock, Message, SessionId, TurnId};
use victor_prompt_protocol::{BuiltPrompt, PromptHistory, SectionRecord};
use victor_session_protocol::SessionInfo;

use crate::prompts::PromptMemory;
use crate::record::SessionRecord;

victor_core::options! {
    /// Limits of the idle sessions that stay in memory. An evicted session is loaded from the store when it is used
    /// again.
    #[derive(PartialEq, Eq)]
    pub struct MemoryLimits {
        /// Number of sessions. Defaults to 10,000.
        pub sessions, with_sessions: usize = 10_000;
        /// Approximate size of their messages together, in bytes. Defaults to 1 GiB.
        pub bytes, with_bytes: u64 = 1 << 30;
    }
}

/// The sessions that this process remembers.
#[derive(Debug, Default)]
pub struct SessionRegistry {
    sessions: Lock<HashMap<SessionId, SessionRecord>>,
    clock: AtomicU64,
    /// Bytes of messages after the last look for sessions to evict, plus those that were added since.
    bytes: AtomicU64,
}

/// A session that somebody works on: it is not evicted until this is dropped.
#[derive(Debug)]
pub struct ActiveSession {
    registry: Arc<SessionRegistry>,
    session: SessionId,
}

impl Drop for ActiveSession {
    fn drop(&mut self) {
        let last_used = self.registry.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(record) = self.registry.sessions.lock().get_mut(&self.session) {
            record.active -= 1;
            record.last_used = last_used;
        }
    }
}

impl SessionRegistry {
    /// Reads the record of a session; an empty one if there is none.
    pub fn read<T>(&self, session: &SessionId, read: impl FnOnce(&SessionRecord) -> T) -> T {
        match self.sessions.lock().get(session) {
            Some(record) => read(record),
            None => read(&SessionRecord::default()),
        }
    }

    /// Changes the record of a session, which is made if there is none.
    pub fn update<T>(
        &self,
        session: &SessionId,
        change: impl FnOnce(&mut SessionRecord) -> T,
    ) -> T {
        change(self.sessions.lock().entry(session.clone()).or_default())
    }

    /// Keeps a session in memory until the result is dropped.
    pub fn activate(self: &Arc<Self>, session: &SessionId) -> ActiveSession {
        self.update(session, |record| record.active += 1);
        ActiveSession {
            registry: self.clone(),
            session: session.clone(),
        }
    }

    /// Returns the number of transcript entries that the session's context was made from; `None` if it must be loaded.
    pub fn entries(&self, session: &SessionId) -> Option<u64> {
        self.read(session, |record| record.entries)
    }

    /// Notes that the context was made from these messages, the whole transcript.
    pub fn loaded<'a>(
        &self,
        session: &SessionId,
        messages: impl ExactSizeIterator<Item = &'a Message>,
    ) {
        let bytes = self.update(session, |record| {
            record.clear_content();
            record.entries = Some(messages.len() as u64);
            record.add(messages);
            record.bytes
        });
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes that these messages were added to the context and the transcript.
    pub fn committed(&self, session: &SessionId, messages: &[Arc<Message>]) {
        let mut sessions = self.sessions.lock();
        if let Some(record) = sessions.get_mut(session)
            && let Some(entries) = &mut record.entries
        {
            *entries += messages.len() as u64;
            let before = record.bytes;
            record.add(messages.iter().map(|message| &**message));
            let added = record.bytes - before;
            self.bytes.fetch_add(added, Ordering::Relaxed);
        }
    }

    /// Has the session loaded again at its next turn, since its context and its transcript may differ.
    pub fn distrust(&self, session: &SessionId) {
        if let Some(record) = self.sessions.lock().get_mut(session) {
            record.clear_content();
        }
    }

    /// Forgets all about a session.
    pub fn forget(&self, session: &SessionId) {
        let mut sessions = self.sessions.lock();
        let active = sessions.remove(session).map_or(0, |record| record.active);
        if active > 0 {
            sessions.entry(session.clone()).or_default().active = active;
        }
    }

    /// Returns the tokens of a session's system prompt.
    pub fn prompt_tokens(
        &self,
        session: &SessionId,
        prompt: &Arc<str>,
        count: impl Fn(&str) -> u64,
    ) -> u64 {
        if let Some(tokens) = self.read(session, |record| record.prompt_tokens(prompt)) {
            return tokens;
        }
        let tokens = count(prompt);
        self.update(session, |record| {
            record.set_prompt_tokens(prompt.clone(), tokens);
        });
        tokens
    }

    /// Notes the prompt that a turn begins with, which the turn's next write stores with the session.
    pub fn note_prompt(&self, session: &SessionId, turn: TurnId, prompt: &BuiltPrompt) {
        let is_last = |record: &SessionRecord| {
            let prompts = record.prompts.as_ref();
            prompts.is_some_and(|prompts| prompts.last.as_ref() == Some(&prompt.text))
        };
        if self.read(session, is_last) {
            return;
        }
        let sections = SectionRecord::of(prompt);
        self.update(session, |record| {
            let prompts = record.prompts.get_or_insert_default();
            prompts.last = Some(prompt.text.clone());
            prompts.is_unsaved |= prompts.history.note(turn, sections);
        });
    }

    /// Takes over the prompts that the store has of a session.
    pub(crate) fn adopt_prompts(&self, session: &SessionId, info: Option<&SessionInfo>) {
        if let Some(prompts) = PromptMemory::of(info) {
            self.update(session, |record| record.prompts = Some(prompts));
        }
    }

    /// Adds the prompts of a session to the facts that its next write saves, unless the store has them.
    pub(crate) fn add_unsaved_prompts(&self, session: &SessionId, facts: &mut JsonMap) {
        let unsaved = self.read(session, |record| record.prompts.as_ref()?.unsaved());
        if let Some(prompts) = unsaved {
            facts.insert(PromptHistory::KEY.to_owned(), prompts);
        }
    }

    /// Notes that the store has these facts of a session.
    pub(crate) fn saved(&self, session: &SessionId, facts: &JsonMap) {
        if facts.contains_key(PromptHistory::KEY) {
            self.update(session, |record| {
                if let Some(prompts) = &mut record.prompts {
                    prompts.is_unsaved = false;
                }
            });
        }
    }

    /// Evicts idle sessions, least recently used first, if there are more than the limits allow. It makes some room
    /// ahead, so that it is seldom done. `evict` takes a session out of the rest of the memory, and returns whether it
    /// could.
    pub fn evict(&self, limits: &MemoryLimits, evict: impl Fn(&SessionId) -> bool) {
        // The lock is held throughout, so that no turn begins in a session while it is evicted.
        let mut sessions = self.sessions.lock();
        let bytes = self.bytes.load(Ordering::Relaxed);
        if sessions.len() <= limits.sessions && bytes <= limits.bytes {
            return;
        }
        let mut bytes = sessions.values().map(|record| record.bytes).sum::<u64>();
        let mut idle: Vec<(u64, SessionId)> = sessions
            .iter()
            .filter(|(_, record)| record.active == 0)
            .map(|(session, record)| (record.last_used, session.clone()))
            .collect();
        idle.sort_unstable();
        for (_, session) in idle {
            if sessions.len() <= limits.sessions / 8 * 7 && bytes <= limits.bytes / 8 * 7 {
                break;
            }
            if evict(&session) {
                bytes -= sessions.remove(&session).map_or(0, |record| record.bytes);
            }
        }
        // Until as much again has been added, it is not worth looking at all sessions.
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}
