//! The stored form of a turn, in each of its phases.

use serde_json::json;
use victor_chat::{Step, Turn};
use victor_chat_protocol::{OutputContract, TurnLimits, TurnOutcome};
use victor_core::{
    Message, Part, Role, SessionId, StopReason, ToolCall, ToolOutcome, ToolResult, TurnId, Usage,
};
use victor_provider_protocol::{Completion, ProviderError, ProviderErrorKind, ResponseFormat};
use victor_testkit::{check_golden, check_refused, check_unknown_fields};
use victor_tool_protocol::Verdict;

/// A turn that waits for a person, with a call in every state.
fn waiting() -> Turn {
    let id = TurnId::from_u128(1 << 64);
    let input = Message::with_id(id.message_id(0), Role::User, vec![Part::text("tidy up")]);
    let mut turn = Turn::begin(SessionId::new("s"), id, input, TurnLimits::default());
    turn.committed();
    let call =
        |id: &str, n: u32| Part::ToolCall(ToolCall::new(id, "remove", format!("{{\"n\":{n}}}")));
    let parts = vec![
        Part::text("so be it"),
        call("a", 1),
        call("b", 2),
        call("c", 3),
    ];
    let answer = Completion::new("m".into(), parts, Usage::new(20, 9));
    turn.model_answered(answer).unwrap();
    let verdicts = vec![
        Verdict::Run,
        Verdict::ask("remove 2?"),
        Verdict::Deny {
            reason: "3 stays".into(),
        },
    ];
    turn.tools_reviewed(verdicts).unwrap();
    turn
}

/// The same turn at its end.
fn ended() -> Turn {
    let mut turn = waiting();
    let approved = victor_chat_protocol::Approval::approve("b");
    turn.approvals_given(&[approved]).unwrap();
    turn.tools_reviewed(vec![Verdict::Run]).unwrap();
    let Step::RunTools(calls) = turn.next_step() else {
        panic!()
    };
    for call in &calls {
        turn.tool_finished(ToolResult::new(call, ToolOutcome::Success, "gone"))
            .unwrap();
    }
    turn.committed();
    let answer = Completion::new("m".into(), vec![Part::text("two are")], Usage::new(30, 2));
    turn.model_answered(answer.with_stop_reason(StopReason::MaxTokens))
        .unwrap();
    turn.committed();
    turn
}

/// A turn whose answer must have a form, with one by text that is to be checked and one by a call.
fn checking(answer: Vec<Part>) -> Turn {
    let id = TurnId::from_u128(1 << 64);
    let input = Message::with_id(id.message_id(0), Role::User, vec![Part::text("how many?")]);
    let mut format = ResponseFormat::new("answer", json!({ "type": "object" }));
    format.description = "How many there are".into();
    format.strict = true;
    let mut turn = Turn::begin(SessionId::new("s"), id, input, TurnLimits::default())
        .with_output(OutputContract::new(format));
    turn.committed();
    turn.model_answered(Completion::new("m".into(), answer, Usage::new(20, 9)))
        .unwrap();
    turn.committed();
    turn
}

/// A turn that has answered nothing yet.
fn asking() -> Turn {
    let id = TurnId::from_u128(1 << 64);
    let input = Message::with_id(id.message_id(0), Role::User, vec![Part::text("how many?")]);
    let mut turn = Turn::begin(SessionId::new("s"), id, input, TurnLimits::default());
    turn.committed();
    turn
}

/// A turn whose last request was too long.
fn shrinking() -> Turn {
    let mut turn = asking();
    let kind = ProviderErrorKind::ContextTooLong;
    let error = ProviderError::new(kind, "llama", "too many").with_overflow(Some(1024), Some(9000));
    turn.model_failed(&error).unwrap();
    turn
}

/// A turn that the model declined to answer.
fn refused() -> Turn {
    let mut turn = asking();
    let mut answer = Completion::new("m".into(), Vec::new(), Usage::new(20, 0));
    let details = json!({ "stop_details": { "category": "cyber", "explanation": "No." } });
    answer.extra.insert("anthropic", details);
    turn.model_answered(answer.with_stop_reason(StopReason::Refusal))
        .unwrap();
    turn
}

#[test]
fn the_stored_form_stays_readable() {
    let directory = env!("CARGO_MANIFEST_DIR");
    check_golden(directory, "turn_waiting", &waiting());
    check_golden(directory, "turn_ended", &ended());
    let call = ToolCall::new("a", "answer", "{}").into();
    check_golden(
        directory,
        "turn_checking_text",
        &checking(vec![Part::text("{}")]),
    );
    check_golden(directory, "turn_checking_call", &checking(vec![call]));
    check_golden(directory, "turn_shrinking", &shrinking());
    check_golden(directory, "turn_refused", &refused());
    assert_eq!(ended().next_step(), Step::Finish(TurnOutcome::Truncated));
}

#[test]
fn fields_of_later_versions_survive() {
    // What the engine alone reads is either known to it or not readable at all: its phase and its limits.
    check_unknown_fields(
        "turn",
        &waiting(),
        &[
            "phase",
            "tools",
            "limits",
            "calls_made",
            "state",
            "0",
            "1",
            "2",
        ],
    );
}

#[test]
fn a_phase_of_a_later_version_is_refused() {
    let mut form = serde_json::to_value(waiting()).unwrap();
    form["phase"] = json!({ "meditating": {} });
    check_refused::<Turn>(&form, "unknown variant `meditating`");
}
