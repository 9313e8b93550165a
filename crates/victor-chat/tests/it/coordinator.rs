//! The coordinator through its ports: what it emits, what it keeps, and what is left when it is dropped.

mod routing;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::prelude::*;
use victor_chat::ChatCoordinator;
use victor_chat_protocol::{
    Approval, ChatError, ChatResponse, OutputContract, TurnEventKind, TurnLimits, TurnOutcome,
    TurnStart, TurnStream,
};
use victor_core::{Coordinator, Message, Part, SessionId, StopReason, ToolCall, TurnId, Usage};
use victor_provider_protocol::{
    Completion, CompletionEvent, ProviderError, ProviderErrorKind, ResponseFormat, RetryNotice,
    WaitNotice,
};

use crate::ports::{Events, World};

const TURN: TurnId = TurnId::from_u128(1 << 40);

fn begin(text: &str) -> TurnStart {
    TurnStart::Begin {
        session: SessionId::default(),
        turn: TURN,
        input: Message::with_id(
            TURN.message_id(0),
            victor_core::Role::User,
            vec![Part::text(text)],
        ),
        limits: TurnLimits::default(),
        output: None,
    }
}

fn stream(world: &Arc<World>, start: TurnStart) -> TurnStream {
    ChatCoordinator::new().stream_chat(start, world.clone())
}

fn answer(text: &str, calls: &[(&str, &str)]) -> Events {
    let mut events: Events = text
        .split_inclusive(' ')
        .map(|word| Ok(CompletionEvent::TextDelta(word.into())))
        .collect();
    let mut parts = vec![Part::text(text)];
    parts.extend(
        calls
            .iter()
            .map(|(id, name)| Part::ToolCall(ToolCall::new(*id, *name, "{}"))),
    );
    events.push(Ok(CompletionEvent::finished(Completion::new(
        "m".into(),
        parts,
        Usage::new(7, 3),
    ))));
    events
}

fn failing() -> Events {
    let error = ProviderError::new(ProviderErrorKind::Overloaded, "world", "busy")
        .with_usage(Usage::new(1, 0));
    vec![Ok(CompletionEvent::TextDelta("half ".into())), Err(error)]
}

/// Runs what never waits for anything but itself.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..100_000 {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
    panic!("it waits for nothing")
}

fn drain(mut stream: TurnStream) -> (Vec<TurnEventKind>, Option<ChatError>) {
    block_on(async {
        let mut kinds = Vec::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => {
                    assert_eq!(
                        event.sequence,
                        kinds.len() as u64,
                        "events are numbered without gaps"
                    );
                    kinds.push(event.kind);
                }
                Err(error) => {
                    assert!(stream.next().await.is_none(), "nothing follows an error");
                    return (kinds, Some(error));
                }
            }
        }
        (kinds, None)
    })
}

fn names(kinds: &[TurnEventKind]) -> Vec<&str> {
    kinds.iter().map(TurnEventKind::kind).collect()
}

#[test]
fn a_turn_with_tools_tells_all_that_happens() {
    let world = World::new([
        answer("let me see", &[("a", "read"), ("b", "read")]),
        answer("it is so", &[]),
    ]);
    let (kinds, error) = drain(stream(&world, begin("hi")));
    assert!(error.is_none());
    assert_eq!(
        names(&kinds),
        [
            "turn_started",
            "model_call_started",
            "text_delta",
            "text_delta",
            "text_delta",
            "model_call_finished",
            "tool_call_started",
            "tool_call_started",
            "tool_call_finished",
            "tool_call_finished",
            "model_call_started",
            "text_delta",
            "text_delta",
            "text_delta",
            "model_call_finished",
            "turn_finished"
        ]
    );
    let conversation = world.conversation();
    assert_eq!(conversation.len(), 4);
    let results: Vec<_> = conversation
        .get(2)
        .unwrap()
        .tool_results()
        .map(|r| r.call_id.to_string())
        .collect();
    assert_eq!(
        results,
        ["a", "b"],
        "results are stored in the order of the calls"
    );
    assert_eq!(*world.abandoned.lock().unwrap(), 0);
}

fn begin_typed(text: &str) -> TurnStart {
    let TurnStart::Begin {
        session,
        turn,
        input,
        limits,
        ..
    } = begin(text)
    else {
        unreachable!()
    };
    let format = ResponseFormat::new("final", serde_json::json!({ "type": "object" }));
    TurnStart::Begin {
        session,
        turn,
        input,
        limits,
        output: Some(OutputContract::new(format)),
    }
}

#[test]
fn an_answer_of_a_form_is_checked_through_the_ports_and_told_of() {
    let world = World::new([
        answer("not JSON", &[]),
        answer("here", &[("a", "final"), ("b", "read")]),
    ]);
    let (kinds, error) = drain(stream(&world, begin_typed("hi")));
    assert!(error.is_none());
    let told: Vec<_> = kinds
        .iter()
        .filter(|kind| !kind.is_delta())
        .cloned()
        .collect();
    assert_eq!(
        names(&told),
        [
            "turn_started",
            "model_call_started",
            "model_call_finished",
            "notice",
            "model_call_started",
            "model_call_finished",
            "tool_call_finished",
            "tool_call_started",
            "tool_call_finished",
            "turn_finished"
        ]
    );
    let TurnEventKind::Notice(notice) = &told[3] else {
        unreachable!()
    };
    assert!(notice.message.starts_with("it is not JSON"), "{notice:?}");
    let Some(TurnEventKind::TurnFinished(finished)) = told.last() else {
        unreachable!()
    };
    assert_eq!(finished.response.outcome, TurnOutcome::Completed);
    assert_eq!(finished.response.content(), "{}");
    assert!(world.conversation().iter().eq(&finished.response.messages));
}

#[test]
fn dropping_a_turn_whose_answer_is_checked_leaves_a_valid_conversation() {
    for polls in 0.. {
        let world = World::new([
            answer("not JSON", &[]),
            answer("here", &[("a", "final"), ("b", "read")]),
        ]);
        let mut stream = stream(&world, begin_typed("hi"));
        let finished = {
            let mut run = pin!(async { while stream.next().await.is_some() {} });
            let mut poll = || run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            (0..polls).any(|_| poll().is_ready())
        };
        drop(stream);
        world.conversation().validate().unwrap();
        if finished {
            assert!(polls > 10, "there are many places to drop it");
            break;
        }
    }
}

#[test]
fn an_executor_that_loses_results_or_invents_some_does_no_harm() {
    let world = World::new([
        answer("x", &[("a", "lose"), ("b", "read")]),
        answer("done", &[]),
    ]);
    let response = block_on(stream(&world, begin("hi")).response()).unwrap();
    assert_eq!(response.content(), "done");
    let results: Vec<_> = response.messages[2]
        .tool_results()
        .map(|r| r.text().into_owned())
        .collect();
    assert_eq!(results, ["the tool executor returned no result", "ok"]);
}

#[test]
fn an_empty_message_is_an_error_and_changes_nothing() {
    for text in ["", " \n\t"] {
        let world = World::new([]);
        let (kinds, error) = drain(stream(&world, begin(text)));
        assert!(matches!(error, Some(ChatError::EmptyInput)));
        assert_eq!(names(&kinds), ["turn_failed"]);
        assert!(world.conversation().is_empty());
    }
}

#[test]
fn a_failing_provider_leaves_a_turn_that_can_be_taken_up_again() {
    let world = World::new([
        answer("see", &[("a", "read")]),
        failing(),
        answer("done", &[]),
    ]);
    let error = block_on(stream(&world, begin("hi")).response()).unwrap_err();
    assert_eq!(error.report(), "the model call failed: world: busy");
    assert_eq!(error.usage(), Usage::new(8, 3));
    assert_eq!(world.conversation().len(), 3, "what was done is kept");
    let ChatError::Provider { turn, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        turn.last_message,
        Some(world.conversation().last().unwrap().id())
    );

    let response = block_on(
        stream(
            &world,
            TurnStart::Resume {
                turn,
                approvals: vec![],
            },
        )
        .response(),
    )
    .unwrap();
    assert_eq!(
        (response.content().as_ref(), response.usage.clone()),
        ("done", Usage::new(15, 6))
    );
    assert_eq!(world.conversation().len(), 4);
}

#[test]
fn a_conversation_that_cannot_be_stored_ends_the_turn_before_the_model_is_paid() {
    let world = Arc::new(World {
        full: true.into(),
        answers: World::new([answer("x", &[])])
            .answers
            .lock()
            .unwrap()
            .drain(..)
            .collect::<std::collections::VecDeque<_>>()
            .into(),
        ..World::default()
    });
    let (kinds, error) = drain(stream(&world, begin("hi")));
    assert_eq!(names(&kinds), ["turn_started", "turn_failed"]);
    assert_eq!(
        error.unwrap().report(),
        "the conversation could not be stored: no space left"
    );
    assert_eq!(world.answers.lock().unwrap().len(), 1);
}

#[test]
fn approval_pauses_and_goes_on_in_another_process() {
    let world = World::new([
        answer("may I", &[("a", "ask"), ("b", "read")]),
        answer("done", &[]),
    ]);
    let (kinds, _) = drain(stream(&world, begin("hi")));
    assert_eq!(names(&kinds)[5..], ["approval_requested", "turn_finished"]);
    let Some(TurnEventKind::TurnFinished(finished)) = kinds.last() else {
        panic!()
    };
    let response: ChatResponse = *finished.response.clone();
    assert_eq!(response.outcome, TurnOutcome::AwaitingApproval);
    assert_eq!(
        world.conversation().len(),
        1,
        "an answer is kept together with its results"
    );

    let stored = serde_json::to_string(&response.suspended).unwrap();
    let turn = serde_json::from_str(&stored).unwrap();
    let approvals = vec![Approval::deny("a", "not today")];
    let (kinds, _) = drain(stream(&world, TurnStart::Resume { turn, approvals }));
    assert_eq!(
        names(&kinds)[..5],
        [
            "turn_started",
            "tool_call_finished",
            "tool_call_started",
            "tool_call_finished",
            "model_call_started"
        ]
    );
    assert_eq!(world.conversation().len(), 4);
}

#[test]
fn a_turn_goes_on_from_whatever_its_journal_holds() {
    let answers = || {
        vec![
            answer("let me see", &[("a", "read"), ("b", "read")]),
            answer("and more", &[("c", "read")]),
            answer("done", &[]),
        ]
    };
    let world = Arc::new(World {
        answers: std::sync::Mutex::new(answers().into()),
        journal: Some(Default::default()),
        ..World::default()
    });
    drain(stream(&world, begin("hi")));
    let whole = world.conversation();
    let entries = std::mem::take(&mut *world.journal.as_ref().unwrap().lock().unwrap());
    // The message; then twice calls that are about to run and their results; then the answer.
    assert_eq!(entries.len(), 6);
    assert!(entries[5].0.is_none(), "a turn that has ended is not kept");
    for (open, conversation, left) in &entries[..5] {
        let open = open.as_ref().unwrap();
        let mut stored: victor_chat_protocol::SuspendedTurn =
            serde_json::from_value(serde_json::to_value(open).unwrap()).unwrap();
        let kept = stored.state["messages"].as_array().unwrap().len();
        assert_eq!(kept, 0, "the conversation has them already");
        stored.committed = conversation.iter().cloned().collect();
        let world = World::new(answers().split_off(3 - left));
        *world.conversation.lock().unwrap() = conversation.clone();
        let start = TurnStart::Resume {
            turn: Box::new(stored.clone()),
            approvals: vec![],
        };
        let response = block_on(stream(&world, start).response()).unwrap();
        assert!(world.conversation().iter().eq(whole.iter()));
        assert_eq!(response.messages.len(), whole.len());

        stored.committed.clear();
        let start = TurnStart::Resume {
            turn: Box::new(stored),
            approvals: vec![],
        };
        let error = block_on(stream(&world, start).response()).unwrap_err();
        assert!(error.to_string().ends_with("its state is damaged"));
    }
}

#[test]
fn tools_do_not_run_where_the_journal_fails() {
    let world = World::new([]);
    let world = Arc::new(World {
        answers: std::sync::Mutex::new(vec![answer("so", &[("a", "read")])].into()),
        journal: Some(Default::default()),
        ..Arc::into_inner(world).unwrap()
    });
    let mut turn = stream(&world, begin("hi"));
    let mut failed = None;
    block_on(async {
        while let Some(event) = turn.next().await {
            match event {
                Ok(event) if event.kind.kind() == "model_call_finished" => {
                    world.fill();
                }
                Ok(event) => assert_ne!(event.kind.kind(), "tool_call_started"),
                Err(error) => failed = Some(error),
            }
        }
    });
    assert_eq!(
        failed.unwrap().report(),
        "the conversation could not be stored: no space left"
    );
}

#[test]
fn what_is_no_turn_cannot_be_taken_up_again() {
    let world = World::new([answer("done", &[])]);
    let response = block_on(stream(&world, begin("hi")).response()).unwrap();
    let mut turn =
        victor_chat_protocol::SuspendedTurn::new(response.session, response.turn, "rubbish".into());
    let reason = |turn: &victor_chat_protocol::SuspendedTurn, approvals| {
        let start = TurnStart::Resume {
            turn: Box::new(turn.clone()),
            approvals,
        };
        block_on(stream(&world, start).response())
            .unwrap_err()
            .to_string()
    };
    assert!(reason(&turn, vec![]).starts_with("the turn cannot be taken up again: invalid type"));

    let truncated = Completion::new("m".into(), vec![Part::text("x")], Usage::default())
        .with_stop_reason(StopReason::MaxTokens);
    let cut = World::new([vec![Ok(CompletionEvent::finished(truncated))]]);
    turn = *block_on(stream(&cut, begin("hi")).response())
        .unwrap()
        .suspended
        .unwrap();
    let approvals = vec![Approval::approve("a")];
    assert!(
        reason(&turn, approvals).contains("a decision about a call that does not wait for one")
    );
    turn.state["messages"] = serde_json::json!([]);
    assert!(reason(&turn, vec![]).ends_with("its state is damaged"));
}

#[test]
fn cancelling_ends_in_order_wherever_the_turn_is() {
    let mut outcomes = Vec::new();
    for after in 0.. {
        let world = World::new([
            answer("let me see", &[("a", "read"), ("b", "read")]),
            answer("it is so", &[]),
        ]);
        let mut stream = stream(&world, begin("hi"));
        let handle = stream.cancel_handle();
        let response = block_on(async {
            for _ in 0..after {
                if let Some(Ok(event)) = stream.next().await
                    && let TurnEventKind::TurnFinished(finished) = event.kind
                {
                    return Some(*finished.response);
                }
            }
            handle.cancel();
            stream.response().await.ok()
        });
        let response = response.expect("a cancelled turn has a response");
        let conversation = world.conversation();
        conversation.validate().unwrap();
        assert!(
            conversation.iter().eq(response.messages.iter()),
            "the response tells what is stored"
        );
        outcomes.push(response.outcome.to_string());
        if after > 20 {
            break;
        }
    }
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| *outcome == "cancelled")
            .count(),
        15
    );
    assert!(outcomes[15..].iter().all(|outcome| outcome == "completed"));
}

#[test]
fn dropping_the_stream_at_any_poll_leaves_a_valid_conversation() {
    let mut left = Vec::new();
    for polls in 0.. {
        let world = World::new([
            answer("let me see", &[("a", "read"), ("b", "read")]),
            answer("it is so", &[]),
        ]);
        let mut stream = stream(&world, begin("hi"));
        let finished = {
            let mut run = pin!(async { while stream.next().await.is_some() {} });
            let mut poll = || run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            (0..polls).any(|_| poll().is_ready())
        };
        drop(stream);
        let conversation = world.conversation();
        conversation.validate().unwrap();
        left.push(
            conversation
                .iter()
                .map(|message| message.text().len())
                .sum::<usize>(),
        );
        if finished {
            break;
        }
        if polls > 0 {
            assert!(!conversation.is_empty(), "the user's message is never lost");
        }
    }
    assert!(left.len() > 20, "there are many places to drop it");
    assert!(left.is_sorted(), "later drops keep no less: {left:?}");
}

#[test]
fn a_panic_in_a_port_becomes_an_error_and_keeps_what_was_done() {
    let world = World::new([answer("see", &[("a", "read")])]);
    world.conversation.lock().unwrap().push(Message::assistant(
        "a conversation must not begin like this",
    ));
    let error = block_on(stream(&world, begin("hi")).response()).unwrap_err();
    assert!(
        error
            .report()
            .contains("the model is shown a valid conversation"),
        "{error:?}"
    );
    assert_eq!(world.conversation().last().unwrap().text(), "hi");
}

#[test]
fn the_coordinator_introduces_itself() {
    assert_eq!(ChatCoordinator.name(), "chat");
    assert!(ChatCoordinator.health().is_healthy());
}

/// A script: answers with or without calls, and perhaps a failure.
fn scripts() -> impl Strategy<Value = Vec<Events>> {
    let call = prop_oneof!["read", "lose", "ask"];
    let calls = proptest::collection::vec(call, 0..3);
    let one = prop_oneof![
        9 => ("[a-z ]{0,12}", calls).prop_map(|(text, calls)| {
            let calls: Vec<_> = calls.iter().enumerate().map(|(n, name)| (n.to_string(), name.clone())).collect();
            let calls: Vec<_> = calls.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
            answer(&text, &calls)
        }),
        1 => Just(()).prop_map(|()| failing()),
    ];
    proptest::collection::vec(one, 0..6)
}

fn copy(script: &[Events]) -> Vec<Events> {
    let event = |event: &Result<CompletionEvent, ProviderError>| match event {
        Ok(event) => Ok(event.clone()),
        Err(error) => Err(
            ProviderError::new(error.kind.clone(), "world", error.message.clone())
                .with_usage((*error.usage).clone()),
        ),
    };
    script
        .iter()
        .map(|events| events.iter().map(event).collect())
        .collect()
}

proptest! {
    #[test]
    fn chat_and_stream_chat_cannot_disagree(script in scripts()) {
        let (one, other) = (World::new(copy(&script)), World::new(script));
        let chat = block_on(stream(&one, begin("hi")).response());
        let (kinds, error) = drain(stream(&other, begin("hi")));
        prop_assert_eq!(one.conversation(), other.conversation());
        prop_assert!(one.conversation().validate().is_ok());
        match (chat, kinds.last(), error) {
            (Ok(response), Some(TurnEventKind::TurnFinished(finished)), None) => {
                prop_assert_eq!(&response, &*finished.response);
                let last_call = kinds.iter().rposition(|kind| kind.kind() == "model_call_started").unwrap_or(0);
                let shown: String = kinds[last_call..].iter().filter_map(|kind| match kind {
                    TurnEventKind::TextDelta(delta) => Some(delta.text.as_str()),
                    _ => None,
                }).collect();
                if response.outcome == TurnOutcome::Completed {
                    prop_assert_eq!(response.content(), shown);
                }
            }
            (Err(chat), Some(TurnEventKind::TurnFailed(failed)), Some(error)) => {
                prop_assert_eq!(chat.report(), error.report());
                prop_assert_eq!(chat.usage(), error.usage());
                prop_assert_eq!(&failed.usage, &error.usage());
            }
            (chat, last, error) => prop_assert!(false, "{chat:?} {last:?} {error:?}"),
        }
    }
}
