//! Calls that are tried again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use victor_core::{Effect, ToolOutcome};
use victor_tool::{ToolCoordinator, ToolOptions, ToolRetryOptions, tool_fn};
use victor_tool_protocol::{ToolContext, ToolError, ToolExecutor as _, ToolLimits, ToolUpdate};

use crate::support::{call, scope, spec};

/// What a tool does in each attempt; the last of these stands for all further ones.
#[derive(Clone, Copy)]
enum Does {
    Well,
    Unavailable(Option<u64>),
    Fails,
    Hangs,
    NotFound,
    Panics,
}

use Does::{Fails, Hangs, NotFound, Panics, Unavailable, Well};

/// When attempts began, in milliseconds, and how the call ended.
async fn attempts(
    effect: Effect,
    options: ToolRetryOptions,
    does: &'static [Does],
) -> (Vec<u64>, String) {
    let began = Instant::now();
    let log = Arc::new(Mutex::new(Vec::new()));
    let keys = Arc::clone(&log);
    let tries = move |cx: ToolContext, arguments: Value| {
        assert_eq!(
            arguments,
            json!({ "a": [1] }),
            "every attempt has the arguments"
        );
        let mut log = log.lock().unwrap();
        log.push((began.elapsed().as_millis() as u64, cx.idempotency_key));
        let does = does[(log.len() - 1).min(does.len() - 1)];
        async move {
            match does {
                Well => Ok("well"),
                Unavailable(seconds) => Err(ToolError::Unavailable {
                    message: "busy".into(),
                    retry_after: seconds.map(Duration::from_secs),
                }),
                Fails => Err(ToolError::failed("broken")),
                Hangs => std::future::pending().await,
                NotFound => Err(ToolError::NotFound("it".into())),
                Panics => panic!("boom"),
            }
        }
    };
    let limits = ToolLimits::default().with_timeout(Duration::from_secs(10));
    let tool = tool_fn(spec("t").with_effect(effect), tries).with_limits(limits);
    let tools = ToolCoordinator::builder()
        .options(ToolOptions::default().with_retry(options))
        .tool(tool)
        .build()
        .unwrap();
    let calls = [call("1", "t", r#"{"a":[1]}"#)];
    let results = tools.execute_tool_calls(&calls, &scope()).await;
    let log = keys.lock().unwrap();
    assert!(
        log.iter().all(|(_, key)| *key == log[0].1),
        "every attempt has the same key"
    );
    let times = log.iter().map(|(time, _)| *time).collect();
    (
        times,
        format!("{} {}", results[0].outcome, results[0].text()),
    )
}

#[tokio::test(start_paused = true)]
async fn effect_and_error_decide_and_the_wait_doubles() {
    let check = async |effect, does: &'static [Does], times: &[u64], text: &str| {
        let (found, ended) = attempts(effect, ToolRetryOptions::default(), does).await;
        assert_eq!(found, times);
        assert!(ended.starts_with(text), "{ended}");
    };
    for effect in [
        Effect::ReadOnly,
        Effect::Idempotent,
        Effect::Write,
        Effect::Destructive,
    ] {
        check(effect, &[Well], &[0], "success well").await;
        let gone = "error busy; tried 3 times";
        check(effect, &[Unavailable(None)], &[0, 1_000, 3_000], gone).await;
        check(
            effect,
            &[Unavailable(None), Well],
            &[0, 1_000],
            "success well",
        )
        .await;
        check(
            effect,
            &[Unavailable(Some(7)), Well],
            &[0, 7_000],
            "success well",
        )
        .await;
        let late = "error busy; try again after 61s at the earliest";
        check(effect, &[Unavailable(Some(61))], &[0], late).await;
        check(effect, &[Fails], &[0], "error broken").await;
        check(effect, &[NotFound], &[0], "error not found: it").await;
        check(effect, &[Panics], &[0], "error `t` broke down").await;
    }
    for effect in [Effect::ReadOnly, Effect::Idempotent] {
        check(effect, &[Hangs, Well], &[0, 11_000], "success well").await;
        check(
            effect,
            &[Hangs],
            &[0, 11_000, 23_000],
            "timed_out `t` was ended after 10s",
        )
        .await;
    }
    for effect in [Effect::Write, Effect::Destructive] {
        check(
            effect,
            &[Hangs, Well],
            &[0],
            "timed_out `t` was ended after 10s",
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_where_that_is_wished_for_and_harmless() {
    let eager = || {
        let options = ToolRetryOptions::default();
        options.with_failures(true).with_attempts(9)
    };
    // The scope allows 60 seconds, and the ninth attempt would begin later.
    let (times, ended) = attempts(Effect::Idempotent, eager(), &[Fails]).await;
    assert_eq!(
        times,
        [
            0, 1_000, 3_000, 7_000, 15_000, 25_000, 35_000, 45_000, 55_000
        ]
    );
    assert_eq!(ended, "error broken; tried 9 times");
    let (times, _) = attempts(Effect::Write, eager(), &[Fails]).await;
    assert_eq!(times, [0]);
    let (times, _) = attempts(
        Effect::ReadOnly,
        ToolRetryOptions::none(),
        &[Unavailable(None)],
    )
    .await;
    assert_eq!(times, [0]);
}

#[tokio::test(start_paused = true)]
async fn all_attempts_together_take_no_longer_than_the_scope_allows() {
    let patient = ToolRetryOptions::default().with_attempts(99);
    let began = Instant::now();
    let (times, ended) = attempts(Effect::ReadOnly, patient.clone(), &[Hangs]).await;
    assert_eq!(times, [0, 11_000, 23_000, 37_000, 55_000]);
    assert_eq!(
        ended,
        "timed_out `t` was ended after 5s, the longest that a call may take; ask for less at once"
    );
    assert_eq!(began.elapsed().as_secs(), 60);
    let (times, _) = attempts(Effect::Write, patient, &[Unavailable(Some(40))]).await;
    assert_eq!(times, [0, 40_000]);
}

#[tokio::test(start_paused = true)]
async fn those_who_watch_are_told_and_the_permit_is_free_meanwhile() {
    let first = Mutex::new(true);
    let flaky = tool_fn(spec("flaky"), move |_cx, _: Value| {
        let fails = std::mem::replace(&mut *first.lock().unwrap(), false);
        async move {
            sleep(Duration::from_millis(10)).await;
            if fails {
                return Err(ToolError::unavailable("busy"));
            }
            Ok("well")
        }
    });
    let flaky = flaky.with_limits(ToolLimits::default().with_max_concurrent(1));
    let tools = ToolCoordinator::builder().tool(flaky).build().unwrap();
    let began = Instant::now();
    let calls = vec![call("1", "flaky", ""), call("2", "flaky", "")];
    let mut updates = tools.run_tool_calls(calls, &scope());
    let mut told = Vec::new();
    while let Some(update) = updates.next().await {
        let ms = began.elapsed().as_millis();
        told.push(match update {
            ToolUpdate::Progress { call, message } => format!("{call}: {message} @{ms}"),
            ToolUpdate::Finished(result) => {
                assert_eq!(result.outcome, ToolOutcome::Success);
                format!("{}: well @{ms}", result.call_id)
            }
            other => format!("{other:?}"),
        });
    }
    let expected = [
        "1: busy; attempt 2 of 3 in 1s @10",
        "2: well @20",
        "1: well @1020",
    ];
    assert_eq!(told, expected);
}
