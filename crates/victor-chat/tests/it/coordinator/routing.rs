//! Withdrawn text, waits and budgets: what a router tells a turn.

use super::*;

/// A piece of text, then the end of its attempt, which is followed by another one.
fn withdrawn(text: &str) -> Events {
    let notice = RetryNotice::new(1, ProviderErrorKind::Server, "down", Duration::ZERO);
    vec![
        Ok(CompletionEvent::ThinkingDelta("hm".into())),
        Ok(CompletionEvent::TextDelta(text.into())),
        Ok(CompletionEvent::Withdrawn),
        Ok(CompletionEvent::Retrying(notice.with_withdrawn(true))),
    ]
}

fn then(mut first: Events, second: Events) -> Events {
    first.extend(second);
    first
}

#[test]
fn text_that_is_withdrawn_is_told_of_and_kept_nowhere() {
    let events = then(withdrawn("first try"), answer("second try", &[]));
    let world = World::new([events]);
    let (kinds, error) = drain(stream(&world, begin("hi")));
    assert!(error.is_none());
    assert_eq!(
        names(&kinds),
        [
            "turn_started",
            "model_call_started",
            "thinking_delta",
            "text_delta",
            "text_withdrawn",
            "model_call_retried",
            "text_delta",
            "text_delta",
            "model_call_finished",
            "turn_finished"
        ]
    );
    let texts: Vec<_> = world
        .conversation()
        .iter()
        .map(|m| m.text().into_owned())
        .collect();
    assert_eq!(texts, ["hi", "second try"]);
}

#[test]
fn a_turn_that_is_cancelled_or_dropped_keeps_nothing_that_was_withdrawn() {
    let cases: [(fn() -> Events, _, _); 2] = [
        (
            || vec![Ok(CompletionEvent::Working)],
            "model_call_retried",
            None,
        ),
        (
            || {
                let text = CompletionEvent::TextDelta("second".into());
                vec![Ok(text), Ok(CompletionEvent::Working)]
            },
            "text_delta",
            Some("second".to_owned()),
        ),
    ];
    for (more, last, kept) in cases {
        for drops in [false, true] {
            let world = World::new([then(withdrawn("first"), more())]);
            let mut turn = stream(&world, begin("hi"));
            let mut seen = Vec::new();
            while seen.iter().all(|kind| kind != "text_withdrawn")
                || seen.last().is_none_or(|seen| seen != last)
            {
                let event = block_on(turn.next()).unwrap().unwrap();
                seen.push(event.kind.kind().to_owned());
            }
            if !drops {
                turn.cancel_handle().cancel();
                let response = block_on(turn.response()).unwrap();
                assert_eq!(response.outcome, TurnOutcome::Cancelled);
            } else {
                drop(turn);
            }
            let conversation = world.conversation();
            let texts = conversation.iter().skip(1).map(|m| m.text().into_owned());
            assert_eq!(
                texts.collect::<Vec<_>>(),
                Vec::from_iter(kept.clone()),
                "{drops}"
            );
        }
    }
}

#[test]
fn no_tool_runs_twice_when_an_answer_with_calls_is_withdrawn() {
    let first = then(withdrawn("let me "), answer("I see", &[("a", "read")]));
    let second = then(withdrawn("it "), answer("so", &[]));
    let world = World::new([first, second]);
    let (kinds, error) = drain(stream(&world, begin("hi")));
    assert!(error.is_none());
    let runs = names(&kinds)
        .iter()
        .filter(|name| **name == "tool_call_started")
        .count();
    assert_eq!(runs, 1);
    let results = world.conversation();
    let results = results.iter().flat_map(|message| message.tool_results());
    assert_eq!(results.count(), 1);
}

#[test]
fn a_wait_is_told_with_its_target() {
    let wait = WaitNotice::new("main", Duration::from_secs(3));
    let mut events = answer("hello", &[]);
    events.insert(0, Ok(CompletionEvent::Waiting(wait.clone())));
    let (kinds, error) = drain(stream(&World::new([events]), begin("hi")));
    assert!(error.is_none());
    assert_eq!(kinds[2], TurnEventKind::ModelCallWaiting(wait));
}

#[test]
fn a_budget_ends_the_turn_and_says_so() {
    let refused = ProviderError::new(ProviderErrorKind::Budget, "p", "the budget is used up");
    let world = World::new([answer("let me see", &[("a", "read")]), vec![Err(refused)]]);
    let (kinds, error) = drain(stream(&world, begin("hi")));
    assert!(error.is_none());
    let told = names(&kinds);
    assert_eq!(
        told[told.len() - 3..],
        ["model_call_started", "notice", "turn_finished"]
    );
    let Some(TurnEventKind::TurnFinished(finished)) = kinds.last() else {
        panic!("a finished turn is the last event")
    };
    let response = &finished.response;
    assert_eq!(
        (&response.outcome, response.messages.len()),
        (&TurnOutcome::Budget, 3)
    );
    assert_eq!(world.conversation().len(), 3, "what was done is kept");

    world.answers.lock().unwrap().push_back(answer("done", &[]));
    let turn = response.suspended.clone().unwrap();
    let approvals = Vec::new();
    let (kinds, error) = drain(stream(&world, TurnStart::Resume { turn, approvals }));
    assert!(error.is_none());
    let told = names(&kinds);
    let runs = told.iter().filter(|name| **name == "tool_call_started");
    assert_eq!((runs.count(), world.conversation().len()), (0, 4));
}
