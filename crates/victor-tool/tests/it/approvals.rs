//! What a person is shown of a call, and what runs after the person has approved it.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};
use victor_core::{Effect, ToolOutcome};

use victor_text::{is_blank_lookalike, is_hidden};
use victor_tool::{EffectPolicy, ToolCoordinator, tool_fn};
use victor_tool_protocol::{
    ApprovalScope, GivenApproval, Preview, ShownPreview, ToolContext, ToolError, ToolExecutor as _,
    Verdict,
};

use crate::support::{call, scope, spec};

/// A tool that notes what it is called with, and shows what `world` says it would do.
fn tools(world: &Arc<Mutex<Option<Preview>>>, calls: &Arc<Mutex<Vec<Value>>>) -> ToolCoordinator {
    let (shown, done, calls) = (world.clone(), world.clone(), calls.clone());
    let tool = tool_fn(
        spec("shell").with_effect(Effect::Write),
        move |cx: ToolContext, arguments: Value| {
            calls.lock().unwrap().push(arguments);
            let now = done.lock().unwrap().clone();
            let ran = match (cx.evidence, now.and_then(|preview| preview.evidence)) {
                (Some(approved), Some(now)) if approved != now => {
                    Err(ToolError::NotPermitted("it has changed".into()))
                }
                _ => Ok("done"),
            };
            async { ran }
        },
    )
    .with_preview(move |_, _: Value| {
        let shown = shown.lock().unwrap().clone();
        async { shown }
    });
    ToolCoordinator::builder()
        .policy(EffectPolicy::ask_above(Effect::ReadOnly))
        .tool(tool)
        .build()
        .unwrap()
}

/// What a person is asked.
struct Asked {
    question: String,
    preview: Option<ShownPreview>,
    given: GivenApproval,
}

fn review(tools: &ToolCoordinator, arguments: &str, given: Option<GivenApproval>) -> Option<Asked> {
    let mut scope = scope();
    scope.approvals.extend(given);
    let calls = [call("1", "shell", arguments)];
    match block_on(tools.review_tool_calls(&calls, &scope)).remove(0) {
        Verdict::Ask {
            question,
            preview,
            evidence,
            definition,
            ..
        } => Some(Asked {
            question,
            preview,
            given: GivenApproval::new("1", ApprovalScope::Call, definition).with_evidence(evidence),
        }),
        Verdict::Run => None,
        other => panic!("{other:?}"),
    }
}

/// Runs an approved call as a turn does, and says what came of it.
fn run(tools: &ToolCoordinator, arguments: &str, given: &GivenApproval) -> ToolOutcome {
    let mut call = call("1", "shell", arguments);
    call.evidence.clone_from(&given.evidence);
    let results = tools.run_tool_calls(vec![call], &scope()).collect_results();
    block_on(results).remove(0).outcome
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn what_was_approved_is_bound_to_what_was_shown() {
    let digest = |text: &str, digest: &str| Some(Preview::new(text).with_evidence(digest));
    let text = |text: &str| Some(Preview::new(text));
    let changed = "`shell` would do something else than what was approved, since something has changed: run `shell`";
    // What is there when the person is asked and at the second review, and whether it is asked again.
    for (before, after, again) in [
        (text("rm a"), text("rm a"), false),
        (text("rm a"), text("rm b"), true),
        (text("rm a"), None, true),
        (digest("rm a", "1"), digest("rm a", "1"), false),
        (digest("rm a", "1"), digest("rm a", "2"), true),
        // A clock in the text is no change where the tool says what counts.
        (digest("10:00", "1"), digest("10:01", "1"), false),
        (None, None, false),
    ] {
        let (world, calls) = (Arc::new(Mutex::new(before.clone())), Arc::default());
        let tools = tools(&world, &calls);
        let asked = review(&tools, "{}", None).unwrap();
        assert_eq!(
            asked.preview.map(|preview| preview.head),
            before.map(|preview| preview.text)
        );
        world.lock().unwrap().clone_from(&after);
        let second = review(&tools, "{}", Some(asked.given));
        assert_eq!(second.is_some(), again, "{after:?}");
        if let Some(second) = second {
            assert!(second.question.starts_with(changed), "{}", second.question);
            // What is shown now can be approved.
            assert!(review(&tools, "{}", Some(second.given)).is_none());
        }
        assert!(calls.lock().unwrap().is_empty());
    }
}

#[test]
fn a_tool_sees_the_evidence_after_the_second_review_too() {
    let digest = |digest: &str| Some(Preview::new("rm a").with_evidence(digest));
    let (world, calls) = (Arc::new(Mutex::new(digest("1"))), Arc::default());
    let tools = tools(&world, &calls);
    let asked = review(&tools, "{}", None).unwrap();
    assert_eq!(run(&tools, "{}", &asked.given), ToolOutcome::Success);
    *world.lock().unwrap() = digest("2");
    assert_eq!(run(&tools, "{}", &asked.given), ToolOutcome::Error);
}

#[test]
fn an_approval_without_evidence_is_not_bound_by_it() {
    let (world, calls) = (Arc::new(Mutex::new(Some("rm a".into()))), Arc::default());
    let tools = tools(&world, &calls);
    let given = GivenApproval::new("1", ApprovalScope::Call, None);
    assert!(review(&tools, "{}", Some(given)).is_none());
}

#[test]
fn what_is_asked_is_what_will_run() {
    let calls = Arc::default();
    let tools = tools(&Arc::default(), &calls);
    let check = |arguments: &str, shown: &str| {
        let asked = review(&tools, arguments, None).unwrap();
        let expected = format!("run `shell`, which changes something, with {shown}?");
        assert_eq!(asked.question, expected);
    };
    check("", "{}");
    check(
        r#"{"command":"ls","command":"touch a"}"#,
        r#"{"command":"touch a"}"#,
    );
    check(
        r#"{"command":"\u0074\u006fuch a"}"#,
        r#"{"command":"touch a"}"#,
    );
    check(
        "{\"command\":\"to\u{200b}uch\u{a0}a\"}",
        r#"{"command":"to\u200buch\u00a0a"}"#,
    );
    check(r#"{"command":"a\u202eb"}"#, r#"{"command":"a\u202eb"}"#);
    check("{\n\t\"a\": 1 }", r#"{"a":1}"#);
    let tail = format!(r#"{{"a":"{}; touch pwned"}}"#, "x".repeat(20_000));
    let asked = review(&tools, &tail, None).unwrap();
    assert!(
        asked
            .question
            .contains("x… (19,621 characters not shown) …x"),
        "{}",
        asked.question
    );
    assert!(
        asked.question.ends_with("x; touch pwned\"}?"),
        "{}",
        asked.question
    );
}

/// Arguments as a model may write them: any members, the same more than once, any escapes.
fn arguments() -> impl Strategy<Value = String> {
    let char = prop_oneof![
        4 => proptest::char::range(' ', '~'),
        1 => any::<char>(),
        1 => proptest::sample::select(vec!['\u{1b}', '\u{202e}', '\u{200b}', '\u{ad}', '\u{e0041}', '\u{a0}']),
    ];
    // Each character as it is, or as its JSON escape.
    let written = (char, any::<bool>()).prop_map(|(char, escape)| {
        let raw = serde_json::to_string(&char.to_string()).unwrap();
        let raw = raw[1..raw.len() - 1].to_owned();
        let units = char.encode_utf16(&mut [0; 2]).to_vec();
        let escaped = units.iter().map(|unit| format!("\\u{unit:04X}"));
        if escape { escaped.collect() } else { raw }
    });
    let string = proptest::collection::vec(written, 0..30).prop_map(|chars| chars.concat());
    let value = prop_oneof![
        4 => string.prop_map(|string| format!("\"{string}\"")),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<f64>().prop_filter("JSON", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        1 => Just("[null, {\"b\": true, \"b\": false}]".to_owned()),
        1 => (500_usize..3_000).prop_map(|count| format!("\"{}\"", "y".repeat(count))),
    ];
    let member = ("[ab]", value).prop_map(|(name, value)| format!("\"{name}\" : {value}"));
    proptest::collection::vec(member, 0..5)
        .prop_map(|members| format!("{{{}}}", members.join(",\t")))
}

proptest! {
    #[test]
    fn the_question_says_what_runs_or_how_much_it_does_not_say(arguments in arguments()) {
        let calls = Arc::default();
        let tools = tools(&Arc::default(), &calls);
        let asked = review(&tools, &arguments, None).unwrap();
        let shown = asked.question.strip_prefix("run `shell`, which changes something, with ").unwrap().strip_suffix('?').unwrap();
        prop_assert!(!shown.contains(|char| is_hidden(char) || is_blank_lookalike(char)));
        prop_assert_eq!(run(&tools, &arguments, &asked.given), ToolOutcome::Success);
        let ran = calls.lock().unwrap().pop().unwrap();
        if let Some((_, rest)) = shown.split_once("… (") {
            let (count, _) = rest.split_once(" characters not shown) …").unwrap();
            let written = victor_text::json_escaped(&ran.to_string()).chars().count();
            prop_assert_eq!(count.replace(',', "").parse(), Ok(written - 400));
        } else {
            prop_assert_eq!(serde_json::from_str::<Value>(shown).unwrap(), ran);
        }
    }
}

#[test]
fn a_program_is_the_prefix_of_simple_commands_only() {
    let prefix = |command: &str| {
        let arguments = json!({ "command": command }).to_string();
        victor_tool::command_prefix(&call("1", "run_command", &arguments))
    };
    for (command, program) in [
        ("git", "git"),
        ("git status --short", "git"),
        ("git commit -m \"it's done\"", "git"),
        ("./run.sh a b", "./run.sh"),
        ("/usr/bin/gcc-12 -O2 a.c", "/usr/bin/gcc-12"),
        ("cargo test -- 'a*' {b,c} ~ 50%", "cargo"),
    ] {
        assert_eq!(prefix(command).as_deref(), Some(program), "{command}");
    }
    for command in [
        "",
        " git",
        "git\tstatus",
        "git status; ls",
        "git status && ls",
        "git log | sh",
        "git log > a",
        "git $(ls)",
        "git `ls`",
        "git status\nls",
        "git status\u{0}",
        "git $HOME",
        "git status &",
        "A=1 git",
        "sh -c ls",
        "/bin/bash a",
        "sudo git",
        "env git",
        "python3 -c x",
        "xargs git",
        "\"git\" status",
        "gi\u{200b}t status",
        "~/git a",
        "-git",
        ". a",
        "git status\u{2028}ls",
        "(git)",
        "git <(ls)",
    ] {
        assert_eq!(prefix(command), None, "{command:?}");
    }
}

#[test]
fn an_approval_by_prefix_counts_for_simple_commands_of_the_program() {
    let calls = Arc::default();
    let tools = tools(&Arc::default(), &calls);
    let mut given = review(&tools, r#"{"command":"git status","in":"a"}"#, None)
        .unwrap()
        .given;
    given.scope = ApprovalScope::Prefix;
    assert!(review(&tools, r#"{"command":"git status","in":"a"}"#, Some(given)).is_none());
    for (arguments, asked) in [
        (r#"{"command":"git log -3","in":"a"}"#, false),
        (r#"{"in":"a","command":"git"}"#, false),
        (r#"{"command":"git log -3"}"#, true),
        (r#"{"command":"git log -3","in":"b"}"#, true),
        (r#"{"command":"git log; ls","in":"a"}"#, true),
        (r#"{"command":"gitk","in":"a"}"#, true),
        (r#"{"command":["git"],"in":"a"}"#, true),
        ("{}", true),
    ] {
        assert_eq!(
            review(&tools, arguments, None).is_some(),
            asked,
            "{arguments}"
        );
    }
}
