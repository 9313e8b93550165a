//! The memory of one session.

use std::sync::Arc;

use victor_context_protocol::{CompactionReport, ContextStats, TokenCounter, TokenCounterExt};
use victor_core::{Context, Message, MessageId, Messages, ModelId, Role};

use crate::counting::Report;

/// Among how many of the last messages a repeated append is recognized.
const REMEMBERED: usize = 32;

/// One session: its context, and what is known of it without going through it again.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) context: Context,
    pub(crate) tokens: u64,
    pub(crate) window: Option<u64>,
    /// The tokens that were sent beside the context at the last model call.
    pub(crate) preamble: u64,
    /// The model that was last asked.
    pub(crate) model: Option<ModelId>,
    /// The tokens that were counted for a request about which the provider has not reported yet.
    pub(crate) sent: Option<u64>,
    /// The last report of the provider, and the model that it was about.
    pub(crate) reported: Option<(ModelId, Report)>,
    /// The messages that are known to be valid.
    pub(crate) checked: Checked,
    /// Changes whenever the context is replaced by another.
    pub(crate) epoch: u64,
    /// The size after the last compaction, if that was still over the trigger.
    pub(crate) settled: u64,
    tokens_by_role: Vec<(Role, u64)>,
    last_compaction: Option<Box<CompactionReport>>,
    /// The last messages that were there before the last compaction, some of which it may have left out.
    replaced: Vec<MessageId>,
}

/// The messages from the beginning that are known to be valid: their number, and whether one of them is not the
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
            preamble: 0,
            model: None,
            sent: None,
            reported: None,
            checked: Checked::default(),
            epoch,
            settled: 0,
            tokens_by_role: Vec::new(),
            last_compaction: None,
            replaced: Vec::new(),
        };
        session.count_all(counter);
        session
    }

    /// Appends a message, unless it is one of the last.
    pub(crate) fn append(&mut self, message: &Arc<Message>, counter: &dyn TokenCounter) {
        let mut last = self.context.messages().tail(REMEMBERED).rev();
        let is_known = last.any(|known| known.id() == message.id());
        if !is_known && !self.replaced.contains(&message.id()) {
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
        let before = self.context.messages();
        self.replaced = before
            .tail(REMEMBERED)
            .map(|message| message.id())
            .collect();
        let appended = before.tail(before.len().saturating_sub(replaced));
        let mut list = messages.clone();
        list.extend(appended.cloned());
        self.context = self.context.with_messages(list);
        self.epoch = epoch;
        self.mark_checked(messages.len());
        self.count_all(counter);
    }

    /// Leaves out the messages from number `first` on, and does not take them when they are appended once more.
    pub(crate) fn leave_out_from(&mut self, first: usize, epoch: u64, counter: &dyn TokenCounter) {
        let before = self.context.messages();
        let last = before.tail(REMEMBERED);
        self.replaced = last.map(|message| message.id()).collect();
        let kept = before.iter().take(first).cloned().collect();
        self.context = self.context.with_messages(kept);
        self.epoch = epoch;
        self.mark_checked(self.checked.messages.min(first));
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
        self.last_compaction = Some(Box::new(report));
        self.settled = settled;
    }

    /// Takes over what does not belong to the context from the session as it was before.
    pub(crate) fn inherit(&mut self, before: &Self) {
        self.window = before.window;
        self.preamble = before.preamble;
        self.model.clone_from(&before.model);
        self.reported.clone_from(&before.reported);
        self.last_compaction.clone_from(&before.last_compaction);
    }

    pub(crate) fn stats(&self) -> ContextStats {
        let mut stats = ContextStats::default();
        stats.messages = self.context.messages().len();
        stats.tokens = self.tokens;
        let by_role = self.tokens_by_role.iter();
        stats.tokens_by_role = by_role
            .map(|(role, tokens)| (role.to_string(), *tokens))
            .collect();
        stats.preamble = self.preamble;
        stats.window = self.window;
        stats.last_compaction = self.last_compaction.as_deref().cloned();
        stats
    }

    fn count_all(&mut self, counter: &dyn TokenCounter) {
        self.tokens = 0;
        self.tokens_by_role.clear();
        let messages = self.context.messages().clone();
        for message in &messages {
            self.count(message, counter);
        }
    }

    fn count(&mut self, message: &Message, counter: &dyn TokenCounter) {
        let tokens = u64::from(counter.tokens(message));
        self.tokens += tokens;
        let mut by_role = self.tokens_by_role.iter_mut();
        match by_role.find(|(role, _)| role == message.role()) {
            Some((_, sum)) => *sum += tokens,
            None => self.tokens_by_role.push((message.role().clone(), tokens)),
        }
    }
}
