//! Signs of life, and what calls say about how far they are.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use victor_core::{Coordinator as _, ToolOutcome};
use victor_testkit::count_polls;
use victor_tool::{ToolCoordinator, ToolOptions, tool_fn};
use victor_tool_protocol::{Tool, ToolContext, ToolExecutor as _, ToolUpdate};

use crate::support::{call, scope, spec, tool};

/// Beats `beats` times, once in so many seconds, and then once more waits as long as that says.
fn beats() -> impl Tool {
    tool_fn(
        spec("beats"),
        |cx: ToolContext, arguments: Value| async move {
            let number = |name: &str| arguments[name].as_u64().unwrap();
            for _ in 0..number("beats") {
                sleep(Duration::from_secs(number("every"))).await;
                cx.heartbeat();
            }
            sleep(Duration::from_secs(number("then"))).await;
            Ok("done")
        },
    )
}

#[tokio::test(start_paused = true)]
async fn a_call_that_lives_runs_on_up_to_the_longest_time() {
    let options = ToolOptions::default()
        .with_timeout(Duration::from_secs(10))
        .with_total_timeout(Duration::from_secs(100));
    let check = async |arguments: &str, seconds: u64, expected: &str| {
        let tools = ToolCoordinator::builder()
            .options(options.clone())
            .tool(beats());
        let began = Instant::now();
        let calls = [call("1", "beats", arguments)];
        let results = tools
            .build()
            .unwrap()
            .execute_tool_calls(&calls, &scope())
            .await;
        assert!(
            results[0].text().starts_with(expected),
            "{}",
            results[0].text()
        );
        assert_eq!(began.elapsed().as_secs(), seconds);
    };
    check(r#"{"beats":0,"every":0,"then":9}"#, 9, "done").await;
    let took = "`beats` was ended after 10s, the longest that a call may take";
    check(r#"{"beats":0,"every":0,"then":11}"#, 10, took).await;
    check(r#"{"beats":9,"every":9,"then":9}"#, 90, "done").await;
    let silent = "`beats` was ended after 10s without a sign of life";
    check(r#"{"beats":3,"every":9,"then":11}"#, 37, silent).await;
    let longest = "`beats` was ended after 100s, the longest that a call may take";
    check(r#"{"beats":99,"every":9,"then":0}"#, 100, longest).await;
}

#[tokio::test(start_paused = true)]
async fn a_sign_of_life_wakes_nobody() {
    let busy = tool_fn(spec("busy"), |cx: ToolContext, _: Value| async move {
        for _ in 0..50 {
            for _ in 0..1_000 {
                cx.heartbeat();
            }
            sleep(Duration::from_secs(1)).await;
        }
        Ok("done")
    });
    let options = ToolOptions::default().with_timeout(Duration::from_secs(20));
    let tools = ToolCoordinator::builder()
        .options(options)
        .tool(busy)
        .build()
        .unwrap();
    let run = tools
        .run_tool_calls(vec![call("1", "busy", "")], &scope())
        .collect_results();
    let (results, polls) = count_polls(run).await;
    assert_eq!(results[0].text(), "done");
    // One for each second, and one for each time limit that was moved.
    assert!(polls <= 50 + 5, "{polls} polls");
}

/// What is told of calls, and when.
async fn told(tools: &ToolCoordinator, names: &[&str]) -> Vec<String> {
    let began = Instant::now();
    let calls = names.iter().map(|name| call(name, name, "")).collect();
    let mut updates = tools.run_tool_calls(calls, &scope());
    let mut told = Vec::new();
    while let Some(update) = updates.next().await {
        let ms = began.elapsed().as_millis();
        told.push(match update {
            ToolUpdate::Progress { call, message } => format!("{call} {message} @{ms}"),
            ToolUpdate::Finished(result) => format!("{} ended @{ms}", result.call_id),
            other => format!("{other:?}"),
        });
    }
    told
}

/// Says a number every so many milliseconds, so many times.
fn talks(name: &str, every: u64, times: u32) -> impl Tool + use<> {
    tool_fn(spec(name), move |cx: ToolContext, _: Value| async move {
        for number in 1..=times {
            cx.progress(&number.to_string());
            sleep(Duration::from_millis(every)).await;
        }
        Ok("done")
    })
}

#[tokio::test(start_paused = true)]
async fn of_what_is_said_the_newest_is_told_a_few_times_a_second() {
    let tools = ToolCoordinator::builder()
        .tool(talks("fast", 1, 600))
        .tool(talks("slow", 300, 2))
        .build()
        .unwrap();
    // The order of what happens in the same millisecond is left open.
    let expected = [
        "fast 1 @0",
        "fast 250 @250",
        "fast 500 @500",
        "fast ended @600",
    ];
    for (found, expected) in told(&tools, &["fast"]).await.iter().zip(expected) {
        let near = expected.replace("250 ", "251 ").replace("500 ", "501 ");
        assert!(
            found == expected || *found == near,
            "{found} is not {expected}"
        );
    }
    let slow = ["slow 1 @0", "slow 2 @300", "slow ended @600"];
    assert_eq!(told(&tools, &["slow"]).await, slow);
    let both = told(&tools, &["fast", "slow"]).await;
    // They take turns, in the order in which they have something to tell.
    let takes_turns = ["fast 1 @0", "slow 1 @250", "fast 500 @500"];
    assert_eq!(both[..3], takes_turns, "{both:?}");
    assert_eq!(both.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_is_bounded_and_cannot_deceive() {
    let hostile = tool_fn(spec("hostile"), |cx: ToolContext, _: Value| async move {
        cx.progress(&format!("a\u{1b}[2J{}", "b".repeat(1 << 20)));
        sleep(Duration::from_secs(1)).await;
        Ok("done")
    });
    let tools = ToolCoordinator::builder().tool(hostile).build().unwrap();
    let told = told(&tools, &["hostile"]).await;
    assert!(told[0].starts_with("hostile a\\u{1b}[2Jbbb"), "{}", told[0]);
    assert!(told[0].len() < 600);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_after_the_end_is_not_told() {
    let leaves = tool_fn(spec("leaves"), |cx: ToolContext, _: Value| async move {
        tokio::spawn(async move {
            for _ in 0..10 {
                sleep(Duration::from_millis(100)).await;
                cx.progress("still here");
            }
        });
        Ok("done")
    });
    let stays = tool("stays", |_| async {
        sleep(Duration::from_secs(2)).await;
        Ok("done")
    });
    let tools = ToolCoordinator::builder()
        .tool(leaves)
        .tool(stays)
        .build()
        .unwrap();
    assert_eq!(
        told(&tools, &["leaves", "stays"]).await,
        ["leaves ended @0", "stays ended @2000"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_kept_keeps_nothing_else() {
    let (give, mut take) = tokio::sync::mpsc::channel(1);
    let keeps = tool_fn(spec("keeps"), move |cx: ToolContext, _: Value| {
        give.try_send(cx).unwrap();
        async { Ok("done") }
    });
    let tools = ToolCoordinator::builder().tool(keeps).build().unwrap();
    tools
        .execute_tool_calls(&[call("1", "keeps", "")], &scope())
        .await;
    let cx = take.recv().await.unwrap();
    drop(tools);
    assert!(
        take.recv().await.is_none(),
        "the tool is gone with its coordinator"
    );
    cx.progress("to nobody");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_nothing_that_is_said() {
    let tools = ToolCoordinator::builder()
        .tool(talks("slow", 400, 3))
        .build()
        .unwrap();
    let mut updates = tools.run_tool_calls(vec![call("1", "slow", "")], &scope());
    let mut told = String::new();
    loop {
        match timeout(Duration::from_millis(70), updates.next()).await {
            Err(_) => {}
            Ok(Some(ToolUpdate::Progress { message, .. })) => told += &message,
            Ok(Some(ToolUpdate::Finished(result))) => {
                assert_eq!(result.outcome, ToolOutcome::Success);
            }
            Ok(_) => break,
        }
    }
    assert_eq!(told, "123");
}

#[tokio::test]
async fn a_tool_that_blocks_its_thread_is_named_until_it_no_longer_does() {
    let blocks = tool_fn(spec("blocks"), |_cx, arguments: Value| async move {
        if arguments["blocks"] == true {
            #[expect(clippy::disallowed_methods, reason = "it is what such tools do")]
            std::thread::sleep(Duration::from_millis(60));
        }
        Ok("done")
    });
    let options = ToolOptions::default().with_timeout(Duration::from_millis(20));
    let tools = ToolCoordinator::builder()
        .options(options)
        .tool(blocks)
        .build()
        .unwrap();
    let calls = [call("1", "blocks", r#"{"blocks":true}"#)];
    let mut updates = tools.run_tool_calls(calls.to_vec(), &scope());
    let Some(ToolUpdate::Notice { call, message }) = updates.next().await else {
        panic!("the notice comes before the result");
    };
    assert_eq!(call.as_str(), "1");
    assert!(
        message.starts_with("tool `blocks`: it blocked its thread for "),
        "{message}"
    );
    assert_eq!(updates.collect_results().await[0].text(), "done");
    let problems = tools.health().problems;
    assert!(
        problems[0].ends_with("use `spawn_blocking` for such work"),
        "{problems:?}"
    );
    let calls = [crate::support::call("1", "blocks", r#"{"blocks":false}"#)];
    tools.execute_tool_calls(&calls, &scope()).await;
    assert!(tools.health().is_healthy());
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_single_call_comes_with_its_progress() {
    let works = tool_fn(spec("works"), |cx: ToolContext, _: Value| async move {
        cx.progress("half");
        sleep(Duration::from_secs(1)).await;
        Ok("done")
    });
    let tools = ToolCoordinator::builder().tool(works).build().unwrap();
    let call = call("1", "works", "{}");
    let mut heard = Vec::new();
    let results = tools.run_tool_calls(vec![call.clone()], &scope());
    let result = results.result_of(&call, |message| heard.push(message.to_owned()));
    assert_eq!(result.await.text(), "done");
    assert_eq!(heard, ["half"]);

    let nothing = tools.run_tool_calls(Vec::new(), &scope());
    let result = nothing.result_of(&call, |_| {}).await;
    assert_eq!(result.text(), "the executor returned no result");
}

#[tokio::test]
async fn a_tool_learns_the_budget_of_its_output() {
    let budget = tool_fn(spec("budget"), |cx: ToolContext, _: Value| async move {
        Ok(cx.output_budget().to_string())
    });
    let options = ToolOptions::default().with_max_output_bytes(1_234);
    let tools = ToolCoordinator::builder().options(options).tool(budget);
    let calls = [call("1", "budget", "{}")];
    let tools = tools.build().unwrap();
    let results = tools.execute_tool_calls(&calls, &scope()).await;
    assert_eq!(results[0].text(), "1234");
}
