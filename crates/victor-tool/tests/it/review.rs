use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Coordinator as _, Effect, ToolOutcome, ToolSpec};
use victor_tool::{EffectPolicy, ToolCoordinator, ToolOptions, tool_fn};
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, ToolExecutor as _, Verdict};

use crate::support::{call, scope, tool};

fn files() -> ToolCoordinator {
    let schema = json!({
        "type": "object",
        "properties": {
            "path": { "type": "string" },
            "limit": { "type": "integer", "minimum": 1 },
            "case": { "enum": ["upper", "lower"] },
            "at": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
            "tags": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["path"],
        "additionalProperties": false,
    });
    let spec = ToolSpec::new("read_file", "for tests", schema);
    ToolCoordinator::builder()
        .tool(tool_fn(spec, |_, _: Value| async { Ok("") }))
        .tool(tool("write_file", |_| async { Ok("") }))
        .build()
        .unwrap()
}

const TAKES: &str =
    "it takes `at`, `case`, `limit` (integer), `path` (string, required), `tags` (array)";

#[track_caller]
fn check(name: &str, arguments: &str, expected: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let tools = files();
    let calls = [call("1", name, arguments)];
    let verdicts = runtime.block_on(tools.review_tool_calls(&calls, &scope()));
    let found = match &verdicts[..] {
        [Verdict::Run] => "run".to_owned(),
        [Verdict::Reject { reason }] => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(found.replace(TAKES, "TAKES"), expected);
}

#[test]
fn calls_that_fit_run() {
    check("read_file", r#"{"path":"a"}"#, "run");
    check("read_file", r#"{"path":"a","at":null}"#, "run");
    check("write_file", "", "run");
    check("write_file", "{}", "run");
}

#[test]
fn an_unknown_tool_is_told_with_the_known_ones() {
    check(
        "readfile",
        "{}",
        "there is no tool named `readfile`; did you mean `read_file`?; the tools are `read_file` and `write_file`",
    );
    check(
        "zzz",
        "not even JSON",
        "there is no tool named `zzz`; the tools are `read_file` and `write_file`",
    );
    check(
        "",
        "{}",
        "there is no tool named ``; the tools are `read_file` and `write_file`",
    );
    let long = format!(
        "there is no tool named `{}…`; the tools are `read_file` and `write_file`",
        "z".repeat(64)
    );
    check(&"z".repeat(100_000), "{}", &long);
}

#[tokio::test]
async fn of_many_tools_only_the_closest_are_told() {
    let tools = ToolCoordinator::builder();
    let tools = (0..30).fold(tools, |tools, n| {
        tools.tool(tool(&format!("tool_{n}_x"), |_| async { Ok("") }))
    });
    let calls = [call("1", "tool_7", "{}"), call("2", "zzz", "{}")];
    let verdicts = tools
        .build()
        .unwrap()
        .review_tool_calls(&calls, &scope())
        .await;
    let reason = |verdict: &Verdict| match verdict {
        Verdict::Reject { reason } => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert!(reason(&verdicts[0]).contains("did you mean `tool_7_x`"));
    assert!(!reason(&verdicts[0]).contains("`tool_29_x`"));
    assert_eq!(
        reason(&verdicts[1]),
        "there is no tool named `zzz`; call only tools that you were offered"
    );
}

#[tokio::test]
async fn without_tools_a_call_is_rejected() {
    let results = ToolCoordinator::new()
        .execute_tool_calls(&[call("1", "t", "{}")], &scope())
        .await;
    assert_eq!(results[0].outcome, ToolOutcome::Rejected);
    assert_eq!(
        results[0].text(),
        "there is no tool named `t`; there are no tools at all: answer without"
    );
}

#[test]
fn arguments_that_are_not_json_are_told_with_the_place_and_the_cure() {
    check(
        "read_file",
        r#"{"path": "a"#,
        "the arguments of `read_file` cannot be read: EOF while parsing a string at line 1 column 11: the text ends in \
         the middle, so send it again and complete, in smaller pieces if it is long; TAKES",
    );
    check(
        "read_file",
        "{'path': 'a'}",
        "the arguments of `read_file` cannot be read: key must be a string at line 1 column 2: send one JSON object, \
         with quotes, backslashes and line breaks in strings escaped; TAKES",
    );
    check(
        "read_file",
        "[1]",
        "the arguments of `read_file` cannot be read: invalid type: sequence, expected a map at line 1 column 0: they \
         must be one JSON object; TAKES",
    );
    check(
        "write_file",
        "null",
        "the arguments of `write_file` cannot be read: invalid type: null, expected a map at line 1 column 4: they must \
         be one JSON object; it takes no arguments that its schema names",
    );
}

#[test]
fn arguments_that_do_not_fit_are_told_with_place_and_expectation() {
    let check = |arguments: &str, expected: &str| {
        let expected = format!("the arguments of `read_file` do not fit: {expected}; TAKES");
        check("read_file", arguments, &expected);
    };
    check("{}", "/path is missing");
    check(
        r#"{"path":"a","limit":"ten"}"#,
        "/limit must be an integer, but it is \"ten\"",
    );
    check(
        r#"{"path":["a"]}"#,
        "/path must be a string, but it is [\"a\"]",
    );
    check(
        r#"{"path":"a","case":"Upper"}"#,
        "/case must be one of [\"upper\",\"lower\"], but it is \"Upper\"",
    );
    check(
        r#"{"path":"a","limt":1}"#,
        "/limt is unknown, did you mean `limit`?",
    );
    check(r#"{"path":"a","zzz":1}"#, "/zzz is unknown");
    check(
        r#"{"limit":"x","case":1}"#,
        "/case must be one of [\"upper\",\"lower\"], but it is 1; /limit must be an integer, but it is \"x\"; /path is \
         missing",
    );
    check(
        r#"{"path":"a","tags":[1,2,3,4,5,6,7]}"#,
        "/tags/0 must be a string, but it is 1; /tags/1 must be a string, but it is 2; /tags/2 must be a string, but \
         it is 3; /tags/3 must be a string, but it is 4; /tags/4 must be a string, but it is 5; and 2 more",
    );
    let long = format!("/limit must be an integer, but it is \"{}…", "x".repeat(79));
    check(
        &format!(r#"{{"path":"a","limit":"{}"}}"#, "x".repeat(100_000)),
        &long,
    );
}

/// Arguments that have the shape of the schema, and fit it no further.
#[test]
fn arguments_are_checked_beyond_their_shape_by_the_whole_schema_only() {
    let check = |arguments: &str, misfit: &str| {
        let expected = match cfg!(feature = "json-schema") {
            true => &format!("the arguments of `read_file` do not fit: {misfit}; TAKES"),
            false => "run",
        };
        check("read_file", arguments, expected);
    };
    check(
        r#"{"path":"a","limit":0}"#,
        "/limit is 0: the value is less than the minimum of 1",
    );
    check(
        r#"{"path":"a","at":"x"}"#,
        "/at is \"x\", which fits no alternative: /at must be an integer, but it is \"x\", or /at must be a null, but \
         it is \"x\"",
    );
}

#[derive(Debug)]
enum Policy {
    Panics,
    Hangs,
    DeniesSecond,
}

#[async_trait]
impl ApprovalPolicy for Policy {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        match self {
            _ if request.call.arguments == r#"{"fine":true}"# => Verdict::Run,
            Self::Panics => panic!("no opinion"),
            Self::Hangs => pending().await,
            Self::DeniesSecond if request.call.id.as_str() == "2" => Verdict::Deny {
                reason: format!("not in session {}", request.session),
            },
            Self::DeniesSecond => Verdict::Run,
        }
    }
}

fn governed(policy: impl ApprovalPolicy) -> ToolCoordinator {
    let spec = |name: &str, effect| crate::support::spec(name).with_effect(effect);
    let options = ToolOptions::default().with_review_timeout(Duration::from_secs(3));
    ToolCoordinator::builder()
        .options(options)
        .policy(policy)
        .tool(tool_fn(
            spec("read", Effect::ReadOnly),
            |_, _: Value| async { Ok("read") },
        ))
        .tool(tool_fn(spec("write", Effect::Write), |_, _: Value| async {
            Ok("written")
        }))
        .build()
        .unwrap()
}

async fn executed(tools: &ToolCoordinator, calls: &[(&str, &str, &str)]) -> Vec<String> {
    let calls: Vec<_> = calls
        .iter()
        .map(|(id, name, a)| call(id, name, a))
        .collect();
    let results = tools.execute_tool_calls(&calls, &scope()).await;
    results
        .iter()
        .map(|result| format!("{} {}", result.outcome, result.text()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_policy_decides_call_by_call() {
    let tools = governed(Policy::DeniesSecond);
    let calls = [("1", "read", ""), ("2", "read", ""), ("3", "read", "")];
    let expected = ["success read", "denied not in session s", "success read"];
    assert_eq!(executed(&tools, &calls).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_fails_denies_and_shows_in_health_until_it_works() {
    for (policy, problem) in [
        (Policy::Panics, "panicked: no opinion"),
        (Policy::Hangs, "gave no answer within 3s"),
    ] {
        let tools = governed(policy);
        let found = executed(&tools, &[("1", "read", ""), ("2", "nosuch", "")]).await;
        assert_eq!(
            found[0],
            format!("denied `read` was not run, because the approval policy {problem}")
        );
        assert!(found[1].starts_with("rejected"));
        assert_eq!(
            tools.health().problems,
            [format!("approval policy: {problem}")]
        );
        executed(&tools, &[("1", "read", r#"{"fine":true}"#)]).await;
        assert!(tools.health().is_healthy());
    }
}

#[tokio::test]
async fn effects_decide() {
    let calls = [("1", "read", "{}"), ("2", "write", r#"{"to":"a"}"#)];
    let everything = executed(&governed(EffectPolicy::run_everything()), &calls).await;
    assert_eq!(everything, ["success read", "success written"]);
    let denied = executed(
        &governed(EffectPolicy::deny_above(Effect::ReadOnly)),
        &calls,
    )
    .await;
    assert_eq!(
        denied,
        [
            "success read",
            "denied `write` changes something, which is not allowed here: do without it, or say what it would be \
             needed for"
        ]
    );
    let careful = governed(EffectPolicy::ask_above(Effect::Idempotent));
    let verdicts = careful
        .review_tool_calls(&[call("2", "write", r#"{"to":"a"}"#)], &scope())
        .await;
    let asks = "run `write`, which changes something, with {\"to\":\"a\"}?";
    assert!(matches!(&verdicts[..], [Verdict::Ask { question, .. }] if question == asks));
    assert!(executed(&careful, &calls).await[1].starts_with("denied nobody is here to be asked"));
}

#[test]
fn an_effect_policy_is_data() {
    let policy: EffectPolicy =
        serde_json::from_value(json!({ "run_up_to": "read_only", "above": "ask" })).unwrap();
    assert_eq!(policy, EffectPolicy::ask_above(Effect::ReadOnly));
}
