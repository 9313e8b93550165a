//! Observers of turns.

use std::fmt;
use std::sync::Arc;

use victor_core::{JsonMap, Message, SessionId, TraceContext, TurnId};
use victor_provider_protocol::LedgerObserver;

use crate::TurnEvent;

/// An observer of turns, such as one that makes traces of them. It is told of the attempts at model calls as well, by
/// [`LedgerObserver`].
///
/// Implemented by adapters, called by the orchestrator from many tasks at once. It is called in the task that works the
/// turn, so it returns at once and leaves slow work to a task of its own. A panic in it is contained and affects
/// neither the turn nor other observers.
pub trait TurnObserver: LedgerObserver {
    /// Begins to observe a turn that has been asked for. None if the turn is not to be observed.
    ///
    /// The work begins when its stream is first polled, so there may be no event at all.
    fn begin(&self, turn: &TurnOpening<'_>) -> Option<Box<dyn ObservedTurn>>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: TurnObserver + ?Sized> TurnObserver for Arc<T> {
    fn begin(&self, turn: &TurnOpening<'_>) -> Option<Box<dyn ObservedTurn>> {
        (**self).begin(turn)
    }
}

/// The observation of one turn. It is dropped after the last event, or when the turn is: then there is no last event.
pub trait ObservedTurn: fmt::Debug + Send {
    /// The place of the turn in a distributed trace. A tool call is given the place below it that has the call's
    /// idempotency key, and a model call that of [`model_call_trace`].
    fn trace(&self) -> Option<TraceContext> {
        None
    }

    /// Takes an event, in order and before whoever polls the turn sees it.
    fn event(&mut self, event: &TurnEvent);
}

/// Returns the place in a distributed trace of a turn's model call, by its number from 1.
#[must_use]
pub fn model_call_trace(turn: &TraceContext, number: u32) -> TraceContext {
    turn.child(&format!("model call {number}"))
}

/// A turn that has been asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TurnOpening<'a> {
    /// The session.
    pub session: &'a SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The name of the agent, if it is a tool of another one.
    pub agent: Option<&'a str>,
    /// The message of the user; absent where a suspended turn goes on.
    pub input: Option<&'a Message>,
    /// Facts about the request, as the caller has set them; see [`ChatInput::with`](crate::ChatInput::with).
    pub facts: Option<&'a JsonMap>,
    /// Names to which the model calls are charged.
    pub tags: &'a [Arc<str>],
    /// The place of the caller in a distributed trace.
    pub trace: Option<&'a TraceContext>,
}

impl<'a> TurnOpening<'a> {
    /// A turn of a session, without anything else.
    #[must_use]
    pub fn new(session: &'a SessionId, turn: TurnId) -> Self {
        Self {
            session,
            turn,
            agent: None,
            input: None,
            facts: None,
            tags: &[],
            trace: None,
        }
    }
}
