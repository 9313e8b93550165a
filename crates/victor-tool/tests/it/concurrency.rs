//! Which calls run beside each other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use victor_core::{SessionId, ToolCall, TurnId};
use victor_tool::{ToolCoordinator, ToolOptions, tool_fn};
use victor_tool_protocol::{Tool, ToolContext, ToolExecutor, ToolLimits, ToolScope};

use crate::support::{call, scope, spec};

/// Notes when each call begins and ends, in milliseconds.
#[derive(Clone)]
struct Log(Arc<Mutex<Vec<String>>>, Instant);

impl Log {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    /// A tool that sleeps as long as its argument `ms` says, within limits.
    fn tool(&self, name: &str, limits: ToolLimits) -> impl Tool + use<> {
        let log = self.clone();
        let sleeps = move |cx: ToolContext, arguments: Value| {
            let log = log.clone();
            async move {
                log.note(&format!("+{}", cx.call));
                sleep(Duration::from_millis(arguments["ms"].as_u64().unwrap())).await;
                log.note(&format!("-{}", cx.call));
                Ok("slept")
            }
        };
        tool_fn(spec(name), sleeps).with_limits(limits)
    }

    fn note(&self, what: &str) {
        let ms = self.1.elapsed().as_millis();
        self.0.lock().unwrap().push(format!("{what}@{ms}"));
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().join(" ")
    }
}

fn calls(calls: &[(&str, u64)]) -> Vec<ToolCall> {
    let numbered = calls.iter().enumerate();
    let call = |(number, (name, ms)): (usize, &(&str, u64))| {
        call(&number.to_string(), name, &format!(r#"{{"ms":{ms}}}"#))
    };
    numbered.map(call).collect()
}

async fn check(slots: usize, made: &[(&str, u64)], expected: &str) {
    let log = Log::new();
    let limits = ToolLimits::default;
    let tools = ToolCoordinator::builder()
        .options(ToolOptions::default().with_max_concurrent_calls(slots))
        .tool(log.tool("any", limits()))
        .tool(log.tool("two", limits().with_max_concurrent(2)))
        .tool(log.tool("barrier", limits().sequential()))
        .build()
        .unwrap();
    let results = tools.execute_tool_calls(&calls(made), &scope()).await;
    assert_eq!(results.len(), made.len());
    assert_eq!(log.text(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_barrier_begins_when_those_before_it_have_ended_and_those_after_it_wait() {
    let made = [
        ("any", 10),
        ("any", 20),
        ("barrier", 5),
        ("any", 1),
        ("any", 1),
    ];
    let expected = "+0@0 +1@0 -0@10 -1@20 +2@20 -2@25 +3@25 +4@25 -3@26 -4@26";
    check(5, &made, expected).await;
    let made = [
        ("barrier", 5),
        ("barrier", 5),
        ("any", 5),
        ("nosuch", 0),
        ("barrier", 1),
    ];
    let expected = "+0@0 -0@5 +1@5 -1@10 +2@10 -2@15 +4@15 -4@16";
    check(5, &made, expected).await;
    let made = [("any", 5), ("barrier", 5), ("any", 5)];
    check(1, &made, "+0@0 -0@5 +1@5 -1@10 +2@10 -2@15").await;
}

#[tokio::test(start_paused = true)]
async fn as_many_calls_of_a_tool_run_as_may_and_the_others_come_in_order() {
    let made = [("two", 10), ("two", 20), ("two", 5), ("any", 1), ("two", 5)];
    let expected = "+0@0 +1@0 +3@0 -3@1 -0@10 +2@10 -2@15 +4@15 -1@20 -4@20";
    check(5, &made, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_tool_is_limited_over_all_sessions_and_waiting_takes_no_time_and_can_be_cancelled() {
    let log = Log::new();
    let limits = ToolLimits::default()
        .with_max_concurrent(0)
        .with_timeout(Duration::from_millis(15));
    let tool = log.tool("one", limits);
    let tools = Arc::new(ToolCoordinator::builder().tool(tool).build().unwrap());
    let run = |number: usize| {
        let tools = Arc::clone(&tools);
        let scope = ToolScope::new(SessionId::new(number.to_string()), TurnId::from_u128(1));
        async move {
            let calls = [call(&number.to_string(), "one", r#"{"ms":10}"#)];
            tools.execute_tool_calls(&calls, &scope).await
        }
    };
    let first = tokio::spawn(run(0));
    tokio::task::yield_now().await;
    let given_up = tokio::spawn(timeout(Duration::from_millis(5), run(1)));
    let others = [tokio::spawn(run(2)), tokio::spawn(run(3))];
    first.await.unwrap();
    assert!(given_up.await.unwrap().is_err());
    for other in others {
        assert_eq!(other.await.unwrap()[0].text(), "slept");
    }
    assert_eq!(log.text(), "+0@0 -0@10 +2@10 -2@20 +3@20 -3@30");
}

#[tokio::test(start_paused = true)]
async fn a_call_within_a_call_of_the_same_tool_does_not_wait_for_it() {
    /// Calls itself, as an agent would whose tools include it, alone or beside others.
    fn nests(slot: Arc<Mutex<Option<Arc<ToolCoordinator>>>>, name: &str) -> impl Tool + use<> {
        let own = name.to_owned();
        let nest = move |cx: ToolContext, arguments: Value| {
            let tools = slot.lock().unwrap().clone().unwrap();
            let own = own.clone();
            async move {
                let depth = arguments["depth"].as_u64().unwrap();
                if depth == 0 {
                    return Ok("deep".to_owned());
                }
                let arguments = format!(r#"{{"depth":{}}}"#, depth - 1);
                let scope = ToolScope::new(SessionId::new(format!("{}/n", cx.session)), cx.turn);
                let calls = [call("a", &own, &arguments), call("b", &own, &arguments)];
                let made = &calls[..1 + (depth % 2) as usize];
                let results = tools.execute_tool_calls(made, &scope).await;
                let texts: Vec<_> = results.iter().map(|result| result.text()).collect();
                Ok(texts.join(" "))
            }
        };
        let limits = ToolLimits::default().with_max_concurrent(1);
        tool_fn(spec(name), nest).with_limits(limits)
    }
    let slot = Arc::default();
    let tool = nests(Arc::clone(&slot), "nests");
    let tools = Arc::new(ToolCoordinator::builder().tool(tool).build().unwrap());
    *slot.lock().unwrap() = Some(Arc::clone(&tools));
    let calls = [
        call("1", "nests", r#"{"depth":3}"#),
        call("2", "nests", r#"{"depth":0}"#),
    ];
    let began = Instant::now();
    let results = tools.execute_tool_calls(&calls, &scope()).await;
    assert_eq!(results[0].text(), "deep deep deep deep");
    assert_eq!(results[1].text(), "deep");
    assert_eq!(began.elapsed(), Duration::ZERO);
    *slot.lock().unwrap() = None;
}
