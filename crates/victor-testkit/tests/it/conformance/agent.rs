use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::yield_now;
use victor_chat_protocol::{
    Agent, ChatError, ChatInput, ChatResponse, EventSink, ModelCallStarted, TurnEventKind,
    TurnFinished, TurnOutcome, TurnStarted, TurnStream,
};
use victor_core::{Message, SessionId, TurnId};
use victor_testkit::conformance;

use super::breaks;

/// Says `one two three` to everything.
#[derive(Debug)]
struct Counting {
    bug: &'static str,
    /// Whether a turn was dropped before its end.
    dropped: Arc<AtomicBool>,
    cancelled: Arc<AtomicBool>,
}

impl Agent for Counting {
    fn name(&self) -> &str {
        if self.bug == "nameless" {
            ""
        } else {
            "counting"
        }
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        let (session, turn) = (SessionId::default(), TurnId::generate());
        let (bug, dropped, cancelled) = (
            self.bug,
            Arc::clone(&self.dropped),
            Arc::clone(&self.cancelled),
        );
        TurnStream::new(session, turn, async move |events| {
            if bug == "after a drop" && dropped.load(Ordering::Relaxed)
                || bug == "after a cancel" && cancelled.load(Ordering::Relaxed)
            {
                return Err(ChatError::ShutDown);
            }
            dropped.store(true, Ordering::Relaxed);
            let result = work(bug, input, &events).await;
            dropped.store(false, Ordering::Relaxed);
            cancelled.fetch_or(events.is_cancelled(), Ordering::Relaxed);
            result
        })
    }
}

async fn work(
    bug: &'static str,
    input: ChatInput,
    events: &EventSink,
) -> Result<ChatResponse, ChatError> {
    let (session, turn) = (events.session().clone(), events.turn());
    let input = Arc::new(input.into_message());
    let started = TurnStarted::new(input.id());
    if bug != "no beginning" {
        events.emit(started).await;
    }
    for number in 1..=2 {
        events.emit(ModelCallStarted::new(number)).await;
        for word in ["one ", "two ", "three"] {
            yield_now().await;
            if events.is_cancelled() {
                let outcome = if bug == "refuses" {
                    TurnOutcome::Refused
                } else {
                    TurnOutcome::Cancelled
                };
                return Ok(ChatResponse::ended(session, turn, outcome));
            }
            if bug != "lost text" || word != "two " {
                events.emit(TurnEventKind::text(word)).await;
            }
        }
    }
    let answer = Arc::new(Message::assistant("one two three"));
    let mut response = ChatResponse::new(session, turn, answer.clone());
    response.messages = vec![input, answer];
    match bug {
        "fails" => return Err(ChatError::EmptyInput),
        "panics" => panic!("bug"),
        "ends twice" => {
            let response = Box::new(response.clone());
            events.emit(TurnFinished::new(response)).await;
        }
        "another turn" => response.turn = TurnId::generate(),
        "answer only" => drop(response.messages.remove(0)),
        _ => {}
    }
    Ok(response)
}

/// An agent whose `chat` says something else than its stream.
#[derive(Debug)]
struct Split(Counting);

#[async_trait::async_trait]
impl Agent for Split {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        self.0.stream_chat(input)
    }

    async fn chat(&self, _: ChatInput) -> Result<ChatResponse, ChatError> {
        let message = Message::assistant("four").into();
        Ok(ChatResponse::new(
            SessionId::default(),
            TurnId::generate(),
            message,
        ))
    }
}

fn counting(bug: &'static str) -> Counting {
    Counting {
        bug,
        dropped: Arc::default(),
        cancelled: Arc::default(),
    }
}

#[tokio::test]
async fn a_right_agent_passes() {
    conformance::agent(async || counting("none"), "Count to three").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "an agent has a name"),
        ("no beginning", "a turn begins with turn_started"),
        ("ends twice", "a turn ends once"),
        ("fails", "a valid call succeeds"),
        ("panics", "a valid call succeeds"),
        (
            "lost text",
            "the deltas of the last model call add up to the content",
        ),
        ("another turn", "a response is that of its turn"),
        ("answer only", "what a turn adds is a valid history"),
        ("after a drop", "a dropped turn leaves an agent that works"),
        (
            "refuses",
            "a cancelled turn ends as cancelled, or as it would have",
        ),
        (
            "after a cancel",
            "a cancelled turn leaves an agent that works",
        ),
    ] {
        breaks(
            law,
            conformance::agent(async || counting(bug), "Count to three"),
        )
        .await;
    }
    let split = conformance::agent(async || Split(counting("none")), "Count to three");
    breaks("chat equals the drained stream", split).await;
}
