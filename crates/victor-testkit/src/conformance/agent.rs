//! The laws of agents.

use futures_util::{Stream, StreamExt};
use victor_chat_protocol::{
    Agent, ChatError, ChatInput, ChatResponse, TurnEvent, TurnEventKind, TurnOutcome, TurnStream,
};
use victor_core::Messages;

use super::{calm, succeed};

/// Checks agents that can answer `input`: any number of times, and in the same way each time.
///
/// `make` makes a new agent with an empty conversation.
///
/// # Panics
///
/// A law is broken.
pub async fn agent<A: Agent>(make: impl AsyncFn() -> A, input: impl Into<ChatInput>) {
    let input = input.into();
    let agent = make().await;
    law!(!agent.name().is_empty(), "an agent has a name");
    let turn = read(agent.stream_chat(input.clone())).await;
    let response = turn.check();

    let chat = succeed(calm(make().await.chat(input.clone())).await);
    law!(
        chat.content() == response.content() && chat.outcome == response.outcome,
        "chat equals the drained stream",
        "{:?} and {:?}",
        chat.content(),
        response.content()
    );

    for taken in 0..=turn.events.len() {
        let agent = make().await;
        let mut stream = agent.stream_chat(input.clone());
        for _ in 0..taken {
            calm(stream.next()).await;
        }
        drop(stream);
        let next = read(agent.stream_chat(input.clone())).await;
        law!(
            next.error.is_none(),
            "a dropped turn leaves an agent that works",
            "after {taken} events: {next:?}"
        );
        next.check();
    }

    for taken in 0..=turn.events.len() {
        let agent = make().await;
        let mut stream = agent.stream_chat(input.clone());
        let mut events = Vec::new();
        for _ in 0..taken {
            events.extend(calm(stream.next()).await.map(succeed));
        }
        stream.cancel_handle().cancel();
        let cancelled = read_on(stream, events).await;
        let response = cancelled.check();
        law!(
            matches!(response.outcome, TurnOutcome::Cancelled) || response.outcome == chat.outcome,
            "a cancelled turn ends as cancelled, or as it would have",
            "after {taken} events: {:?}",
            response.outcome
        );
        let next = read(agent.stream_chat(input.clone())).await;
        law!(
            next.error.is_none(),
            "a cancelled turn leaves an agent that works",
            "after {taken} events: {next:?}"
        );
    }
}

/// A turn that was read to its end.
#[derive(Debug)]
pub(super) struct Turn {
    events: Vec<TurnEvent>,
    error: Option<ChatError>,
}

pub(super) async fn read(stream: TurnStream) -> Turn {
    read_on(stream, Vec::new()).await
}

async fn read_on(
    mut stream: impl Stream<Item = Result<TurnEvent, ChatError>> + Unpin,
    mut events: Vec<TurnEvent>,
) -> Turn {
    let mut error = None;
    while let Some(event) = calm(stream.next()).await {
        law!(
            error.is_none(),
            "nothing follows the error",
            "but {event:?}"
        );
        match event {
            Ok(event) => events.push(event),
            Err(found) => error = Some(found),
        }
    }
    let after = calm(stream.next()).await;
    law!(after.is_none(), "nothing follows the end", "but {after:?}");
    Turn { events, error }
}

impl Turn {
    /// Checks the events of a turn that did not fail, and returns what came of it.
    pub(super) fn check(&self) -> &ChatResponse {
        let kinds: Vec<&str> = self.events.iter().map(|event| event.kind.kind()).collect();
        let sequence = self.events.iter().map(|event| event.sequence);
        law!(
            sequence.eq(0..self.events.len() as u64),
            "events are numbered from 0 without gaps",
            "{:?}",
            self.events
        );
        law!(
            kinds.first() == Some(&"turn_started"),
            "a turn begins with turn_started",
            "{kinds:?}"
        );
        let ends = kinds
            .iter()
            .filter(|kind| matches!(**kind, "turn_finished" | "turn_failed"))
            .count();
        law!(ends == 1, "a turn ends once", "{kinds:?}");
        let first = &self.events[0];
        law!(
            self.events
                .iter()
                .all(|event| event.turn == first.turn && event.session == first.session),
            "the events of a stream are those of one turn"
        );
        law!(
            self.error.is_some() == (kinds.last() == Some(&"turn_failed")),
            "an error follows turn_failed, and only that",
            "{kinds:?}, {:?}",
            self.error
        );
        law!(
            self.error.is_none(),
            "a valid call succeeds",
            "it failed with {:?}",
            self.error
        );
        let Some(TurnEventKind::TurnFinished(finished)) =
            self.events.last().map(|event| &event.kind)
        else {
            panic!("law broken: the end of a turn is the last event: {kinds:?}");
        };
        let response = &*finished.response;
        self.check_response(response);
        response
    }

    fn check_response(&self, response: &ChatResponse) {
        let first = &self.events[0];
        law!(
            response.turn == first.turn && response.session == first.session,
            "a response is that of its turn",
            "{response:?}"
        );
        // What the model said last, after its earlier calls and what it said between them.
        let mut content = String::new();
        for event in &self.events {
            if matches!(
                event.kind,
                TurnEventKind::ModelCallStarted(_) | TurnEventKind::TextWithdrawn(_)
            ) {
                content.clear();
            }
            content.push_str(event.content());
        }
        let whole = response.outcome != TurnOutcome::Cancelled;
        law!(
            !whole || content == response.content(),
            "the deltas of the last model call add up to the content",
            "{content:?} and {:?}",
            response.content()
        );
        if response.outcome != TurnOutcome::AwaitingApproval {
            let messages: Messages = response.messages.iter().cloned().collect();
            let validity = messages.validate();
            law!(
                validity.is_ok(),
                "what a turn adds is a valid history",
                "{validity:?}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use victor_chat_protocol::{TurnFailed, TurnFinished, TurnStarted};
    use victor_core::{Message, MessageId, SessionId, TurnId, Usage, contain, contain_sync};

    use super::*;
    use crate::drive;

    const TURN: TurnId = TurnId::from_u128(1);

    fn event(sequence: u64, kind: impl Into<TurnEventKind>) -> TurnEvent {
        TurnEvent::new(SessionId::default(), TURN, sequence, kind)
    }

    fn started() -> TurnEventKind {
        TurnStarted::new(MessageId::from_u128(1)).into()
    }

    fn finished() -> TurnEventKind {
        let message = Message::user("hello").into();
        let response = Box::new(ChatResponse::new(SessionId::default(), TURN, message));
        TurnFinished::new(response).into()
    }

    fn failed() -> TurnEventKind {
        TurnFailed::new("m".into(), Usage::default()).into()
    }

    /// Checks the order that `TurnStream` keeps, which no agent can break as long as it does.
    #[test]
    fn the_laws_of_the_stream_itself() {
        let check = |events: Vec<TurnEvent>, error: Option<ChatError>, law: &str| {
            let turn = Turn { events, error };
            let outcome = contain_sync(|| turn.check().turn);
            let found = outcome.map_or_else(|panicked| panicked.message, |_| "none".into());
            assert!(found.starts_with(law), "expected `{law}`, found `{found}`");
        };
        let whole = || vec![event(0, started()), event(1, finished())];
        check(whole(), None, "none");
        check(
            vec![event(0, started()), event(2, finished())],
            None,
            "law broken: events are numbered from 0 without gaps",
        );
        check(
            vec![event(0, started())],
            None,
            "law broken: a turn ends once",
        );
        check(
            vec![
                event(0, started()),
                event(1, finished()),
                event(2, TurnEventKind::text("more")),
            ],
            None,
            "law broken: the end of a turn is the last event",
        );
        check(
            whole(),
            Some(ChatError::Incomplete),
            "law broken: an error follows turn_failed, and only that",
        );
        check(
            vec![event(0, started()), event(1, failed())],
            None,
            "law broken: an error follows turn_failed, and only that",
        );
        check(
            vec![event(0, started()), event(1, failed())],
            Some(ChatError::Incomplete),
            "law broken: a valid call succeeds",
        );
        let mut foreign = whole();
        foreign[1].turn = TurnId::from_u128(2);
        check(
            foreign,
            None,
            "law broken: the events of a stream are those of one turn",
        );
    }

    #[test]
    fn nothing_follows_the_end() {
        let read = |mut items: Vec<Option<Result<TurnEvent, ChatError>>>| {
            items.reverse();
            let stream = stream::poll_fn(move |_| items.pop().flatten().into());
            let outcome = drive(contain(read_on(stream, Vec::new())));
            outcome.map(|outcome| {
                outcome.map_or_else(|p| p.message, |turn| turn.events.len().to_string())
            })
        };
        let event = || Some(Ok(event(0, started())));
        let check = |items, law: &str| {
            let found = read(items).unwrap_or_default();
            assert!(found.starts_with(law), "expected `{law}`, found `{found}`");
        };
        check(vec![event(), None], "1");
        check(
            vec![event(), None, event()],
            "law broken: nothing follows the end",
        );
        check(
            vec![Some(Err(ChatError::ShutDown)), event()],
            "law broken: nothing follows the error",
        );
    }
}
