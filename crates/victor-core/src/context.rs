//! The view that a model has of a conversation.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::{Extra, FormatVersion};
use crate::{JsonMap, Message, Messages};

/// A snapshot of what a model sees of a conversation: messages, and metadata about them.
///
/// Cloning it is cheap and shares every message, so checkpoints, forks and requests copy no text. It is derived from
/// the transcript and may be compacted and replaced; the transcript is what lasts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    #[serde(default)]
    version: FormatVersion<1>,
    messages: Messages,
    #[serde(default, skip_serializing_if = "is_empty")]
    metadata: Arc<JsonMap>,
    #[serde(flatten)]
    extra: Extra,
}

impl Context {
    /// A context of these messages.
    #[must_use]
    pub fn new(messages: Messages) -> Self {
        Self {
            messages,
            ..Self::default()
        }
    }

    /// The messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Facts about the conversation for those who compact it, for example `current_task`.
    #[must_use]
    pub fn metadata(&self) -> &JsonMap {
        &self.metadata
    }

    /// Appends a message.
    pub fn push(&mut self, message: impl Into<Arc<Message>>) {
        self.messages.push(message);
    }

    /// Sets one fact of the metadata.
    pub fn set_metadata(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        Arc::make_mut(&mut self.metadata).insert(key.into(), value.into());
    }

    /// The same context with other messages: what a compaction returns.
    #[must_use]
    pub fn with_messages(&self, messages: Messages) -> Self {
        Self {
            messages,
            ..self.clone()
        }
    }
}

impl<M: Into<Arc<Message>>> FromIterator<M> for Context {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        Self::new(messages.into_iter().collect())
    }
}

fn is_empty(metadata: &Arc<JsonMap>) -> bool {
    metadata.is_empty()
}
