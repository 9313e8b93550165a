//! What is kept of one session.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use victor_context_protocol::{CompactionReport, ContextStats, TokenCounter, TokenCounterExt};
use victor_core::{Context, Message, MessageId, Messages, Role};

/// How many of the last identifiers are remembered, so that a repeated append is recognized.
const REMEMBERED: usize = 128;

/// One session: its context, and what is known of it without going through it again.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) context: Context,
    pub(crate) tokens: u64,
    pub(crate) window: Option<u64>,
    /// The messages that are known to be valid.
    pub(crate) checked: Checked,
    /// Changes whenever the context is replaced by another.
    pub(crate) epoch: u64,
    /// How large the last compaction left the context, if that was still over the trigger.
    pub(crate) settled: u64,
    tokens_by_role: BTreeMap<String, u64>,
    last_compaction: Option<CompactionReport>,
    recent: Recent,
}

/// How many messages from the beginning are known to be valid, and whether there is one among them that is not the
/// system's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Checked {
    pub(crate) messages: usize,
    pub(crate) begun: bool,
}

impl Session {
    pub(crate) fn new(context: Context, epoch: u64, counter: &dyn TokenCounter) -> Self {
        let mut session = Self {
            context,
            tokens: 0,
            window: None,
            checked: Checked::default(),
            epoch,
            settled: 0,
            tokens_by_role: BTreeMap::new(),
            last_compaction: None,
            recent: Recent::default(),
        };
        session.count_all(counter);
        session
    }

    /// Appends a message, unless it is one of the last.
    pub(crate) fn append(&mut self, message: &Arc<Message>, counter: &dyn TokenCounter) {
        if self.recent.insert(message.id()) {
            self.count(message, counter);
            self.context.push(message.clone());
        }
    }

    /// Puts `messages` in place of the first `replaced`; those appended since then stay.
    pub(crate) fn replace(
        &mut self,
        replaced: usize,
        messages: &Messages,
        epoch: u64,
        counter: &dyn TokenCounter,
    ) {
        let appended = self
            .context
            .messages()
            .tail(self.context.messages().len().saturating_sub(replaced));
        let mut list = messages.clone();
        list.extend(appended.cloned());
        self.context = self.context.with_messages(list);
        self.epoch = epoch;
        self.mark_checked(messages.len());
        self.count_all(counter);
    }

    /// Notes that the first `messages` are valid.
    pub(crate) fn mark_checked(&mut self, messages: usize) {
        let is_begun = |message: &&Arc<Message>| *message.role() != Role::System;
        self.checked = Checked {
            messages,
            begun: self
                .context
                .messages()
                .iter()
                .take(messages)
                .any(|message| is_begun(&message)),
        };
    }

    /// Notes what a compaction did.
    pub(crate) fn compacted(&mut self, report: CompactionReport, settled: u64) {
        self.last_compaction = Some(report);
        self.settled = settled;
    }

    /// Takes over what does not belong to the context from the session as it was before.
    pub(crate) fn inherit(&mut self, before: &Self) {
        self.window = before.window;
        self.last_compaction.clone_from(&before.last_compaction);
    }

    pub(crate) fn stats(&self) -> ContextStats {
        let mut stats = ContextStats::default();
        stats.messages = self.context.messages().len();
        stats.tokens = self.tokens;
        stats.tokens_by_role.clone_from(&self.tokens_by_role);
        stats.window = self.window;
        stats.last_compaction.clone_from(&self.last_compaction);
        stats
    }

    fn count_all(&mut self, counter: &dyn TokenCounter) {
        self.tokens = 0;
        self.tokens_by_role.clear();
        let messages = self.context.messages().clone();
        for message in &messages {
            self.count(message, counter);
        }
        for message in messages.tail(REMEMBERED) {
            self.recent.insert(message.id());
        }
    }

    fn count(&mut self, message: &Message, counter: &dyn TokenCounter) {
        let tokens = u64::from(counter.tokens(message));
        self.tokens += tokens;
        match self.tokens_by_role.get_mut(message.role().as_str()) {
            Some(sum) => *sum += tokens,
            None => drop(
                self.tokens_by_role
                    .insert(message.role().to_string(), tokens),
            ),
        }
    }
}

/// The identifiers of the last messages, those left out by compactions among them.
#[derive(Debug, Default)]
struct Recent {
    known: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Recent {
    /// Remembers an identifier, and says whether it is new.
    fn insert(&mut self, id: MessageId) -> bool {
        let is_new = self.known.insert(id);
        if is_new {
            self.order.push_back(id);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        is_new
    }
}
