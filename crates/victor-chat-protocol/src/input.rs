//! Messages of users.

use std::borrow::Cow;

use serde_json::Value;
use victor_core::{JsonMap, Message, Part, Role, TraceContext, text_of};

/// Message of a user: text, pictures, documents, and facts about the request for those who build the prompt.
///
/// ```
/// use victor_chat_protocol::ChatInput;
///
/// let input = ChatInput::from("Write a parser").with("task", "code_generation");
/// assert_eq!(input.metadata()["task"], "code_generation");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatInput {
    parts: Vec<Part>,
    metadata: JsonMap,
    trace: Option<TraceContext>,
    key: Option<String>,
}

impl ChatInput {
    /// Says these parts.
    #[must_use]
    pub fn new(parts: Vec<Part>) -> Self {
        Self {
            parts,
            metadata: JsonMap::new(),
            trace: None,
            key: None,
        }
    }

    /// Adds a fact about the request, which prompt contributors and compaction strategies can read.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Sets the place of the caller in a distributed trace, so that the turn is part of it.
    #[must_use]
    pub fn with_trace(mut self, trace: impl Into<Option<TraceContext>>) -> Self {
        self.trace = trace.into();
        self
    }

    /// Sets the idempotency key of the message, which no other message of the session has. A message that comes again
    /// under its key, to any process that has the session's store, is answered once: a turn that has ended is returned
    /// as it ended, one that was interrupted goes on, and one that runs is waited for. Keys are known for the last 200
    /// entries of a conversation.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The idempotency key.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The place of the caller in a distributed trace.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// The facts about the request.
    #[must_use]
    pub fn metadata(&self) -> &JsonMap {
        &self.metadata
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        text_of(&self.parts)
    }

    /// The input as a message of the user.
    #[must_use]
    pub fn into_message(self) -> Message {
        Message::new(Role::User, self.parts)
    }
}

impl From<&str> for ChatInput {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for ChatInput {
    fn from(text: String) -> Self {
        Self::new(vec![Part::text(text)])
    }
}

impl From<&String> for ChatInput {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}
