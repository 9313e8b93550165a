//! Requests that a provider refuses, and answers that the model declines to give.

use std::sync::Arc;

use victor_chat_protocol::TurnOutcome;
use victor_core::{Message, Part, Role};
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use super::Phase;
use crate::{Turn, UnexpectedInput};

/// Limit of refusals of one call in a row as too long. Each request has half of the context of the one before, so
/// that a window a thousand times smaller than assumed is found.
const MAX_REFUSALS: u32 = 10;
/// Stands in the transcript where the model declined without a word.
const DECLINED_NOTE: &str = "[The model declined to answer.]";

impl Turn {
    /// The model call failed. Returns whether the turn goes on: by asking again with a smaller context, ten times at
    /// most, where the request was too long, and to its end where a budget is used up. Otherwise it stays where it is,
    /// and can be taken up again there.
    ///
    /// # Errors
    ///
    /// No answer was waited for.
    pub fn model_failed(&mut self, error: &ProviderError) -> Result<bool, UnexpectedInput> {
        let is_too_long = error.kind == ProviderErrorKind::ContextTooLong;
        let asks_again = self.call_failed(is_too_long.then_some(error))?;
        self.usage += &error.usage;
        let ends = error.kind == ProviderErrorKind::Budget;
        if let Phase::Model { over_budget, .. } = &mut self.phase {
            *over_budget = ends;
        }
        Ok(asks_again || ends)
    }

    /// No request could be made for the model call. The turn stays where it is, and can be taken up again there.
    ///
    /// # Errors
    ///
    /// No answer was waited for.
    pub fn model_not_asked(&mut self) -> Result<(), UnexpectedInput> {
        self.call_failed(None).map(drop)
    }

    fn call_failed(&mut self, refused: Option<&ProviderError>) -> Result<bool, UnexpectedInput> {
        let Phase::Model {
            too_long, refusals, ..
        } = &mut self.phase
        else {
            return Err(self.unexpected("a failed model call"));
        };
        let refused = refused.filter(|_| *refusals < MAX_REFUSALS);
        *refusals = refused.map_or(0, |_| *refusals + 1);
        *too_long = refused.map(|error| Box::new(error.into()));
        Ok(refused.is_some())
    }

    /// Ends the turn as one that the model declined to go on with, and marks that in its last message, so that later
    /// requests are made without it, in other processes as well.
    pub(super) fn decline(&mut self) {
        // What is in the conversation cannot be marked any more.
        if self.uncommitted().is_empty() {
            let text = vec![Part::text(DECLINED_NOTE)];
            let note = Message::with_id(self.next_id(), Role::User, text).as_note();
            self.messages.push(Arc::new(note));
        }
        let first = self.messages[0].id();
        if let Some(last) = self.messages.last_mut() {
            let marked = Message::clone(last).declined_from(first);
            *last = Arc::new(marked);
        }
        self.phase = Phase::Ended(TurnOutcome::Refused);
    }
}
