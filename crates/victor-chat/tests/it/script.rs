//! Works a turn by a script, and writes down what it does.

use victor_chat::{Step, Turn};
use victor_chat_protocol::TurnLimits;
use victor_core::{
    Message, Messages, Part, Role, SessionId, StopReason, ToolCall, ToolOutcome, ToolResult,
    TurnId, Usage,
};
use victor_provider_protocol::{Completion, ProviderError, ProviderErrorKind};
use victor_tool_protocol::Verdict;

/// What the model answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Says(&'static str),
    /// Calls, each written as `id:name:arguments`.
    Calls(&'static str, &'static [&'static str]),
    Parts(Vec<Part>),
    Stops(StopReason, Box<Answer>),
    Fails(ProviderErrorKind),
    /// No request can be made.
    CannotBeAsked,
}

pub(crate) use Answer::{Calls, CannotBeAsked, Fails, Parts, Says, Stops};

pub(crate) fn stops(reason: StopReason, answer: Answer) -> Answer {
    Stops(reason, Box::new(answer))
}

pub(crate) fn completion(answer: &Answer) -> Result<Completion, ProviderError> {
    let usage = Usage::new(10, 1);
    Ok(match answer {
        Says(text) => Completion::new("m".into(), vec![Part::text(*text)], usage),
        Calls(text, calls) => {
            let mut parts = vec![Part::text(*text)];
            parts.extend(calls.iter().map(|call| {
                let mut fields = call.splitn(3, ':');
                let mut field = || fields.next().unwrap_or_default();
                Part::ToolCall(ToolCall::new(field(), field(), field()))
            }));
            Completion::new("m".into(), parts, usage)
        }
        Parts(parts) => Completion::new("m".into(), parts.clone(), usage),
        Stops(reason, answer) => completion(answer)?.with_stop_reason(reason.clone()),
        CannotBeAsked => completion(&Fails(ProviderErrorKind::ContextTooLong))?,
        Fails(kind) => {
            return Err(ProviderError::new(kind.clone(), "p", "no").with_usage(Usage::new(5, 0)));
        }
    })
}

/// An answer fits that is an object with a number `n`.
fn fits(text: &str) -> Result<(), String> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value["n"].is_number() => Ok(()),
        Ok(_) => Err("n is missing".into()),
        Err(_) => Err("it is not JSON".into()),
    }
}

/// The tool named `ask` needs approval, `deny` is denied, `unknown` is unknown; all others run.
pub(crate) fn verdict(call: &ToolCall) -> Verdict {
    match call.name.as_str() {
        "ask" => Verdict::ask("may it?"),
        "deny" => Verdict::Deny {
            reason: "no".into(),
        },
        "unknown" => Verdict::Reject {
            reason: "there is no tool `unknown`".into(),
        },
        _ => Verdict::Run,
    }
}

/// Works a turn until it ends or waits, writing down each step. Between any two steps the turn goes through JSON.
pub(crate) fn work(
    turn: &mut Turn,
    answers: &mut impl Iterator<Item = Answer>,
    log: &mut Vec<String>,
) {
    loop {
        let stored = serde_json::to_string(turn).unwrap();
        let read: Turn = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, *turn);
        assert_eq!(
            read.next_step(),
            turn.next_step(),
            "asking twice gives the same answer"
        );
        *turn = read;
        match turn.next_step() {
            Step::Commit(messages) => {
                log.extend(messages.iter().map(|message| show(message)));
                turn.committed();
            }
            Step::CallModel(call) => {
                let tools = if call.tools { "tools" } else { "no tools" };
                let note = call
                    .note
                    .as_deref()
                    .and_then(|note| note.split('.').next())
                    .map(|note| format!(" ({note})"))
                    .unwrap_or_default();
                let shrink = if call.too_long.is_some() {
                    " shrunk"
                } else {
                    ""
                };
                log.push(format!("ask {}: {tools}{shrink}{note}", call.number));
                let answer = answers.next().expect("an answer for every question");
                match completion(&answer) {
                    Ok(completion) => drop(turn.model_answered(completion).unwrap()),
                    Err(error) if matches!(answer, CannotBeAsked) => {
                        turn.model_not_asked().unwrap();
                        log.push(format!("not asked: {}", error.kind));
                        return;
                    }
                    Err(error) => {
                        if !turn.model_failed(&error).unwrap() {
                            log.push(format!("failed: {}", error.kind));
                            return;
                        }
                    }
                }
            }
            Step::CheckOutput { contract, text } => {
                assert_eq!(contract.format.name, "answer");
                log.push(format!("check {text}"));
                turn.output_checked(fits(&text)).unwrap();
            }
            Step::ReviewTools { calls, approvals } => {
                let approved =
                    |call: &&ToolCall| approvals.iter().any(|given| given.call == call.id);
                let review = |call: &ToolCall| match approved(&call) {
                    true => Verdict::Run,
                    false => verdict(call),
                };
                turn.tools_reviewed(calls.iter().map(review).collect())
                    .unwrap();
            }
            Step::AwaitApproval(approvals) => {
                let calls: Vec<_> = approvals.iter().map(|a| a.call.id.to_string()).collect();
                log.push(format!("await {}", calls.join(" ")));
                return;
            }
            Step::RunTools(calls) => {
                let names: Vec<_> = calls.iter().map(|call| call.id.to_string()).collect();
                log.push(format!("run {}", names.join(" ")));
                // They end in another order than they began, and the turn is stored in between.
                let call = calls.last().unwrap();
                turn.tool_finished(ToolResult::new(call, ToolOutcome::Success, "ok"))
                    .unwrap();
            }
            Step::Finish(outcome) => {
                log.push(format!("end: {outcome}"));
                return;
            }
            other => panic!("no such step: {other:?}"),
        }
    }
}

pub(crate) fn show(message: &Message) -> String {
    let parts = message.parts().iter().map(|part| match part {
        Part::Text(text) => text.text.clone(),
        Part::Thinking(_) => "(thinks)".into(),
        Part::ToolCall(call) => format!("[{}]", call.id),
        Part::ToolResult(result) if result.outcome == ToolOutcome::Success => {
            format!("{}={}", result.call_id, result.text())
        }
        Part::ToolResult(result) => {
            let text = result.text();
            let short = text
                .split([':', ';', '('])
                .next()
                .unwrap_or_default()
                .trim();
            format!("{}={}: {short}", result.call_id, result.outcome)
        }
        other => other.kind().to_owned(),
    });
    let parts: Vec<_> = parts.collect();
    format!("{} {}", message.role(), parts.join(" | "))
}

pub(crate) fn begin(limits: TurnLimits) -> Turn {
    let input = Message::with_id(
        TurnId::from_u128(0).message_id(0),
        Role::User,
        vec![Part::text("hi")],
    );
    Turn::begin(SessionId::default(), TurnId::from_u128(0), input, limits)
}

pub(crate) fn limits(max_tool_iterations: u32) -> TurnLimits {
    let mut limits = TurnLimits::default();
    limits.max_tool_iterations = max_tool_iterations;
    limits
}

#[track_caller]
pub(crate) fn run(limits: TurnLimits, answers: &[Answer]) -> (Turn, Vec<String>) {
    run_turn(begin(limits), answers)
}

#[track_caller]
pub(crate) fn run_turn(mut turn: Turn, answers: &[Answer]) -> (Turn, Vec<String>) {
    let mut log = Vec::new();
    let mut answers = answers.iter().cloned();
    work(&mut turn, &mut answers, &mut log);
    assert_eq!(
        answers.count(),
        0,
        "the turn ended before the model had said everything: {log:#?}"
    );
    let history: Messages = turn.messages().iter().cloned().collect();
    history.validate().unwrap();
    (turn, log)
}

#[track_caller]
pub(crate) fn check(limits: TurnLimits, answers: &[Answer], expected: &[&str]) {
    let (_, log) = run(limits, answers);
    assert_eq!(log[0], "user hi");
    assert_eq!(
        log[1..],
        expected
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    );
}
