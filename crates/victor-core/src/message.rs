//! One message of a conversation.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::tool::text_of;
use crate::wire::{Extra, FormatVersion};
use crate::{MessageId, ModelId, Part, ToolCall, ToolResult};

crate::open_string_enum! {
    /// Speaker of a message.
    pub enum Role {
        /// The program that runs the conversation.
        System = "system",
        /// The person or program that asks.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The tools that the model called.
        Tool = "tool",
    }
}

/// One message of a conversation. Immutable once it is made, and shared as `Arc<Message>`.
///
/// ```
/// use victor_core::{Message, Role};
///
/// let message = Message::user("Read notes.txt").pinned();
/// assert_eq!((message.role(), &*message.text()), (&Role::User, "Read notes.txt"));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    #[serde(default)]
    version: FormatVersion<1>,
    id: MessageId,
    role: Role,
    parts: Vec<Part>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<ModelId>,
    #[serde(flatten)]
    extra: Extra,
    #[serde(skip)]
    tokens: TokenSlot,
}

/// The field by which a note is told from what the user said.
const NOTE: &str = "note";

/// The field by which the last message of a declined exchange names its first.
const DECLINED_FROM: &str = "declined_from";

impl Message {
    /// A message of `role`, under a new identifier.
    #[must_use]
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self::with_id(MessageId::generate(), role, parts)
    }

    /// A message under an identifier that is already known, as in a turn or an import.
    #[must_use]
    pub fn with_id(id: MessageId, role: Role, parts: Vec<Part>) -> Self {
        Self {
            version: FormatVersion,
            id,
            role,
            parts,
            pinned: false,
            model: None,
            extra: Extra::default(),
            tokens: TokenSlot::default(),
        }
    }

    /// A text of the program.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, vec![Part::text(text)])
    }

    /// A text of the user.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Part::text(text)])
    }

    /// A text of the model.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Part::text(text)])
    }

    /// A remark of the program to the model, in the user's place: it goes into one request and is not stored.
    pub fn note(text: impl Into<String>) -> Self {
        Self::user(text).as_note()
    }

    /// The results of the tool calls in the message before.
    pub fn tool_results_of(results: impl IntoIterator<Item = ToolResult>) -> Self {
        Self::new(
            Role::Tool,
            results.into_iter().map(Part::ToolResult).collect(),
        )
    }

    /// The same message, to be kept by every compaction.
    #[must_use]
    pub fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }

    /// The same message, as a [`note`](Self::note).
    #[must_use]
    pub fn as_note(self) -> Self {
        self.with_extra(NOTE, true)
    }

    /// The same message, written by `model`.
    #[must_use]
    pub fn with_model(mut self, model: ModelId) -> Self {
        self.model = Some(model);
        self
    }

    /// The same message with one more field of the caller's own, which is stored but not sent to models.
    #[must_use]
    pub fn with_extra(
        mut self,
        field: impl Into<String>,
        value: impl Into<serde_json::Value>,
    ) -> Self {
        self.extra.insert(field, value);
        self
    }

    /// The same message, as the last of an exchange that began with message `first` and that the model declined to go
    /// on with.
    ///
    /// Such an exchange stays in the transcript, and is left out of the context of later requests: the API of Anthropic
    /// goes on declining until it is gone
    /// (<https://platform.claude.com/docs/en/test-and-evaluate/strengthen-guardrails/handle-streaming-refusals>).
    #[must_use]
    pub fn declined_from(self, first: MessageId) -> Self {
        self.with_extra(DECLINED_FROM, first.to_string())
    }

    /// The first message of the exchange that the model declined to go on with, if this is its last.
    #[must_use]
    pub fn declines_from(&self) -> Option<MessageId> {
        self.extra.get(DECLINED_FROM)?.as_str()?.parse().ok()
    }

    /// The message's identifier.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Returns the speaker.
    #[must_use]
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Returns the parts of the message.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether every compaction keeps it.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Whether it is a [`note`](Self::note), and not what the user said.
    #[must_use]
    pub fn is_note(&self) -> bool {
        self.extra.get(NOTE).is_some()
    }

    /// The model that wrote it, where that is known.
    #[must_use]
    pub fn model(&self) -> Option<&ModelId> {
        self.model.as_ref()
    }

    /// The caller's own fields, and those that this version does not know.
    #[must_use]
    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    /// The text of the message, without thoughts, calls and results.
    #[must_use]
    #[doc(alias = "content")]
    pub fn text(&self) -> Cow<'_, str> {
        text_of(&self.parts)
    }

    /// The tool calls of the message, in the order in which the model made them.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// The tool results of the message.
    pub fn tool_results(&self) -> impl Iterator<Item = &ToolResult> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolResult(result) => Some(result),
            _ => None,
        })
    }

    /// Returns the tokens of the message by the count of `counter`, counted at most once while that counter is used.
    ///
    /// The message remembers the count of one counter, the last that asked; `counter` tells counters apart.
    pub fn tokens_by(&self, counter: NonZeroU32, count: impl FnOnce(&Message) -> u32) -> u32 {
        let key = u64::from(counter.get()) << 32;
        let slot = self.tokens.0.load(Ordering::Relaxed);
        if slot & !u64::from(u32::MAX) == key {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the lower half is the count"
            )]
            return slot as u32;
        }
        let tokens = count(self);
        self.tokens
            .0
            .store(key | u64::from(tokens), Ordering::Relaxed);
        tokens
    }
}

/// Remembers one token count: the counter's number in the upper half, its count in the lower.
#[derive(Default)]
struct TokenSlot(AtomicU64);

impl Clone for TokenSlot {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

impl PartialEq for TokenSlot {
    /// Returns true: the remembered count is no part of the message.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for TokenSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = self.0.load(Ordering::Relaxed);
        if slot == 0 {
            f.write_str("uncounted")
        } else {
            write!(f, "{}", slot & u64::from(u32::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_once_per_counter() {
        let message = Message::user("hello");
        let (first, second) = (NonZeroU32::new(1).unwrap(), NonZeroU32::new(2).unwrap());
        assert_eq!(message.tokens_by(first, |_| 5), 5);
        assert_eq!(message.clone().tokens_by(first, |_| unreachable!()), 5);
        assert_eq!(message.tokens_by(second, |_| 7), 7);
        assert_eq!(message.tokens_by(first, |_| 5), 5);
    }

    #[test]
    fn the_last_of_a_declined_exchange_names_the_first() {
        let (first, last) = (Message::user("q"), Message::assistant("I"));
        assert_eq!(last.declines_from(), None);
        let last = last.declined_from(first.id());
        assert_eq!(last.declines_from(), Some(first.id()));
        let stored = serde_json::to_string(&last).unwrap();
        let read: Message = serde_json::from_str(&stored).unwrap();
        assert_eq!(read.declines_from(), Some(first.id()));
    }

    #[test]
    fn text_joins_the_text_parts_only() {
        let thinking = Part::Thinking(crate::Thinking::new("hm"));
        let message = Message::new(
            Role::Assistant,
            vec![Part::text("a"), thinking, Part::text("b")],
        );
        assert_eq!(message.text(), "ab");
        assert_eq!(Message::new(Role::Assistant, vec![]).text(), "");
    }
}
