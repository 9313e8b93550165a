//! Anything that one can talk to.

use std::fmt;

use async_trait::async_trait;

use crate::{ChatError, ChatInput, ChatResponse, TurnStream};

/// Anything that one can send a message to and get a stream of [`TurnEvent`](crate::TurnEvent)s from.
///
/// Implemented by the orchestrator and its sessions, and by whoever puts something else in their place; evaluation,
/// workflows and servers know nothing else. Turns of one conversation follow each other in the order in which their
/// streams are first polled.
#[async_trait]
pub trait Agent: fmt::Debug + Send + Sync {
    /// The agent's name.
    fn name(&self) -> &str;

    /// Sends a message and returns what comes of it, as it comes. Nothing happens until the stream is polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the stream ends the turn at once and leaves a conversation that can go on. To end it and still hear
    /// what it used, call [`TurnStream::cancel_handle`].
    fn stream_chat(&self, input: ChatInput) -> TurnStream;

    /// Sends a message and returns the answer when it is whole. The same as draining
    /// [`stream_chat`](Self::stream_chat).
    ///
    /// # Errors
    ///
    /// The error with which the stream ends.
    async fn chat(&self, input: ChatInput) -> Result<ChatResponse, ChatError> {
        self.stream_chat(input).response().await
    }
}
