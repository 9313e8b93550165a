//! Requests that a provider refuses as too long, and answers that the model declines to give.

use serde_json::json;
use victor_chat::{Step, Turn};
use victor_chat_protocol::TurnOutcome;
use victor_core::StopReason;
use victor_provider_protocol::{Completion, ProviderError, ProviderErrorKind};

use crate::script::{
    Calls, CannotBeAsked, Fails, Says, Stops, begin, check, completion, limits, run, stops,
};

#[test]
fn a_context_that_is_too_long_is_shrunk_until_it_fits() {
    use ProviderErrorKind::{ContextTooLong, Overloaded};
    check(
        limits(9),
        &[Fails(ContextTooLong), Says("yes")],
        &[
            "ask 1: tools",
            "ask 1: tools shrunk",
            "assistant yes",
            "end: completed",
        ],
    );
    check(
        limits(9),
        &[Fails(ContextTooLong), Fails(ContextTooLong), Says("yes")],
        &[
            "ask 1: tools",
            "ask 1: tools shrunk",
            "ask 1: tools shrunk",
            "assistant yes",
            "end: completed",
        ],
    );
    check(
        limits(9),
        &[Fails(ContextTooLong), Says(""), Says("yes")],
        &[
            "ask 1: tools",
            "ask 1: tools shrunk",
            "ask 2: tools (The last answer was empty)",
            "assistant yes",
            "end: completed",
        ],
    );
    check(
        limits(9),
        &[Fails(ContextTooLong), CannotBeAsked],
        &[
            "ask 1: tools",
            "ask 1: tools shrunk",
            "not asked: context_too_long",
        ],
    );
    let shrunk = ["ask 1: tools shrunk"; 10];
    let ends = ["failed: context_too_long"];
    check(
        limits(9),
        &[const { Fails(ContextTooLong) }; 11],
        &[&["ask 1: tools"][..], &shrunk, &ends].concat(),
    );
    check(
        limits(9),
        &[Fails(Overloaded)],
        &["ask 1: tools", "failed: overloaded"],
    );
}

#[test]
fn the_refusal_of_a_request_goes_with_the_next_one() {
    let mut turn = begin(limits(9));
    turn.committed();
    let kind = ProviderErrorKind::ContextTooLong;
    let error = ProviderError::new(kind, "llama", "too many").with_overflow(Some(1024), Some(9000));
    assert!(turn.model_failed(&error).unwrap());
    let told = |turn: &Turn| match turn.next_step() {
        Step::CallModel(call) => call.too_long,
        step => panic!("{step:?}"),
    };
    let stored = serde_json::to_string(&turn).unwrap();
    let too_long = told(&serde_json::from_str(&stored).unwrap()).unwrap();
    assert_eq!(
        (
            &*too_long.message,
            too_long.context_window,
            too_long.request_tokens
        ),
        ("llama: too many", Some(1024), Some(9000))
    );
    turn.model_not_asked().unwrap();
    assert_eq!(
        told(&turn),
        None,
        "it begins anew when it is taken up again"
    );
    // Turns that were stored before this was known.
    let before = r#""phase":{"model":{"shrink":true}}"#;
    let stored = serde_json::to_string(&turn).unwrap();
    let phase = r#""phase":{"model":{}}"#;
    assert!(stored.contains(phase), "{stored}");
    let read: Turn = serde_json::from_str(&stored.replace(phase, before)).unwrap();
    assert_eq!(read, turn);
}

#[test]
fn a_declined_exchange_is_marked_in_its_last_message() {
    let call = Calls("", &["a:read:{}"]);
    let decline = |answer| stops(StopReason::Refusal, answer);
    for (answers, count) in [
        (vec![decline(Says("I"))], 2),
        (vec![decline(Says(""))], 2),
        (vec![call.clone(), decline(Says("I"))], 4),
        (vec![call.clone(), decline(Says(""))], 4),
        (vec![decline(Calls("no", &["a:read:{}"]))], 3),
    ] {
        let (turn, log) = run(limits(9), &answers);
        assert_eq!(log.last().unwrap(), "end: refused");
        let messages = turn.messages();
        assert_eq!(messages.len(), count, "{log:?}");
        let (last, others) = messages.split_last().unwrap();
        assert_eq!(last.declines_from(), Some(messages[0].id()), "{log:?}");
        assert!(
            others
                .iter()
                .all(|message| message.declines_from().is_none())
        );
        let said = answers
            .last()
            .is_some_and(|answer| !matches!(answer, Stops(_, said) if matches!(**said, Says(""))));
        assert_eq!(last.is_note(), !said, "only where the model said nothing");
    }
}

#[test]
fn what_is_told_of_a_refusal_is_in_the_response() {
    let mut answer = completion(&stops(StopReason::Refusal, Says("I"))).unwrap();
    answer.extra.insert(
        "anthropic",
        json!({"stop_details": {"category": "cyber", "recommended_model": "m-2"}}),
    );
    let refused = |answer: Completion| {
        let mut turn = begin(limits(9));
        turn.committed();
        turn.model_answered(answer).unwrap();
        let response = turn.response(&TurnOutcome::Refused);
        response
            .refusal
            .map(|refusal| (refusal.category, refusal.recommended_model))
    };
    let told = (Some("cyber".to_owned()), Some("m-2".to_owned()));
    assert_eq!(refused(answer.clone()), Some(told));
    assert_eq!(refused(answer.with_stop_reason(StopReason::EndTurn)), None);
}
