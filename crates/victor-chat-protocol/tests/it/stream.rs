use std::future::{Future, pending, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use victor_chat_protocol::{
    Agent, ChatError, ChatInput, ChatResponse, EventSink, TurnEvent, TurnEventKind, TurnOutcome,
    TurnStream,
};
use victor_core::{Message, SessionId, TurnId};

const TURN: TurnId = TurnId::from_u128(1);

fn response(outcome: TurnOutcome) -> ChatResponse {
    ChatResponse::ended(SessionId::default(), TURN, outcome)
}

fn completed() -> Result<ChatResponse, ChatError> {
    Ok(response(TurnOutcome::Completed))
}

fn stream<W>(work: impl FnOnce(EventSink) -> W) -> TurnStream
where
    W: Future<Output = Result<ChatResponse, ChatError>> + Send + 'static,
{
    TurnStream::new(SessionId::default(), TURN, work)
}

/// Reads to the end, and tells every event as its kind and text, and the error last. A stream that hangs fails.
async fn read(stream: &mut TurnStream) -> Vec<String> {
    let all = async {
        let mut lines = Vec::new();
        let mut sequence = 0;
        while let Some(item) = stream.next().await {
            lines.push(match item {
                Ok(event) => {
                    assert_eq!((event.sequence, event.turn), (sequence, TURN));
                    sequence += 1;
                    line(&event)
                }
                Err(error) => format!("error: {error}"),
            });
        }
        assert!(stream.next().await.is_none(), "the end is the end");
        lines
    };
    timeout(Duration::from_secs(60), all)
        .await
        .expect("the stream hangs")
}

fn line(event: &TurnEvent) -> String {
    format!("{} {}", event.kind.kind(), event.content())
        .trim_end()
        .to_owned()
}

#[tokio::test]
async fn events_come_in_order_and_without_gaps() {
    let mut stream = stream(async |events| {
        for n in 0..3 {
            events.emit(TurnEventKind::text(n.to_string())).await;
            yield_now().await;
        }
        completed()
    });
    assert_eq!(
        read(&mut stream).await,
        [
            "text_delta 0",
            "text_delta 1",
            "text_delta 2",
            "turn_finished"
        ]
    );
}

#[tokio::test]
async fn work_never_runs_ahead_of_who_listens() {
    let done = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&done);
    let mut stream = stream(async move |events| {
        for n in 1..4 {
            events.emit(TurnEventKind::text("x")).await;
            *done.lock().unwrap() = n;
        }
        completed()
    });
    for n in 0..3 {
        assert_eq!(*seen.lock().unwrap(), i32::max(n - 1, 0));
        stream.next().await;
    }
}

#[tokio::test]
async fn events_of_many_parts_at_once_all_come() {
    let mut stream = stream(async |events: EventSink| {
        let emit = |n: u32| {
            let events = events.clone();
            async move { events.emit(TurnEventKind::text(n.to_string())).await }
        };
        (0..40)
            .map(emit)
            .collect::<FuturesUnordered<_>>()
            .count()
            .await;
        futures_util::future::join_all((40..80).map(emit)).await;
        completed()
    });
    let mut lines = read(&mut stream).await;
    assert_eq!(lines.pop().as_deref(), Some("turn_finished"));
    lines.sort_by_key(|line| line["text_delta ".len()..].parse::<u32>().unwrap());
    let expected: Vec<_> = (0..80).map(|n| format!("text_delta {n}")).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_event_is_emitted_when_its_future_is_first_polled() {
    let mut stream = stream(async |events: EventSink| {
        drop(events.emit(TurnEventKind::text("never polled")));
        tokio::select! {
            biased;
            () = events.emit(TurnEventKind::text("polled once")) => unreachable!("nobody has read it"),
            () = ready(()) => {}
        }
        completed()
    });
    assert_eq!(
        read(&mut stream).await,
        ["text_delta polled once", "turn_finished"]
    );
}

#[tokio::test]
async fn a_panic_becomes_an_error_after_the_events_before_it() {
    let mut late = stream(async |events| {
        events.emit(TurnEventKind::text("a")).await;
        panic!("out of cheese")
    });
    assert_eq!(
        read(&mut late).await,
        ["text_delta a", "turn_failed", "error: the turn broke off"]
    );

    // In the function itself, before there is a future.
    let mut early = stream(|_| -> std::future::Ready<_> { panic!("no cheese at all") });
    let Some(Ok(event)) = early.next().await else {
        panic!("expected an event")
    };
    let TurnEventKind::TurnFailed(failed) = event.kind else {
        panic!("expected a failure")
    };
    assert_eq!(
        failed.message,
        "the turn broke off: panicked: no cheese at all"
    );
    assert!(matches!(
        early.next().await,
        Some(Err(ChatError::Panicked(_)))
    ));
    assert!(early.next().await.is_none());
}

#[tokio::test]
async fn an_error_comes_after_an_event_that_says_so() {
    let mut stream = stream(async |_| Err(ChatError::EmptyInput));
    assert_eq!(
        read(&mut stream).await,
        [
            "turn_failed",
            "error: the message is empty: send some text, a picture or a document"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn cancelling_wakes_the_work_and_ends_it_in_order() {
    let mut stream = stream(async |events: EventSink| {
        assert!(!events.is_cancelled());
        assert_eq!(events.until_cancelled(ready(1)).await, Some(1));
        assert_eq!(events.until_cancelled(pending::<()>()).await, None);
        assert!(events.is_cancelled());
        // What is ready is still done.
        assert_eq!(events.until_cancelled(ready(2)).await, Some(2));
        events
            .emit(TurnEventKind::notice("chat", "cancelled"))
            .await;
        Ok(response(TurnOutcome::Cancelled))
    });
    let handle = stream.cancel_handle();
    let other = handle.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        handle.cancel();
        other.cancel();
    });
    assert_eq!(read(&mut stream).await, ["notice", "turn_finished"]);
}

#[tokio::test(start_paused = true)]
async fn cancelling_wakes_every_part_of_the_work() {
    let mut stream = stream(async |events: EventSink| {
        let part = |_| {
            let events = events.clone();
            async move { events.until_cancelled(pending::<()>()).await }
        };
        let parts: Vec<_> = (0..5)
            .map(part)
            .collect::<FuturesUnordered<_>>()
            .collect()
            .await;
        assert_eq!(parts, [None; 5]);
        Ok(response(TurnOutcome::Cancelled))
    });
    let handle = stream.cancel_handle();
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        handle.cancel();
    });
    assert_eq!(read(&mut stream).await, ["turn_finished"]);
}

#[tokio::test]
async fn a_turn_may_be_cancelled_before_it_begins() {
    let mut stream = stream(async |events: EventSink| {
        assert_eq!(events.until_cancelled(pending::<()>()).await, None);
        Ok(response(TurnOutcome::Cancelled))
    });
    stream.cancel_handle().cancel();
    assert_eq!(read(&mut stream).await, ["turn_finished"]);
}

#[tokio::test]
async fn an_observer_is_told_each_event_once_and_first() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let mut failing = stream(async |events| {
        events.emit(TurnEventKind::text("a")).await;
        Err(ChatError::ShutDown)
    })
    .with_observer(|_| panic!("a later observer replaces an earlier one"))
    .with_observer(move |event| log.lock().unwrap().push(line(event)));
    let mut count = 0;
    while let Some(item) = failing.next().await {
        count += usize::from(item.is_ok());
        assert_eq!(told.lock().unwrap().len(), count);
    }
    assert_eq!(*told.lock().unwrap(), ["text_delta a", "turn_failed"]);
}

#[tokio::test]
async fn nothing_happens_until_the_stream_is_polled_and_dropping_it_drops_the_work() {
    struct Log(Arc<Mutex<Vec<&'static str>>>);
    impl Drop for Log {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("dropped");
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let held = Log(Arc::clone(&log));
    let mut stream = stream(async move |events| {
        held.0.lock().unwrap().push("begun");
        events.emit(TurnEventKind::text("a")).await;
        pending::<()>().await;
        completed()
    });
    assert!(log.lock().unwrap().is_empty());
    stream.next().await.unwrap().unwrap();
    assert_eq!(*log.lock().unwrap(), ["begun"]);
    drop(stream);
    assert_eq!(*log.lock().unwrap(), ["begun", "dropped"]);
}

#[tokio::test]
async fn dropping_the_wait_for_an_event_loses_none() {
    let mut stream = stream(async |events| {
        for n in 0..3 {
            yield_now().await;
            events.emit(TurnEventKind::text(n.to_string())).await;
        }
        completed()
    });
    let mut lines = Vec::new();
    while lines.len() < 4 {
        tokio::select! {
            biased;
            item = stream.next() => lines.push(line(&item.unwrap().unwrap())),
            () = ready(()) => {}
        }
    }
    assert_eq!(
        lines,
        [
            "text_delta 0",
            "text_delta 1",
            "text_delta 2",
            "turn_finished"
        ]
    );
}

#[tokio::test]
async fn the_response_of_a_stream_is_what_it_ends_with() {
    let found = stream(async |events| {
        events.emit(TurnEventKind::text("a")).await;
        completed()
    });
    assert_eq!(found.response().await.unwrap(), completed().unwrap());

    let failed = stream(async |_| Err(ChatError::EmptyInput));
    assert!(matches!(
        failed.response().await,
        Err(ChatError::EmptyInput)
    ));

    // Somebody has read the response already.
    let mut read_before = stream(async |_| completed());
    read_before.next().await.unwrap().unwrap();
    assert!(matches!(
        read_before.response().await,
        Err(ChatError::Incomplete)
    ));
}

#[tokio::test]
async fn chat_is_what_the_stream_of_an_agent_ends_with() {
    #[derive(Debug)]
    struct Parrot;
    impl Agent for Parrot {
        fn name(&self) -> &str {
            "parrot"
        }

        fn stream_chat(&self, input: ChatInput) -> TurnStream {
            let message = Message::assistant(input.text());
            stream(async |_| {
                Ok(ChatResponse::new(
                    SessionId::default(),
                    TURN,
                    message.into(),
                ))
            })
        }
    }
    let agent: &dyn Agent = &Parrot;
    assert_eq!(agent.chat("Hello".into()).await.unwrap().content(), "Hello");
}

#[test]
fn what_crosses_threads_may() {
    fn check<T: Send + Unpin + 'static>() {}
    fn check_sync<T: Send + Sync + 'static>() {}
    check::<TurnStream>();
    check_sync::<EventSink>();
    check_sync::<victor_chat_protocol::CancelHandle>();
    check_sync::<ChatError>();
}
