//! Results that are given again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use victor_core::{Coordinator as _, Effect, SessionId, TurnId};
use victor_tool::{ToolCoordinator, ToolOptions, tool_fn};
use victor_tool_protocol::{
    Tool, ToolContext, ToolError, ToolExecutor as _, ToolLimits, ToolScope,
};

use crate::support::{call, spec};

/// Says how often it has run until then, after as many milliseconds as its argument `ms` says.
fn counter(name: &str, effect: Effect) -> impl Tool + use<> {
    let runs = Arc::new(AtomicU64::new(0));
    let counts = move |_: ToolContext, arguments: Value| {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            sleep(Duration::from_millis(
                arguments["ms"].as_u64().unwrap_or_default(),
            ))
            .await;
            if arguments["fails"] == true {
                return Err(ToolError::failed(format!("run {run}")));
            }
            let bytes = arguments["bytes"].as_u64().unwrap_or_default() as usize;
            Ok(format!("run {run}{}", ".".repeat(bytes)))
        }
    };
    let limits = ToolLimits::default().with_cache_for(Duration::from_secs(60));
    tool_fn(spec(name).with_effect(effect), counts).with_limits(limits)
}

struct Tools(Arc<ToolCoordinator>);

impl Tools {
    fn new() -> Self {
        let options = ToolOptions::default().with_max_cache_bytes(1_000);
        let tools = ToolCoordinator::builder()
            .options(options)
            .tool(counter("read", Effect::ReadOnly))
            .tool(counter("look", Effect::ReadOnly))
            .tool(counter("set", Effect::Idempotent))
            .tool(counter("write", Effect::Write));
        Self(Arc::new(tools.build().unwrap()))
    }

    /// What a call says, without dots.
    fn says(
        &self,
        session: &str,
        tool: &str,
        arguments: &str,
    ) -> impl Future<Output = String> + use<> {
        let tools = Arc::clone(&self.0);
        let scope = ToolScope::new(SessionId::new(session), TurnId::generate());
        let calls = [call("1", tool, arguments)];
        async move {
            let mut results = tools.execute_tool_calls(&calls, &scope).await;
            results.remove(0).text().trim_end_matches('.').to_owned()
        }
    }
}

#[tokio::test(start_paused = true)]
async fn equal_calls_of_a_session_are_answered_from_memory_for_a_time() {
    let tools = Tools::new();
    let check = async |session: &str, tool: &str, arguments: &str, expected: &str| {
        assert_eq!(tools.says(session, tool, arguments).await, expected);
    };
    check("s", "read", r#"{"a":1,"b":{"c":2,"d":3}}"#, "run 1").await;
    check("s", "read", r#"{ "b": {"d":3,"c":2}, "a":1 }"#, "run 1").await;
    check("s", "read", r#"{"a":1,"b":{"c":2,"d":4}}"#, "run 2").await;
    check("t", "read", r#"{"a":1,"b":{"c":2,"d":3}}"#, "run 3").await;
    check("s", "look", r#"{"a":1,"b":{"c":2,"d":3}}"#, "run 1").await;
    sleep(Duration::from_secs(59)).await;
    check("s", "read", r#"{"a":1,"b":{"c":2,"d":3}}"#, "run 1").await;
    sleep(Duration::from_secs(1)).await;
    check("s", "read", r#"{"a":1,"b":{"c":2,"d":3}}"#, "run 4").await;
    check("s", "read", r#"{"a":1,"b":{"c":2,"d":3}}"#, "run 4").await;
}

#[tokio::test(start_paused = true)]
async fn errors_are_not_remembered_and_what_writes_is_never() {
    let tools = Tools::new();
    for (number, tool) in [("1", "read"), ("2", "read"), ("1", "set"), ("2", "set")] {
        let fails = tools.says("s", tool, r#"{"fails":true}"#).await;
        assert_eq!(fails, format!("run {number}"));
    }
    assert_eq!(tools.says("s", "set", "{}").await, "run 3");
    assert_eq!(tools.says("s", "set", "{}").await, "run 4");
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_drops_what_all_have_read() {
    for (tool, arguments) in [
        ("write", "{}"),
        ("set", "{}"),
        ("write", r#"{"fails":true}"#),
    ] {
        let tools = Tools::new();
        assert_eq!(tools.says("s", "read", "").await, "run 1");
        assert_eq!(tools.says("s", "read", "").await, "run 1");
        tools.says("t", tool, arguments).await;
        assert_eq!(tools.says("s", "read", "").await, "run 2");
        assert_eq!(tools.says("s", "read", "").await, "run 2");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_while_something_is_written_is_not_remembered() {
    let tools = Tools::new();
    assert_eq!(tools.says("s", "read", "").await, "run 1");
    let write = tokio::spawn(tools.says("t", "write", r#"{"ms":100}"#));
    sleep(Duration::from_millis(10)).await;
    // Within the write, and from within it to after it.
    assert_eq!(tools.says("s", "read", "").await, "run 2");
    assert_eq!(tools.says("s", "read", "").await, "run 3");
    assert_eq!(tools.says("s", "read", r#"{"ms":100}"#).await, "run 4");
    write.await.unwrap();
    assert_eq!(tools.says("s", "read", r#"{"ms":100}"#).await, "run 5");

    // From before the write to after it; and a write that is given up counts too.
    let read = tokio::spawn(tools.says("s", "read", r#"{"ms":50}"#));
    sleep(Duration::from_millis(10)).await;
    let write = timeout(
        Duration::from_millis(10),
        tools.says("t", "write", r#"{"ms":100}"#),
    );
    assert!(write.await.is_err());
    assert_eq!(read.await.unwrap(), "run 6");
    assert_eq!(tools.says("s", "read", r#"{"ms":50}"#).await, "run 7");
    assert_eq!(tools.says("s", "read", r#"{"ms":50}"#).await, "run 7");
}

#[tokio::test(start_paused = true)]
async fn of_equal_calls_at_the_same_time_one_runs() {
    let tools = Tools::new();
    let began = Instant::now();
    let calls = (0..4).map(|_| tokio::spawn(tools.says("s", "read", r#"{"ms":100}"#)));
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), "run 1");
    }
    assert_eq!(began.elapsed().as_millis(), 100);

    // If it brings nothing that can be kept, the others run, all at once.
    let fails = r#"{"ms":100,"fails":true}"#;
    let calls = (0..4).map(|_| tokio::spawn(tools.says("s", "read", fails)));
    let mut found = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        found.push(call.await.unwrap());
    }
    found.sort();
    assert_eq!(found, ["run 2", "run 3", "run 4", "run 5"]);
    assert_eq!(began.elapsed().as_millis(), 300);

    // So they do if it is given up.
    let given_up = timeout(
        Duration::from_millis(50),
        tools.says("s", "read", r#"{"ms":99}"#),
    );
    let given_up = tokio::spawn(given_up);
    tokio::task::yield_now().await;
    let waits = tokio::spawn(tools.says("s", "read", r#"{"ms":99}"#));
    assert!(given_up.await.unwrap().is_err());
    assert_eq!(waits.await.unwrap(), "run 7");
}

#[tokio::test(start_paused = true)]
async fn the_memory_is_bounded_and_the_oldest_goes_first() {
    let tools = Tools::new();
    let sized = |bytes: u64, number: u64| format!(r#"{{"bytes":{bytes},"n":{number}}}"#);
    for number in 1..=3 {
        let found = tools.says("s", "read", &sized(400, number)).await;
        assert_eq!(found, format!("run {number}"));
    }
    for (number, run) in [(3, 3), (2, 2), (1, 4), (3, 3), (2, 5)] {
        let found = tools.says("s", "read", &sized(400, number)).await;
        assert_eq!(found, format!("run {run}"));
    }
    // What is larger than all there is drops nothing.
    assert_eq!(tools.says("s", "read", &sized(2_000, 9)).await, "run 6");
    assert_eq!(tools.says("s", "read", &sized(2_000, 9)).await, "run 7");
    assert_eq!(tools.says("s", "read", &sized(400, 2)).await, "run 5");
}

#[tokio::test(start_paused = true)]
async fn a_reset_forgets_a_session_and_another_tool_is_another() {
    let tools = Tools::new();
    for (session, run) in [("s", "run 1"), ("t", "run 2")] {
        assert_eq!(tools.says(session, "read", "").await, run);
    }
    tools.0.reset(&SessionId::new("s"));
    assert_eq!(tools.says("t", "read", "").await, "run 2");
    assert_eq!(tools.says("s", "read", "").await, "run 3");
    assert!(tools.0.unregister("read"));
    tools
        .0
        .register(Arc::new(counter("read", Effect::ReadOnly)))
        .unwrap();
    assert_eq!(tools.says("s", "read", "").await, "run 1");
}
