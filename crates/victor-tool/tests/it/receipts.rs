//! Calls that may change something run once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use victor_core::{Coordinator as _, Effect};
use victor_testkit::cancel_at_every_poll;
use victor_testkit::faults::{Fault, Faulty};
use victor_tool::{ToolCoordinator, tool_fn};
use victor_tool_protocol::{
    InMemoryReceiptStore, Receipt, ReceiptStore, Tool, ToolContext, ToolError, ToolExecutor as _,
};

use crate::support::{call, scope, spec};

/// Says how often it has run, or does what its argument says.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicU32>);

impl Runs {
    fn tool(&self, name: &str, effect: Effect) -> impl Tool + use<> {
        let runs = Arc::clone(&self.0);
        let counts = move |_: ToolContext, arguments: Value| {
            let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                match arguments["does"].as_str() {
                    Some("fails") => Err(ToolError::failed(format!("failed in run {run}"))),
                    Some("is unavailable") => Err(ToolError::unavailable("busy")),
                    Some("hangs") => std::future::pending().await,
                    Some("panics") => panic!("in run {run}"),
                    _ => {
                        tokio::task::yield_now().await;
                        Ok(format!("run {run}"))
                    }
                }
            }
        };
        tool_fn(spec(name).with_effect(effect), counts)
    }

    /// A coordinator as in a process of its own, on a store that is shared.
    fn process(&self, store: Arc<dyn ReceiptStore>) -> ToolCoordinator {
        ToolCoordinator::builder()
            .receipts(store)
            .tool(self.tool("read", Effect::ReadOnly))
            .tool(self.tool("set", Effect::Idempotent))
            .tool(self.tool("write", Effect::Write))
            .tool(self.tool("drop", Effect::Destructive))
            .build()
            .unwrap()
    }
}

async fn says(tools: &ToolCoordinator, tool: &str, does: &str) -> String {
    let mut wanted = call("1", tool, &format!(r#"{{"does":"{does}"}}"#));
    wanted.idempotency_key = format!("turn/1/{tool}/{does}");
    let mut results = tools.execute_tool_calls(&[wanted], &scope()).await;
    let result = results.remove(0);
    assert_eq!((result.call_id.as_str(), &*result.name), ("1", tool));
    format!("{} {}", result.outcome, result.text())
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_not_run_again() {
    let (runs, store) = (Runs::default(), Arc::new(InMemoryReceiptStore::default()));
    for _ in 0..3 {
        // Each time as in a new process.
        let tools = runs.process(store.clone());
        assert_eq!(says(&tools, "set", "").await, "success run 1");
        assert_eq!(says(&tools, "write", "").await, "success run 2");
        assert_eq!(
            says(&tools, "write", "fails").await,
            "error failed in run 3"
        );
        assert!(
            says(&tools, "drop", "hangs")
                .await
                .starts_with("timed_out `drop` was ended")
        );
        assert!(
            says(&tools, "drop", "panics")
                .await
                .starts_with("error `drop` broke down: panicked: in run 5")
        );
    }
    assert_eq!(runs.0.load(Ordering::SeqCst), 5);
    // What only reads may be read again.
    let tools = runs.process(store);
    assert_eq!(says(&tools, "read", "").await, "success run 6");
    assert_eq!(says(&tools, "read", "").await, "success run 7");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_by_nobody_may_begin_anew() {
    let (runs, store) = (Runs::default(), Arc::new(InMemoryReceiptStore::default()));
    let tools = runs.process(store.clone());
    let found = says(&tools, "write", "is unavailable").await;
    assert_eq!(found, "error busy; tried 3 times");
    let key = "turn/1/write/is unavailable";
    assert_eq!(
        store.begin(&scope().session, key).await.unwrap(),
        Receipt::New
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_killed_in_between_is_run_again_only_if_that_is_harmless() {
    let (runs, store) = (Runs::default(), Arc::new(InMemoryReceiptStore::default()));
    for tool in ["set", "write", "drop"] {
        let killed = runs.process(store.clone());
        let hangs = timeout(Duration::from_secs(1), says(&killed, tool, "hangs"));
        assert!(hangs.await.is_err());
    }
    assert_eq!(runs.0.load(Ordering::SeqCst), 3);
    let tools = runs.process(store.clone());
    assert!(says(&tools, "set", "hangs").await.starts_with("timed_out"));
    for tool in ["write", "drop"] {
        let expected = format!(
            "interrupted `{tool}` was interrupted after it had begun, and was not run again: it may have had its effect. \
             Check the current state before calling it again"
        );
        assert_eq!(says(&tools, tool, "hangs").await, expected);
    }
    // It was tried as often as one that times out is, if there is time.
    assert_eq!(runs.0.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn wherever_a_write_is_killed_it_has_run_once_at_most() {
    let (runs, store) = (Runs::default(), Arc::new(InMemoryReceiptStore::default()));
    let tools = runs.process(store.clone());
    let write = async || {
        let mut wanted = call("1", "write", "");
        wanted.idempotency_key = format!("turn/{}", runs.0.load(Ordering::SeqCst));
        tools.execute_tool_calls(&[wanted], &scope()).await
    };
    let check = async |_: usize| {
        let before = runs.0.load(Ordering::SeqCst);
        assert!(before > 0, "the first poll begins it");
        let mut again = call("1", "write", "");
        again.idempotency_key = format!("turn/{}", before - 1);
        let results = tools.execute_tool_calls(&[again], &scope()).await;
        assert_eq!(results[0].outcome.as_str(), "interrupted");
        assert_eq!(runs.0.load(Ordering::SeqCst), before);
    };
    let results = cancel_at_every_poll(write, check).await;
    assert!(results[0].text().starts_with("run "));
}

#[tokio::test(start_paused = true)]
async fn without_a_receipt_nothing_runs() {
    for (fault, problem) in [
        (
            Fault::Error,
            "the store of tool receipts failed: injected fault",
        ),
        (Fault::Panic, "panicked: injected fault"),
        (Fault::Hang, "gave no answer within 30s"),
    ] {
        let runs = Runs::default();
        let store = Faulty::new(InMemoryReceiptStore::default(), fault).first(1);
        let tools = runs.process(Arc::new(store));
        let expected = format!(
            "error `write` was not run, because its start could not be recorded ({problem}), and without a record it \
             might run twice: try again later"
        );
        assert_eq!(says(&tools, "write", "").await, expected);
        assert_eq!(runs.0.load(Ordering::SeqCst), 0);
        assert_eq!(
            tools.health().problems,
            [format!("receipts of tool calls: {problem}")]
        );
        assert_eq!(says(&tools, "read", "").await, "success run 1");
        assert_eq!(says(&tools, "write", "").await, "success run 2");
        assert!(tools.health().is_healthy());
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_cannot_be_finished_shows_in_health_and_the_result_is_given() {
    let runs = Runs::default();
    let store = Arc::new(Faulty::new(InMemoryReceiptStore::default(), Fault::Error).every(2));
    let tools = runs.process(store.clone());
    assert_eq!(says(&tools, "write", "").await, "success run 1");
    assert!(!tools.health().is_healthy());
    // As far as the store knows, it was killed in between.
    let later = runs.process(store);
    assert!(says(&later, "write", "").await.starts_with("interrupted"));
    assert_eq!(runs.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_forgets_the_receipts_of_a_session() {
    let (runs, store) = (Runs::default(), Arc::new(InMemoryReceiptStore::default()));
    let tools = runs.process(store.clone());
    assert_eq!(says(&tools, "write", "").await, "success run 1");
    tools.reset(&"other".into());
    assert_eq!(says(&tools, "write", "").await, "success run 1");
    tools.reset(&scope().session);
    assert_eq!(says(&tools, "write", "").await, "success run 2");

    // Where nothing runs at that moment, it is done before the shutdown ends, if not before the next call.
    std::thread::scope(|threads| {
        threads.spawn(|| tools.reset(&scope().session));
    });
    tools.shutdown().await;
    let found = store.begin(&scope().session, "turn/1/write/").await;
    assert_eq!(found.unwrap(), Receipt::New);
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_identifier_each_run_and_get_their_own_results() {
    let waits = |_: ToolContext, arguments: Value| async move {
        let millis = arguments["millis"].as_u64().unwrap_or_default();
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(format!("after {millis}"))
    };
    for id in ["", "c", "c#1"] {
        let tools = ToolCoordinator::builder()
            .receipts(Arc::new(InMemoryReceiptStore::default()))
            .tool(tool_fn(spec("wait").with_effect(Effect::Write), waits))
            .build()
            .unwrap();
        let calls =
            [30, 10, 20].map(|millis| call(id, "wait", &format!(r#"{{"millis":{millis}}}"#)));
        let results = tools.execute_tool_calls(&calls, &scope()).await;
        let texts: Vec<_> = results.iter().map(|result| result.text()).collect();
        assert_eq!(texts, ["after 30", "after 10", "after 20"], "`{id}`");
        assert!(results.iter().all(|result| result.call_id.as_str() == id));
    }
}
