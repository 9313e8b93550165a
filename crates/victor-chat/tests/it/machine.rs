//! Every rule of the turn as a row: what the model and the tools answer, and what comes of it.

use victor_chat::{Step, Turn};
use victor_chat_protocol::{Approval, TurnOutcome};
use victor_core::{Messages, Part, StopReason, Thinking, ToolCall, ToolOutcome, ToolResult, Usage};
use victor_provider_protocol::{ProviderError, ProviderErrorKind};
use victor_tool_protocol::{ApprovalScope, Verdict};

use crate::script::{
    Answer, Calls, Fails, Parts, Says, begin, check, completion, limits, run, show, stops, verdict,
    work,
};

#[test]
fn an_answer_ends_the_turn() {
    check(
        limits(9),
        &[Says("yes")],
        &["ask 1: tools", "assistant yes", "end: completed"],
    );
}

#[test]
fn every_stop_reason_without_calls() {
    use StopReason::{ContextFull, EndTurn, MaxTokens, Other, Refusal, StopSequence, ToolUse};
    let ends = |reason: StopReason, outcome: &str| {
        let end = format!("end: {outcome}");
        check(
            limits(9),
            &[stops(reason, Says("so"))],
            &["ask 1: tools", "assistant so", &end],
        );
    };
    ends(EndTurn, "completed");
    ends(StopSequence, "completed");
    ends(ToolUse, "completed"); // it announced calls and made none
    ends(Other("novel".into()), "completed");
    ends(MaxTokens, "truncated");
    ends(ContextFull, "truncated");
    ends(Refusal, "refused");
}

#[test]
fn a_pause_goes_on_until_its_limit() {
    let mut few = limits(9);
    few.max_pauses = 1;
    let pause = stops(StopReason::PauseTurn, Says("wait"));
    check(
        few,
        &[pause.clone(), Says("done")],
        &[
            "ask 1: tools",
            "assistant wait",
            "ask 2: tools",
            "assistant done",
            "end: completed",
        ],
    );
    check(
        few,
        &[pause.clone(), pause],
        &[
            "ask 1: tools",
            "assistant wait",
            "ask 2: tools",
            "assistant wait",
            "end: truncated",
        ],
    );
}

#[test]
fn calls_run_side_by_side_and_results_keep_their_order() {
    check(
        limits(9),
        &[
            Calls("let me see", &["a:read:{}", "b:read:{\"n\":1}"]),
            Says("done"),
        ],
        &[
            "ask 1: tools",
            "run a b",
            "run a",
            "assistant let me see | [a] | [b]",
            "tool a=ok | b=ok",
            "ask 2: tools",
            "assistant done",
            "end: completed",
        ],
    );
}

#[test]
fn calls_run_whatever_the_stop_reason_says() {
    let answer = stops(StopReason::EndTurn, Calls("", &["a:read:{}"]));
    let (_, log) = run(limits(9), &[answer, Says("done")]);
    assert!(log.contains(&"run a".to_owned()), "{log:#?}");
}

#[test]
fn calls_that_cannot_run_are_answered_and_the_others_run() {
    check(
        limits(9),
        &[
            Calls(
                "",
                &[
                    "a:unknown:{}",
                    "b:deny:{}",
                    "c:read:[1]",
                    "d:read:{\"x",
                    "e:read:",
                ],
            ),
            Says("ok"),
        ],
        &[
            "ask 1: tools",
            "run e",
            "assistant [a] | [b] | [c] | [d] | [e]",
            "tool a=rejected: there is no tool `unknown` | b=denied: no | c=rejected: the arguments are not a JSON \
             object | d=rejected: the arguments are not a JSON object | e=ok",
            "ask 2: tools",
            "assistant ok",
            "end: completed",
        ],
    );
}

#[test]
fn a_call_that_was_cut_off_never_runs() {
    let cut = stops(
        StopReason::MaxTokens,
        Calls("", &["a:read:{}", "b:write:{\"text\":\"long"]),
    );
    let (turn, log) = run(limits(9), &[cut, Says("done")]);
    assert!(log.contains(&"run a".to_owned()), "{log:#?}");
    let text = turn.messages()[2]
        .tool_results()
        .nth(1)
        .unwrap()
        .text()
        .into_owned();
    assert!(text.contains("cut at its length limit"), "{text}");
}

#[test]
fn calls_of_a_refused_answer_do_not_run() {
    check(
        limits(9),
        &[stops(StopReason::Refusal, Calls("no", &["a:read:{}"]))],
        &[
            "ask 1: tools",
            "assistant no | [a]",
            "tool a=rejected: not run",
            "end: refused",
        ],
    );
}

#[test]
fn calls_without_an_identifier_of_their_own_get_one() {
    let (turn, _) = run(
        limits(9),
        &[
            Calls(
                "",
                &[
                    ":read:{}",
                    ":read:{\"n\":1}",
                    "x:read:{\"n\":2}",
                    "x:read:{\"n\":3}",
                ],
            ),
            Says(""),
            Says("done"),
        ],
    );
    let ids: Vec<_> = turn.messages()[1]
        .tool_calls()
        .map(|call| call.id.to_string())
        .collect();
    assert_eq!(ids, ["#0", "#1", "x", "x#3"]);
}

#[test]
fn the_limit_of_tool_rounds_ends_with_an_answer_that_can_be_taken_up_again() {
    let call = |n: usize| match n {
        0 => Calls("", &["a:read:{\"n\":0}"]),
        1 => Calls("", &["b:read:{\"n\":1}"]),
        _ => Calls("", &["c:read:{\"n\":2}"]),
    };
    let (mut turn, log) = run(limits(2), &[call(0), call(1), Says("so far")]);
    assert_eq!(
        log[log.len() - 3..],
        [
            "ask 3: no tools (The allowance of tool calls for this turn is used up)",
            "assistant so far",
            "end: tool_limit"
        ]
    );
    turn.resume().unwrap();
    let mut log = Vec::new();
    work(&mut turn, &mut [call(2), Says("all")].into_iter(), &mut log);
    assert_eq!(log[0], "ask 4: tools");
    assert_eq!(log[log.len() - 2..], ["assistant all", "end: completed"]);
}

#[test]
fn calls_in_the_last_answer_do_not_run() {
    check(
        limits(0),
        &[Calls("", &["a:read:{}"])],
        &[
            "ask 1: no tools",
            "assistant [a]",
            "tool a=rejected: not run",
            "end: completed",
        ],
    );
}

#[test]
fn the_same_call_again_and_again_is_stopped() {
    let mut strict = limits(99);
    strict.max_identical_calls = 2;
    // The order and spacing of the arguments do not make it another call.
    let one = Calls("", &["a:read:{\"x\":1,\"y\":2}"]);
    let same = Calls("", &["a:read:{ \"y\":2, \"x\":1 }"]);
    let (_, log) = run(
        strict,
        &[one, same.clone(), same.clone(), same, Says("I give up")],
    );
    assert_eq!(
        log[log.len() - 7..],
        [
            "assistant [a]",
            "tool a=rejected: not run",
            "ask 4: tools",
            "assistant [a]",
            "tool a=rejected: not run",
            "ask 5: no tools (The same calls were made again and again)",
            "assistant I give up",
        ]
        .map(String::from)
        .into_iter()
        .chain(["end: tool_limit".to_owned()])
        .collect::<Vec<_>>()[1..]
    );
}

#[test]
fn an_empty_answer_is_asked_for_again_once() {
    let thinks = Parts(vec![Part::Thinking(Thinking::default())]);
    check(
        limits(9),
        &[Says(" \n"), Says("yes")],
        &[
            "ask 1: tools",
            "ask 2: tools (The last answer was empty)",
            "assistant yes",
            "end: completed",
        ],
    );
    check(
        limits(9),
        &[Parts(vec![]), thinks.clone()],
        &[
            "ask 1: tools",
            "ask 2: tools (The last answer was empty)",
            "end: empty",
        ],
    );
    check(
        limits(9),
        &[stops(StopReason::MaxTokens, thinks)],
        &["ask 1: tools", "end: truncated"],
    );
}

#[test]
fn a_cut_answer_can_be_continued() {
    let (mut turn, _) = run(
        limits(9),
        &[stops(StopReason::MaxTokens, Says("one, two,"))],
    );
    turn.resume().unwrap();
    let mut log = Vec::new();
    work(&mut turn, &mut [Says("three")].into_iter(), &mut log);
    assert_eq!(
        log,
        [
            "ask 2: tools (The last answer was cut off)",
            "assistant three",
            "end: completed"
        ]
    );
}

#[test]
fn a_failed_model_call_can_be_made_again_and_its_usage_counts() {
    let (mut turn, _) = run(limits(9), &[Fails(ProviderErrorKind::Overloaded)]);
    turn.resume().unwrap();
    let mut log = Vec::new();
    work(&mut turn, &mut [Says("yes")].into_iter(), &mut log);
    assert_eq!(log, ["ask 1: tools", "assistant yes", "end: completed"]);
    assert_eq!(*turn.usage(), Usage::new(15, 1));
}

#[test]
fn approval_pauses_the_turn_and_the_decision_takes_it_on() {
    let asks = [
        Calls("", &["a:ask:{}", "b:read:{}", "c:ask:{\"n\":1}"]),
        Says("done"),
    ];
    let decide = |approvals: &[Approval]| {
        let (mut turn, mut log) = (begin(limits(9)), Vec::new());
        let mut answers = asks.iter().cloned();
        work(&mut turn, &mut answers, &mut log);
        assert_eq!(log, ["user hi", "ask 1: tools", "await a c"]);
        let suspended = turn.suspend();
        assert_eq!(suspended.approvals.len(), 2);
        assert_eq!(suspended.last_message, Some(turn.messages()[0].id()));
        turn.approvals_given(approvals).unwrap();
        log.clear();
        work(&mut turn, &mut answers, &mut log);
        log
    };
    let yes = Approval::approve("a");
    let no = Approval::deny("c", "not today");
    assert_eq!(
        decide(&[no.clone(), yes.clone()]),
        [
            "run a b",
            "run a",
            "assistant [a] | [b] | [c]",
            "tool a=ok | b=ok | c=denied: not today",
            "ask 2: tools",
            "assistant done",
            "end: completed"
        ]
    );
    assert_eq!(decide(std::slice::from_ref(&yes)), ["await c"]);
    assert_eq!(decide(&[]), ["await a c"]);

    let mut turn = begin(limits(9));
    work(&mut turn, &mut asks.into_iter(), &mut Vec::new());
    let before = turn.clone();
    let error = turn
        .approvals_given(&[yes, Approval::approve("b")])
        .unwrap_err();
    assert_eq!(error.expected, "await_approval");
    assert_eq!(turn, before, "nothing was decided");
}

#[test]
fn an_approved_call_is_reviewed_once_more() {
    let mut turn = begin(limits(9));
    let mut answers = [Calls("", &["a:ask:{}", "b:ask:{\"n\":1}"]), Says("done")].into_iter();
    work(&mut turn, &mut answers, &mut Vec::new());
    let scope = ApprovalScope::Tool;
    turn.approvals_given(&[Approval::approve_for("a", scope), Approval::approve("b")])
        .unwrap();
    let Step::ReviewTools { calls, approvals } = turn.next_step() else {
        panic!()
    };
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (approvals[0].scope, approvals[1].scope),
        (scope, ApprovalScope::Call)
    );
    let verdicts = vec![
        Verdict::Run,
        Verdict::Deny {
            reason: "the mode has changed".into(),
        },
    ];
    turn.tools_reviewed(verdicts).unwrap();
    let mut log = Vec::new();
    work(&mut turn, &mut answers, &mut log);
    assert_eq!(log[0], "run a");
    assert_eq!(log[2], "tool a=ok | b=denied: the mode has changed");
}

#[test]
fn an_allowance_of_tool_calls_warns_before_it_is_used_up() {
    let mut few = limits(9);
    few.max_tool_calls = Some(5);
    check(
        few,
        &[
            Calls(
                "",
                &[
                    "a:read:{}",
                    "b:read:{\"n\":1}",
                    "c:read:{\"n\":2}",
                    "d:read:{\"n\":3}",
                ],
            ),
            Calls("", &["e:read:{\"n\":4}", "f:read:{\"n\":5}"]),
            Says("done"),
        ],
        &[
            "ask 1: tools",
            "run a b c d",
            "run a b c",
            "run a b",
            "run a",
            "assistant [a] | [b] | [c] | [d]",
            "tool a=ok | b=ok | c=ok | d=ok",
            "ask 2: tools (Tool calls left in this turn: 1 of 5; use them for what matters most, then answer)",
            "run e",
            "assistant [e] | [f]",
            "tool e=ok | f=rejected: not run",
            "ask 3: no tools (The allowance of tool calls for this turn is used up)",
            "assistant done",
            "end: tool_limit",
        ],
    );
}

#[test]
fn an_allowance_of_tokens_ends_the_use_of_tools() {
    let mut few = limits(9);
    few.max_tokens = Some(26); // an answer of the script takes 11
    let call = |id: &'static str| Answer::Calls("", Box::leak(Box::new([id])));
    check(
        few,
        &[
            call("a:read:{}"),
            call("b:read:{\"n\":1}"),
            call("c:read:{\"n\":2}"),
            Says("done"),
        ],
        &[
            "ask 1: tools",
            "run a",
            "assistant [a]",
            "tool a=ok",
            "ask 2: tools",
            "run b",
            "assistant [b]",
            "tool b=ok",
            "ask 3: tools (Tokens left in this turn: 4 of 26; use them for what matters most, then answer)",
            "run c",
            "assistant [c]",
            "tool c=ok",
            "ask 4: no tools (The allowance of tokens for this turn is used up)",
            "assistant done",
            "end: tool_limit",
        ],
    );
    // A turn that is taken up again has a new allowance.
    let (mut turn, _) = run(
        few,
        &[
            call("a:read:{}"),
            call("b:read:{\"n\":1}"),
            call("c:read:{\"n\":2}"),
            Says("x"),
        ],
    );
    turn.resume().unwrap();
    let Step::CallModel(next) = turn.next_step() else {
        panic!()
    };
    assert!(next.tools && next.note.is_none());
}

#[test]
fn without_any_allowance_no_tools_may_be_called() {
    let mut none = limits(9);
    none.max_tool_calls = Some(0);
    check(
        none,
        &[Says("so")],
        &["ask 1: no tools", "assistant so", "end: completed"],
    );
}

#[test]
fn cancelling_keeps_what_was_said_and_done() {
    let cancelled = |answers: &[Answer], steps: usize, partial: &str| {
        let mut turn = begin(limits(9));
        let mut answers = answers.iter();
        for _ in 0..steps {
            match turn.next_step() {
                Step::Commit(_) => turn.committed(),
                Step::CallModel(_) => drop(
                    turn.model_answered(completion(answers.next().unwrap()).unwrap())
                        .unwrap(),
                ),
                Step::ReviewTools { calls, .. } => drop(
                    turn.tools_reviewed(calls.iter().map(verdict).collect())
                        .unwrap(),
                ),
                Step::RunTools(calls) => {
                    turn.tool_finished(ToolResult::new(&calls[0], ToolOutcome::Success, "ok"))
                        .unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        turn.cancel(partial);
        let once = turn.clone();
        turn.cancel("again");
        assert_eq!(turn, once, "a second cancel changes nothing");
        turn.messages()
            .iter()
            .cloned()
            .collect::<Messages>()
            .validate()
            .unwrap();
        turn.committed();
        assert_eq!(turn.next_step(), Step::Finish(TurnOutcome::Cancelled));
        assert!(turn.resume().is_err());
        turn.messages()[1..]
            .iter()
            .map(|message| show(message))
            .collect::<Vec<_>>()
    };
    let calls = [Calls("see", &["a:read:{}", "b:read:{\"n\":1}", "c:ask:{}"])];
    let no_messages: [&str; 0] = [];
    assert_eq!(cancelled(&[], 0, ""), no_messages);
    assert_eq!(cancelled(&[], 1, "half an ans"), ["assistant half an ans"]);
    assert_eq!(
        cancelled(&calls, 2, ""),
        [
            "assistant see | [a] | [b] | [c]",
            "tool a=cancelled: the turn was cancelled before this call ran | b=cancelled: the turn was cancelled \
             before this call ran | c=cancelled: the turn was cancelled before this call ran"
        ]
    );
    let calls = [Calls("see", &["a:read:{}", "b:read:{\"n\":1}"])];
    assert_eq!(
        cancelled(&calls, 4, ""),
        [
            "assistant see | [a] | [b]",
            "tool a=ok | b=cancelled: the turn was cancelled while this call ran"
        ]
    );
}

#[test]
fn calls_have_keys_that_no_other_call_has_and_every_run_gives_again() {
    let answers = [
        Calls("", &["a:read:{}", "b:read:{\"n\":1}"]),
        Calls("", &["a:read:{\"n\":2}"]),
        Says("done"),
    ];
    let keys = |turn: &Turn| {
        let calls = turn
            .messages()
            .iter()
            .flat_map(|message| message.tool_calls());
        calls
            .map(|call| call.idempotency_key.clone())
            .collect::<Vec<_>>()
    };
    let (one, _) = run(limits(9), &answers);
    let (other, _) = run(limits(9), &answers);
    assert_eq!(keys(&one), keys(&other));
    let nil = "00000000-0000-0000-0000-000000000000";
    assert_eq!(
        keys(&one),
        [
            format!("{nil}/1/0"),
            format!("{nil}/1/1"),
            format!("{nil}/2/0")
        ]
    );
    assert!(
        one.messages()
            .iter()
            .map(|m| m.id())
            .eq(other.messages().iter().map(|m| m.id()))
    );
}

#[test]
fn what_was_not_asked_for_is_refused_and_changes_nothing() {
    let mut turn = begin(limits(9));
    turn.committed();
    let before = turn.clone();
    let call = ToolCall::new("a", "read", "{}");
    let result = ToolResult::new(&call, ToolOutcome::Success, "ok");
    assert_eq!(
        turn.tools_reviewed(vec![]).unwrap_err().expected,
        "call_model"
    );
    assert!(turn.tool_finished(result.clone()).is_err());
    assert!(turn.approvals_given(&[Approval::approve("a")]).is_err());
    assert_eq!(turn, before);

    turn.model_answered(completion(&Calls("", &["a:read:{}"])).unwrap())
        .unwrap();
    assert!(
        turn.tool_finished(result.clone()).is_err(),
        "it was not cleared"
    );
    let error = turn
        .model_answered(completion(&Says("x")).unwrap())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the turn waits for `review_tools` and was told of `an answer`"
    );
    assert!(
        turn.model_failed(&ProviderError::new(ProviderErrorKind::Server, "p", "x"))
            .is_err()
    );
    turn.tools_reviewed(vec![]).unwrap();
    assert_eq!(
        show(&turn.messages()[2]),
        "tool a=denied: nobody decided about this call"
    );
}

#[test]
fn usage_and_the_rest_of_the_response_add_up() {
    let (turn, _) = run(limits(9), &[Calls("", &["a:read:{}"]), Says("done")]);
    let response = turn.response(&TurnOutcome::Completed);
    assert_eq!(response.usage, Usage::new(20, 2));
    assert_eq!(response.model_calls, 2);
    assert_eq!(response.stop_reason, Some(StopReason::EndTurn));
    assert_eq!(response.model, Some("m".into()));
    assert_eq!(response.content(), "done");
    assert_eq!(response.messages.len(), 4);
    assert!(response.suspended.is_none());
}

/// A budget ends the turn at this call. When it is resumed, it makes the same call again.
#[track_caller]
fn check_budget(answers: &[Answer], before: &[&str], resumed: &[Answer], after: &[&str]) {
    let over = [answers, &[Fails(ProviderErrorKind::Budget)]].concat();
    let (turn, log) = run(limits(1), &over);
    assert_eq!(log[1..], *before);
    let response = turn.response(&TurnOutcome::Budget);
    let used = 11 * answers.len() as u64 + 5;
    assert_eq!(response.usage.total_tokens(), used, "with lost attempts");
    assert_eq!(turn.journal(), None, "it has nothing more to do");
    let suspended = response.suspended.expect("it can be resumed");
    let mut turn: Turn = serde_json::from_value(suspended.state).unwrap();
    let stopped = turn.clone();
    turn.cancel("");
    assert_eq!(turn, stopped, "it has ended");
    turn.resume().unwrap();
    let mut log = Vec::new();
    work(&mut turn, &mut resumed.iter().cloned(), &mut log);
    assert_eq!(log, after);
}

#[test]
fn a_budget_ends_the_turn_with_what_there_is() {
    let first = ["ask 1: tools", "end: budget"];
    let then = ["ask 1: tools", "assistant yes", "end: completed"];
    check_budget(&[], &first, &[Says("yes")], &then);
    let (noted, asked) = (
        "(The allowance of tool calls for this turn is used up)",
        "ask 2: no tools",
    );
    let asked = format!("{asked} {noted}");
    check_budget(
        &[Calls("", &["a:read:{}"])],
        &[
            "ask 1: tools",
            "run a",
            "assistant [a]",
            "tool a=ok",
            &asked,
            "end: budget",
        ],
        &[Fails(ProviderErrorKind::Budget)],
        &[&asked, "end: budget"],
    );
    check_budget(
        &[Calls("", &["a:read:{}"])],
        &[
            "ask 1: tools",
            "run a",
            "assistant [a]",
            "tool a=ok",
            &asked,
            "end: budget",
        ],
        &[Says("done")],
        &[&asked, "assistant done", "end: tool_limit"],
    );
    // A note for the next answer stays.
    let empty = "ask 2: tools (The last answer was empty)";
    check_budget(
        &[Says("")],
        &["ask 1: tools", empty, "end: budget"],
        &[Says("yes")],
        &[empty, "assistant yes", "end: completed"],
    );
}
