//! Tools and stores that do whatever they like.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use victor_core::{Coordinator as _, Effect, SessionId, ToolOutcome, ToolSpec};
use victor_tool::{EffectPolicy, ToolCoordinator, ToolOptions};
use victor_tool_protocol::{
    ApprovalPolicy, ApprovalRequest, ApprovalScope, GivenApproval, Preview, RegisterError,
    ShownPreview, Tool, ToolContext, ToolError, ToolExecutor as _, ToolLimits, ToolOutput, Verdict,
};

use crate::support::{call, scope, tool};

/// Panics in one place.
#[derive(Debug)]
struct Bomb {
    place: &'static str,
    spec: ToolSpec,
}

impl Bomb {
    fn new(place: &'static str) -> Self {
        let spec = ToolSpec::new("bomb", "for tests", json!({ "type": "object" }));
        Self { place, spec }
    }

    fn here(&self, place: &str) {
        assert!(self.place != place, "in {place}");
    }
}

struct Fuse<'a>(&'a Bomb);

impl Drop for Fuse<'_> {
    fn drop(&mut self) {
        self.0.here("the drop of a call");
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.here("drop");
    }
}

#[async_trait]
impl Tool for Bomb {
    fn spec(&self) -> &ToolSpec {
        self.here("spec");
        &self.spec
    }

    async fn call(&self, _: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        self.here("call");
        let _fuse = Fuse(self);
        sleep(Duration::from_secs(1)).await;
        Ok("done".into())
    }

    async fn preview(&self, _: &ToolContext, _: &Value) -> Option<Preview> {
        self.here("preview");
        match self.place {
            "hangs" => std::future::pending().await,
            "large" => {
                let text = format!("a\u{1b}[2J\u{202e}\n\tb{}d", "c".repeat(1 << 20));
                Some(text.into())
            }
            _ => Some("boom".into()),
        }
    }

    fn limits(&self) -> ToolLimits {
        self.here("limits");
        ToolLimits::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_cannot_be_asked_what_it_is_is_not_registered() {
    for place in ["spec", "limits"] {
        let built = ToolCoordinator::builder().tool(Bomb::new(place)).build();
        let Err(RegisterError::Panicked(panicked)) = built else {
            panic!("{built:?}")
        };
        assert_eq!(panicked.message, format!("in {place}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_panics_when_it_is_let_go_harms_nobody() {
    // The last to hold it is, in turn: who unregisters it, a call beside others, the coordinator, who refuses it.
    let build = || {
        ToolCoordinator::builder()
            .tool(Bomb::new("drop"))
            .build()
            .unwrap()
    };
    assert!(build().unregister("bomb"));
    let tools = build();
    let calls = vec![call("1", "bomb", ""), call("2", "bomb", "")];
    let mut results = tools.run_tool_calls(calls, &scope());
    assert!(
        timeout(Duration::from_millis(1), results.next())
            .await
            .is_err()
    );
    assert!(tools.unregister("bomb"));
    let results = results.collect_results().await;
    assert!(results.iter().all(|result| result.text() == "done"));
    drop(build());
    let taken = build().register(Arc::new(Bomb::new("drop")));
    assert!(matches!(taken, Err(RegisterError::Duplicate(_))));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_when_it_is_given_up_harms_nobody() {
    let tools = ToolCoordinator::builder()
        .tool(Bomb::new("the drop of a call"))
        .build()
        .unwrap();
    for calls in [
        vec![call("1", "bomb", "")],
        vec![call("1", "bomb", ""), call("2", "bomb", "")],
    ] {
        let mut results = tools.run_tool_calls(calls, &scope());
        assert!(
            timeout(Duration::from_millis(1), results.next())
                .await
                .is_err()
        );
        drop(results);
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_is_bounded_and_cannot_deceive() {
    let previewed = async |place| {
        let tools = ToolCoordinator::builder()
            .policy(EffectPolicy::ask_above(Effect::ReadOnly))
            .tool(Bomb::new(place))
            .build()
            .unwrap();
        let mut verdicts = tools
            .review_tool_calls(&[call("1", "bomb", "")], &scope())
            .await;
        let Verdict::Ask {
            preview,
            definition,
            ..
        } = verdicts.remove(0)
        else {
            panic!("{place}")
        };
        assert_eq!(definition.unwrap().name, "bomb");
        (preview, tools.health().problems)
    };
    let boom = ShownPreview::new("boom", 9);
    assert_eq!(previewed("nowhere").await, (Some(boom), Vec::new()));
    assert_eq!(previewed("hangs").await, (None, Vec::new()));
    let problems = vec!["tool `bomb`: panicked: in preview".to_owned()];
    assert_eq!(previewed("preview").await, (None, problems));
    let (large, _) = previewed("large").await;
    let large = large.unwrap();
    let (head, tail) = (&large.head, &large.tail);
    assert!(
        head.starts_with("a\\u{1b}[2J\\u{202e}\n\tbcc"),
        "{}",
        &head[..99]
    );
    assert!(tail.ends_with("ccd"));
    assert_eq!(large.omitted, (1 << 20) + 10 - 100_000);
    assert!(head.len() + tail.len() < 101_000);
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_goes_on_behind_its_callers_back_is_told_as_ended() {
    let goes_on = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&goes_on);
    let spawns = tool("spawns", move |_| {
        let done = Arc::clone(&done);
        async move {
            let work = tokio::spawn(async move {
                sleep(Duration::from_secs(90)).await;
                done.store(true, Ordering::SeqCst);
            });
            work.await.unwrap();
            Ok("done")
        }
    });
    let tools = ToolCoordinator::builder().tool(spawns).build().unwrap();
    let results = tools
        .execute_tool_calls(&[call("1", "spawns", "")], &scope())
        .await;
    assert_eq!(results[0].outcome, ToolOutcome::TimedOut);
    sleep(Duration::from_secs(60)).await;
    assert!(goes_on.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn limits_without_measure_are_no_limits() {
    let slow = tool("slow", |_| async {
        sleep(Duration::from_secs(3_600)).await;
        Ok("done")
    });
    let options = ToolOptions::default()
        .with_total_timeout(Duration::MAX)
        .with_store_timeout(Duration::MAX)
        .with_review_timeout(Duration::MAX)
        .with_max_output_bytes(usize::MAX)
        .with_max_concurrent_calls(usize::MAX);
    let tools = ToolCoordinator::builder()
        .options(options)
        .tool(slow)
        .build()
        .unwrap();
    let mut scope = scope();
    scope.timeout = Some(Duration::MAX);
    let calls = [call("1", "slow", ""), call("2", "slow", "")];
    for result in tools.execute_tool_calls(&calls, &scope).await {
        assert_eq!(result.text(), "done");
    }
}

/// Asks about everything, and panics when it is to remember or to forget.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl ApprovalPolicy for Forgetful {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        if request.call.arguments == r#"{"never":true}"# {
            let reason = "never".to_owned();
            return Verdict::Deny { reason };
        }
        Verdict::ask("sure?")
    }

    fn approved(&self, _: &ApprovalRequest, _: ApprovalScope) {
        panic!("I will not remember that");
    }

    fn forget(&self, _: &SessionId) {
        panic!("I will not forget that");
    }
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_evidence_for_a_second_review() {
    let tools = ToolCoordinator::builder()
        .policy(Forgetful)
        .tool(Bomb::new("nowhere"))
        .build()
        .unwrap();
    let spec = || Some(Arc::new(tools.specs()[0].clone()));
    let changed = || {
        let spec = ToolSpec::new("bomb", "it was harmless then", json!({ "type": "object" }));
        Some(Arc::new(spec))
    };
    let again = async |arguments: &str, approvals: Vec<GivenApproval>| {
        let mut scope = scope();
        scope.approvals = approvals;
        let calls = [call("1", "bomb", arguments)];
        match tools.review_tool_calls(&calls, &scope).await.remove(0) {
            Verdict::Run => "run".to_owned(),
            Verdict::Ask {
                question, preview, ..
            } => {
                assert_eq!(preview.unwrap().head, "boom");
                format!("ask: {question}")
            }
            Verdict::Deny { reason } => format!("deny: {reason}"),
            other => format!("{other:?}"),
        }
    };
    let given = |call: &str, definition| GivenApproval::new(call, ApprovalScope::Tool, definition);
    assert_eq!(again("", vec![]).await, "ask: sure?");
    assert_eq!(again("", vec![given("2", spec())]).await, "ask: sure?");
    assert!(tools.health().is_healthy());
    // The policy panics when it is told, which is contained.
    assert_eq!(again("", vec![given("1", spec())]).await, "run");
    assert_eq!(
        tools.health().problems,
        ["approval policy: panicked: I will not remember that"]
    );
    assert_eq!(again("", vec![given("1", None)]).await, "run");
    let asked = "ask: `bomb` has become another tool since it was approved: sure?";
    assert_eq!(again("", vec![given("1", changed())]).await, asked);
    let never = r#"{"never":true}"#;
    assert_eq!(again(never, vec![given("1", spec())]).await, "deny: never");
    tools.reset(&scope().session);
    assert_eq!(
        tools.health().problems,
        ["approval policy: panicked: I will not forget that"]
    );
}
