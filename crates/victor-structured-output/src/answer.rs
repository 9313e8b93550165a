//! The answer of a turn as a value.

use serde::de::DeserializeOwned;
use victor_chat_protocol::{ChatError, ChatResponse, TurnOutcome, TurnStream};

use crate::OutputForm;

/// An answer as a value. Made by [`OutputForm::read_answer`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Typed<T> {
    /// The value.
    pub value: T,
    /// The turn that it comes from.
    pub response: ChatResponse,
}

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypedChatError {
    /// The turn failed.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The model gave an answer that is no value of the type, also when it was asked again.
    #[error("the answer does not fit its type: {message}")]
    Invalid {
        /// The last answer, as the model wrote it.
        raw: String,
        /// The reason why it does not fit.
        message: String,
        /// The turn.
        response: Box<ChatResponse>,
    },
    /// The turn ended before the model gave its answer. Where it can be resumed, the response holds it.
    #[error("the turn ended without an answer: it is {}", response.outcome)]
    Unfinished {
        /// The turn.
        response: Box<ChatResponse>,
    },
}

impl<T: DeserializeOwned> OutputForm<T> {
    /// Has a turn run to its end, and reads its answer. The turn was given the contract of this form.
    ///
    /// # Errors
    ///
    /// The turn failed, it ended before there was an answer, or the answer does not fit; see [`TypedChatError`].
    pub async fn read_answer(&self, turn: TurnStream) -> Result<Typed<T>, TypedChatError> {
        use TurnOutcome::{Completed, InvalidOutput, ToolLimit};
        let response = turn.response().await?;
        if !matches!(response.outcome, Completed | InvalidOutput | ToolLimit) {
            let response = Box::new(response);
            return Err(TypedChatError::Unfinished { response });
        }
        let raw = response.content().into_owned();
        match self.read(&raw) {
            Ok(value) => Ok(Typed { value, response }),
            Err(message) => Err(TypedChatError::Invalid {
                raw,
                message,
                response: Box::new(response),
            }),
        }
    }
}
