//! Lists of messages, named by what is in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use victor_core::Message;

use crate::ContentHash;

/// Names a list of messages by what is in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct History {
    /// The hash of the list; none if it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<ContentHash>,
    /// The number of messages.
    pub len: u64,
}

impl History {
    /// Appends a message, and returns what a store must keep of it.
    pub fn push(&mut self, message: impl Into<Arc<Message>>) -> HistoryLink {
        let link = HistoryLink::new(self.head, message.into());
        self.head = Some(link.hash);
        self.len += 1;
        link
    }
}

/// One message of a history, and what comes before it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistoryLink {
    /// The hash of the history that ends with this message.
    pub hash: ContentHash,
    /// The hash of the history before it; none if there is nothing before.
    pub parent: Option<ContentHash>,
    /// The hash of the message.
    pub content: ContentHash,
    /// The message.
    pub message: Arc<Message>,
}

impl HistoryLink {
    fn new(parent: Option<ContentHash>, message: Arc<Message>) -> Self {
        let content = ContentHash::of_message(&message);
        let mut both = [0; 64];
        both[..32].copy_from_slice(parent.unwrap_or_default().as_bytes());
        both[32..].copy_from_slice(content.as_bytes());
        Self {
            hash: ContentHash::of(&both),
            parent,
            content,
            message,
        }
    }

    /// Whether the hashes are those of the message and of what comes before it.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let again = Self::new(self.parent, Arc::clone(&self.message));
        (again.hash, again.content) == (self.hash, self.content)
    }
}
