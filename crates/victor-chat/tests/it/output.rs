//! Every rule of answers that must have a form, as a row.

use serde_json::json;
use victor_chat::{Step, Turn};
use victor_chat_protocol::{OutputContract, TurnLimits, TurnOutcome};
use victor_core::{Part, StopReason};
use victor_provider_protocol::ResponseFormat;

use crate::script::{
    Answer, Calls, Parts, Says, begin, completion, limits, run_turn, stops, verdict, work,
};

fn typed(limits: TurnLimits) -> Turn {
    let format = ResponseFormat::new("answer", json!({"type": "object", "required": ["n"]}));
    let mut contract = OutputContract::new(format);
    contract.max_attempts = 2;
    begin(limits).with_output(contract)
}

/// What a turn with two attempts does, and what it gives as its output.
#[track_caller]
fn check(limits: TurnLimits, answers: &[Answer], output: Option<&str>, expected: &[&str]) {
    let (turn, log) = run_turn(typed(limits), answers);
    assert_eq!(
        log[1..],
        expected
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    );
    let Step::Finish(outcome) = turn.next_step() else {
        panic!()
    };
    assert_eq!(turn.response(&outcome).output.as_deref(), output);
}

const GIVES: Answer = Calls("", &["a:answer:{\"n\":1}"]);
const ERRS: Answer = Calls("", &["a:answer:{\"m\":1}"]);

#[test]
fn an_answer_that_fits_ends_the_turn() {
    check(
        limits(9),
        &[Says("{\"n\":1}")],
        Some("{\"n\":1}"),
        &[
            "ask 1: tools",
            "assistant {\"n\":1}",
            "check {\"n\":1}",
            "end: completed",
        ],
    );
    check(
        limits(9),
        &[GIVES],
        Some("{\"n\":1}"),
        &[
            "ask 1: tools",
            "check {\"n\":1}",
            "assistant [a]",
            "tool a=taken as the answer",
            "end: completed",
        ],
    );
}

#[test]
fn a_fenced_block_is_an_answer() {
    for text in [
        "```json\n{\"n\":1}\n```",
        "Here it is:\n```\n{\"n\":1}\n```\nThat is all.",
        "```json {\"n\":1} ```",
    ] {
        let (turn, log) = run_turn(typed(limits(9)), &[Says(text)]);
        assert_eq!(log[3..], ["check {\"n\":1}", "end: completed"]);
        assert_eq!(
            turn.response(&TurnOutcome::Completed).content(),
            "{\"n\":1}"
        );
    }
    for text in ["``` no block", "```json\n{\"n\":\n```"] {
        let (_, log) = run_turn(typed(limits(9)), &[Says(text), GIVES]);
        assert_eq!(
            log[3],
            format!("check {text}"),
            "what holds no JSON is checked whole"
        );
    }
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again() {
    check(
        limits(9),
        &[Says("it is 1"), GIVES],
        Some("{\"n\":1}"),
        &[
            "ask 1: tools",
            "assistant it is 1",
            "check it is 1",
            "ask 2: tools (The answer was not taken: it is not JSON)",
            "check {\"n\":1}",
            "assistant [a]",
            "tool a=taken as the answer",
            "end: completed",
        ],
    );
    check(
        limits(9),
        &[ERRS, Says("{\"n\":2}")],
        Some("{\"n\":2}"),
        &[
            "ask 1: tools",
            "check {\"m\":1}",
            "assistant [a]",
            "tool a=rejected: The answer was not taken",
            "ask 2: tools",
            "assistant {\"n\":2}",
            "check {\"n\":2}",
            "end: completed",
        ],
    );
}

#[test]
fn the_turn_ends_when_the_attempts_are_used_up() {
    check(
        limits(9),
        &[Says("one"), Says("two")],
        Some("two"),
        &[
            "ask 1: tools",
            "assistant one",
            "check one",
            "ask 2: tools (The answer was not taken: it is not JSON)",
            "assistant two",
            "check two",
            "end: invalid_output",
        ],
    );
    check(
        limits(9),
        &[Says("one"), ERRS],
        Some("{\"m\":1}"),
        &[
            "ask 1: tools",
            "assistant one",
            "check one",
            "ask 2: tools (The answer was not taken: it is not JSON)",
            "check {\"m\":1}",
            "assistant [a]",
            "tool a=rejected: The answer was not taken",
            "end: invalid_output",
        ],
    );
    // What cannot be read at all is an attempt too.
    let cut = stops(StopReason::MaxTokens, Calls("", &["a:answer:{\"n\":"]));
    check(
        limits(9),
        &[cut.clone(), cut],
        Some("{\"n\":"),
        &[
            "ask 1: tools",
            "assistant [a]",
            "tool a=rejected: the arguments are not a JSON object",
            "ask 2: tools",
            "assistant [a]",
            "tool a=rejected: the arguments are not a JSON object",
            "end: invalid_output",
        ],
    );
}

#[test]
fn calls_beside_the_answer_run() {
    let beside = Calls("", &["a:read:{}", "b:answer:{\"n\":1}", "c:unknown:{}"]);
    check(
        limits(9),
        &[beside],
        Some("{\"n\":1}"),
        &[
            "ask 1: tools",
            "check {\"n\":1}",
            "run a",
            "assistant [a] | [b] | [c]",
            "tool a=ok | b=taken as the answer | c=rejected: there is no tool `unknown`",
            "end: completed",
        ],
    );
    let beside = Calls("", &["a:read:{}", "b:answer:{}"]);
    check(
        limits(9),
        &[beside, GIVES],
        Some("{\"n\":1}"),
        &[
            "ask 1: tools",
            "check {}",
            "run a",
            "assistant [a] | [b]",
            "tool a=ok | b=rejected: The answer was not taken",
            "ask 2: tools",
            "check {\"n\":1}",
            "assistant [a]",
            "tool a=taken as the answer",
            "end: completed",
        ],
    );
}

#[test]
fn of_several_answers_the_first_that_fits_is_taken() {
    let several = Calls(
        "",
        &["a:answer:{}", "b:answer:{\"n\":2}", "c:answer:{\"n\":3}"],
    );
    check(
        limits(9),
        &[several],
        Some("{\"n\":2}"),
        &[
            "ask 1: tools",
            "check {}",
            "check {\"n\":2}",
            "assistant [a] | [b] | [c]",
            "tool a=rejected: The answer was not taken | b=taken as the answer | c=rejected: not taken",
            "end: completed",
        ],
    );
}

#[test]
fn a_call_without_arguments_gives_an_empty_object() {
    let (_, log) = run_turn(typed(limits(9)), &[Calls("", &["a:answer:"]), GIVES]);
    assert_eq!(log[2], "check {}");
}

#[test]
fn work_with_tools_is_no_attempt() {
    let calls = |n| match n {
        1 => Calls("", &["a:read:{\"x\":1}"]),
        _ => Calls("", &["a:read:{\"x\":2}"]),
    };
    let (turn, _) = run_turn(typed(limits(9)), &[calls(1), calls(2), ERRS, GIVES]);
    assert_eq!(turn.next_step(), Step::Finish(TurnOutcome::Completed));
}

#[test]
fn at_the_limit_of_tool_rounds_the_answer_is_still_taken() {
    let limited = "ask 2: no tools (The allowance of tool calls for this turn is used up)";
    let read = Calls("", &["x:read:{}"]);
    check(
        limits(1),
        &[read.clone(), GIVES],
        Some("{\"n\":1}"),
        &[
            "ask 1: tools",
            "run x",
            "assistant [x]",
            "tool x=ok",
            limited,
            "check {\"n\":1}",
            "assistant [a]",
            "tool a=taken as the answer",
            "end: tool_limit",
        ],
    );
    // A model that goes on calling tools uses up its attempts, and has given nothing.
    let (turn, log) = run_turn(typed(limits(1)), &[read.clone(), read.clone(), read]);
    assert_eq!(
        log[log.len() - 3..],
        [
            "assistant [x]",
            "tool x=rejected: not run",
            "end: invalid_output"
        ]
    );
    assert_eq!(turn.response(&TurnOutcome::InvalidOutput).output, None);
    // The reason stands before the limit.
    let (mut turn, mut log) = (typed(limits(0)), Vec::new());
    let mut answers = [Says("no")].into_iter();
    for _ in 0..4 {
        step(&mut turn, &mut answers, &mut log);
    }
    let Step::CallModel(call) = turn.next_step() else {
        panic!()
    };
    assert!(
        !call.tools
            && call
                .note
                .unwrap()
                .starts_with("The answer was not taken: it is not JSON.")
    );
}

/// One step of a turn.
fn step(turn: &mut Turn, answers: &mut impl Iterator<Item = Answer>, log: &mut Vec<String>) {
    match turn.next_step() {
        Step::Commit(_) => turn.committed(),
        Step::CallModel(_) => {
            let answer = completion(&answers.next().unwrap()).unwrap();
            drop(turn.model_answered(answer).unwrap());
        }
        Step::CheckOutput { text, .. } => {
            log.push(text);
            drop(turn.output_checked(Err("it is not JSON".into())).unwrap());
        }
        Step::ReviewTools { calls, .. } => {
            drop(
                turn.tools_reviewed(calls.iter().map(verdict).collect())
                    .unwrap(),
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_turn_that_ends_in_another_way_has_no_output() {
    check(
        limits(9),
        &[stops(StopReason::Refusal, GIVES)],
        None,
        &[
            "ask 1: tools",
            "assistant [a]",
            "tool a=rejected: not run",
            "end: refused",
        ],
    );
    check(
        limits(9),
        &[Says("no"), stops(StopReason::Refusal, Says("never"))],
        None,
        &[
            "ask 1: tools",
            "assistant no",
            "check no",
            "ask 2: tools (The answer was not taken: it is not JSON)",
            "assistant never",
            "end: refused",
        ],
    );
    check(
        limits(9),
        &[Parts(vec![]), Parts(vec![Part::text(" ")])],
        None,
        &[
            "ask 1: tools",
            "ask 2: tools (The last answer was empty)",
            "end: empty",
        ],
    );
}

#[test]
fn a_cut_answer_is_given_again_when_the_turn_is_taken_up_again() {
    let cut = stops(StopReason::MaxTokens, Says("{\"n\":"));
    let (mut turn, log) = run_turn(typed(limits(9)), &[cut]);
    assert_eq!(log.last().unwrap(), "end: truncated");
    assert_eq!(turn.response(&TurnOutcome::Truncated).output, None);
    turn.resume().unwrap();
    let mut log = Vec::new();
    work(&mut turn, &mut [Says("{\"n\":1}")].into_iter(), &mut log);
    assert_eq!(
        log,
        [
            "ask 2: tools (The last answer was cut off)",
            "assistant {\"n\":1}",
            "check {\"n\":1}",
            "end: completed"
        ]
    );
}

#[test]
fn a_turn_at_its_limit_gets_its_attempts_back() {
    let (mut turn, _) = run_turn(typed(limits(0)), &[Says("no"), GIVES]);
    assert_eq!(turn.next_step(), Step::Finish(TurnOutcome::Completed));
    let read = Calls("", &["x:read:{}"]);
    let (mut limited, _) = run_turn(typed(limits(1)), &[read, ERRS, GIVES]);
    assert_eq!(limited.next_step(), Step::Finish(TurnOutcome::ToolLimit));
    limited.resume().unwrap();
    let mut answers = [Says("no"), GIVES].into_iter();
    work(&mut limited, &mut answers, &mut Vec::new());
    assert_eq!(limited.next_step(), Step::Finish(TurnOutcome::Completed));
    assert!(turn.resume().is_err());
}

#[test]
fn an_answer_waits_with_the_calls_beside_it() {
    let asks = [Calls("", &["a:ask:{}", "b:answer:{\"n\":1}"])];
    let (mut turn, mut log) = (typed(limits(9)), Vec::new());
    work(&mut turn, &mut asks.into_iter(), &mut log);
    assert_eq!(log.last().unwrap(), "await a");
    assert_eq!(turn.response(&TurnOutcome::AwaitingApproval).output, None);
    turn.approvals_given(&[victor_chat_protocol::Approval::deny("a", "no")])
        .unwrap();
    work(&mut turn, &mut [].into_iter(), &mut log);
    assert_eq!(log.last().unwrap(), "end: completed");
    assert_eq!(
        turn.response(&TurnOutcome::Completed).output.as_deref(),
        Some("{\"n\":1}")
    );
}

#[test]
fn cancelling_before_the_check_ends_the_turn() {
    for answer in [Says("{\"n\":1}"), GIVES] {
        let mut turn = typed(limits(9));
        turn.committed();
        turn.model_answered(completion(&answer).unwrap()).unwrap();
        turn.cancel("");
        turn.committed();
        assert_eq!(turn.next_step(), Step::Finish(TurnOutcome::Cancelled));
        assert_eq!(turn.response(&TurnOutcome::Cancelled).output, None);
    }
}

#[test]
fn a_verdict_that_was_not_asked_for_changes_nothing() {
    let mut turn = typed(limits(9));
    turn.committed();
    let before = turn.clone();
    assert_eq!(
        turn.output_checked(Ok(())).unwrap_err().expected,
        "call_model"
    );
    assert_eq!(turn, before);
    turn.model_answered(completion(&Calls("", &["a:read:{}"])).unwrap())
        .unwrap();
    assert_eq!(
        turn.output_checked(Ok(())).unwrap_err().expected,
        "review_tools"
    );
    let mut turn = typed(limits(9));
    turn.committed();
    turn.model_answered(completion(&GIVES).unwrap()).unwrap();
    assert_eq!(
        turn.tools_reviewed(vec![]).unwrap_err().expected,
        "check_output"
    );
}

#[test]
fn every_model_call_says_what_is_asked_for() {
    let mut turn = typed(limits(9));
    turn.committed();
    let Step::CallModel(call) = turn.next_step() else {
        panic!()
    };
    assert_eq!(call.output.unwrap().format.name, "answer");
    let mut turn = begin(limits(9));
    turn.committed();
    let Step::CallModel(call) = turn.next_step() else {
        panic!()
    };
    assert_eq!(call.output, None);
}
