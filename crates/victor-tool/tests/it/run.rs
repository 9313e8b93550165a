use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;
use victor_core::{Coordinator as _, ToolCall, ToolOutcome, ToolResult};
use victor_tool::{ToolCoordinator, ToolOptions};
use victor_tool_protocol::{ToolExecutor as _, ToolScope};

use crate::support::{call, faulty, scope, sleeper, tool};

fn sleeps(ms: &[u64]) -> Vec<ToolCall> {
    ms.iter()
        .map(|ms| call(&ms.to_string(), "sleep", &format!(r#"{{"ms":{ms}}}"#)))
        .collect()
}

fn texts(results: &[ToolResult]) -> Vec<String> {
    results
        .iter()
        .map(|result| result.text().into_owned())
        .collect()
}

fn short(seconds: u64) -> ToolScope {
    let mut scope = scope();
    scope.timeout = Some(Duration::from_secs(seconds));
    scope
}

#[tokio::test(start_paused = true)]
async fn results_come_as_calls_end_and_are_returned_in_call_order() {
    let tools = ToolCoordinator::builder().tool(sleeper()).build().unwrap();
    let calls = sleeps(&[300, 100, 200]);
    let came: Vec<_> = tools
        .run_tool_calls(calls.clone(), &scope())
        .collect_results()
        .await;
    assert_eq!(texts(&came), ["100", "200", "300"]);
    let returned = tools.execute_tool_calls(&calls, &scope()).await;
    assert_eq!(texts(&returned), ["300", "100", "200"]);
    assert!(tools.execute_tool_calls(&[], &scope()).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn as_many_run_beside_each_other_as_may() {
    for (limit, expected) in [(0, 700), (1, 700), (2, 400), (5, 200), (50, 100)] {
        let options = ToolOptions::default().with_max_concurrent_calls(limit);
        let tools = faulty(options);
        let started = Instant::now();
        let results = tools.execute_tool_calls(&sleeps(&[100; 7]), &scope()).await;
        assert_eq!(results.len(), 7);
        assert_eq!(started.elapsed().as_millis(), expected, "limit {limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_calls_run_on_several_threads() {
    // Each call blocks its thread until the other is there too: on one thread they would never end.
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let meet = tool("meet", move |_| {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait();
            Ok("met")
        }
    });
    let tools = ToolCoordinator::builder().tool(meet).build().unwrap();
    let calls = [call("1", "meet", ""), call("2", "meet", "")];
    // The test's own task is a third thread, so both workers are free.
    assert_eq!(
        texts(&tools.execute_tool_calls(&calls, &scope()).await),
        ["met", "met"]
    );
}

#[tokio::test]
async fn a_single_call_runs_in_the_callers_task() {
    let which = tool("task", |_| async {
        Ok(format!("{:?}", tokio::task::try_id()))
    });
    let tools = ToolCoordinator::builder().tool(which).build().unwrap();
    let (one, mine) = tokio::spawn(async move {
        let results = tools
            .execute_tool_calls(&[call("1", "task", "")], &scope())
            .await;
        (
            results[0].text().into_owned(),
            format!("{:?}", tokio::task::try_id()),
        )
    })
    .await
    .unwrap();
    assert_eq!(one, mine);
}

#[tokio::test(start_paused = true)]
async fn whatever_a_call_does_it_has_one_result_and_its_siblings_are_unaffected() {
    let tools = faulty(ToolOptions::default());
    let calls = [
        call("1", "sleep", r#"{"ms":10}"#),
        call("2", "panics", "{}"),
        call("3", "panics_at_once", "{}"),
        call("4", "panics_in_drop", "{}"),
        call("5", "fails", "{}"),
        call("6", "hangs", "{}"),
        call("7", "nosuch", "{}"),
        call("8", "sleep", "{"),
        call("9", "sleep", r#"{"ms":20}"#),
    ];
    let expected = [
        ("success", "10"),
        ("error", "`panics` broke down: panicked: out of cheese"),
        ("error", "`panics_at_once` broke down: panicked: no future"),
        ("error", "`panics_in_drop` broke down: panicked: boom"),
        ("error", "could not write: disk full"),
        ("timed_out", "`hangs` was ended after 5s"),
        ("rejected", "there is no tool named `nosuch`"),
        ("rejected", "the arguments of `sleep` cannot be read"),
        ("success", "20"),
    ];
    // Together, and each alone in the caller's task.
    let mut results = tools.execute_tool_calls(&calls, &short(5)).await;
    for call in calls.clone() {
        results.extend(
            tools
                .run_tool_calls(vec![call], &short(5))
                .next_result()
                .await,
        );
    }
    // Run without a review, an unknown tool and arguments that cannot be read are rejected too.
    let mut unreviewed: Vec<_> = tools
        .run_tool_calls(calls.to_vec(), &short(5))
        .collect_results()
        .await;
    unreviewed.sort_by_key(|result| result.call_id.clone());
    results.extend(unreviewed);
    assert_eq!(results.len(), 3 * expected.len());
    for (result, (outcome, text)) in results.iter().zip(expected.iter().cycle()) {
        assert_eq!(result.outcome.as_str(), *outcome);
        assert!(result.text().starts_with(text), "{}", result.text());
    }
}

#[tokio::test(start_paused = true)]
async fn the_scope_overrides_the_time_limit() {
    let tools = faulty(ToolOptions::default().with_timeout(Duration::from_secs(7)));
    for (scope, expected) in [(scope(), 7), (short(2), 2), (short(0), 0)] {
        let started = Instant::now();
        let results = tools
            .execute_tool_calls(&[call("1", "hangs", "")], &scope)
            .await;
        assert_eq!(results[0].outcome, ToolOutcome::TimedOut);
        assert_eq!(started.elapsed().as_secs(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_begins_when_the_call_starts() {
    let tools = faulty(ToolOptions::default().with_max_concurrent_calls(2));
    let results = tools
        .execute_tool_calls(&sleeps(&[900; 8]), &short(1))
        .await;
    assert!(results.iter().all(|result| !result.is_error()));
}

#[tokio::test]
async fn a_tool_that_panicked_shows_in_health_until_it_works() {
    let tools = faulty(ToolOptions::default());
    tools
        .execute_tool_calls(&[call("1", "panics", ""), call("2", "fails", "")], &scope())
        .await;
    assert_eq!(
        tools.health().problems,
        ["tool `panics`: panicked: out of cheese"]
    );
    let quietly = [call("1", "panics", r#"{"quietly":true}"#)];
    tools.execute_tool_calls(&quietly, &scope()).await;
    assert!(tools.health().is_healthy());
}

#[tokio::test]
async fn output_is_limited() {
    let tools = faulty(ToolOptions::default().with_max_output_bytes(10));
    let talk = |bytes: u32| [call("1", "talks", &format!(r#"{{"bytes":{bytes}}}"#))];
    let fits = tools.execute_tool_calls(&talk(10), &scope()).await;
    assert_eq!(fits[0].text(), "xxxxxxxxxx");
    let cut = tools.execute_tool_calls(&talk(100_000_000), &scope()).await;
    assert_eq!(
        cut[0].text(),
        "xxxxx\n[99999990 of 100000000 bytes left out here: ask for a smaller part to see them]\nxxxxx"
    );
    assert_eq!(cut[0].outcome, ToolOutcome::Success);
}

/// Says how many calls have begun and how many have been let go.
#[derive(Clone, Default)]
struct Counts {
    begun: Arc<AtomicUsize>,
    gone: Arc<AtomicUsize>,
}

struct Gone(Arc<AtomicUsize>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Counts {
    fn tools(&self) -> ToolCoordinator {
        let counts = self.clone();
        let wait = tool("wait", move |_| {
            counts.begun.fetch_add(1, Ordering::SeqCst);
            let gone = Gone(Arc::clone(&counts.gone));
            async move {
                let _gone = gone;
                tokio::time::sleep(Duration::from_secs(10)).await;
                Ok("waited")
            }
        });
        ToolCoordinator::builder().tool(wait).build().unwrap()
    }

    fn get(&self) -> (usize, usize) {
        (
            self.begun.load(Ordering::SeqCst),
            self.gone.load(Ordering::SeqCst),
        )
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_results_ends_the_calls() {
    for (calls, running) in [(1, 1), (3, 3), (9, 5)] {
        let counts = Counts::default();
        let calls: Vec<_> = (0..calls)
            .map(|n| call(&n.to_string(), "wait", ""))
            .collect();
        let mut results = counts.tools().run_tool_calls(calls, &scope());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            counts.get(),
            (0, 0),
            "nothing starts before it is asked for"
        );
        assert!(
            tokio::time::timeout(Duration::from_secs(1), results.next_result())
                .await
                .is_err()
        );
        assert_eq!(counts.get(), (running, 0));
        drop(results);
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(counts.get(), (running, running));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_no_result() {
    let tools = ToolCoordinator::builder().tool(sleeper()).build().unwrap();
    let mut results = tools.run_tool_calls(sleeps(&[300, 100, 200]), &scope());
    let mut came = Vec::new();
    while came.len() < 3 {
        if let Ok(result) =
            tokio::time::timeout(Duration::from_millis(7), results.next_result()).await
        {
            came.extend(result);
        }
    }
    assert_eq!(texts(&came), ["100", "200", "300"]);
    assert!(results.next_result().await.is_none());
}

#[test]
fn calls_whose_runtime_is_gone_are_cancelled() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    };
    let first = runtime();
    let tools = faulty(ToolOptions::default());
    let calls = vec![call("1", "hangs", ""), call("2", "hangs", "")];
    let mut results = tools.run_tool_calls(calls, &scope());
    first.block_on(async {
        assert!(results.next_result().now_or_never().is_none());
    });
    drop(first);
    let rest = runtime().block_on(results.collect_results());
    assert_eq!(rest.len(), 2);
    for result in rest {
        assert_eq!(result.outcome, ToolOutcome::Cancelled);
    }
}

#[test]
fn results_can_be_made_and_dropped_without_a_runtime() {
    let tools = faulty(ToolOptions::default());
    let mut results = tools.run_tool_calls(Vec::new(), &scope());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(results.poll_next_unpin(&mut cx).is_ready());
    drop(tools.run_tool_calls(sleeps(&[1, 2]), &scope()));
}
