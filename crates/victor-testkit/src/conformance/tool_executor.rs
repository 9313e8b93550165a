//! The laws of tool executors.

mod tools;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use victor_core::{SessionId, ToolCall, ToolOutcome, ToolResult, TurnId};
use victor_tool_protocol::{RegisterError, Tool, ToolExecutor, ToolScope, Verdict};

use self::tools::{Does, Watched};
use super::{SIDE_BY_SIDE, calm, guarded, poll_at_most, succeed};

/// Time limit of a call of a suite.
const LIMIT: Duration = Duration::from_millis(200);

/// Pause between two looks at whether tasks have done what they should, and the number of looks.
const PAUSE: Duration = Duration::from_millis(1);
const FEW: u32 = 20;
const MANY: u32 = 5_000;

/// Checks an executor. `make` makes a new one without tools, that lets every call run whose tool exists and whose
/// arguments fit.
///
/// One of the tools of the suite never ends, and the suite waits until the executor ends it, which takes less than two
/// seconds by the clock of tokio, and no time where that clock is paused.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime.
pub async fn tool_executor<E: ToolExecutor>(make: impl AsyncFn() -> E) {
    registration(&make().await);
    reviews(&make().await).await;
    results(&make().await).await;
    keys(&make().await).await;
    drops(&make().await).await;
    life(&make().await).await;
}

fn registration(tools: &impl ToolExecutor) {
    let names = || {
        let specs = guarded(|| tools.specs());
        specs
            .iter()
            .map(|spec| spec.name.clone())
            .collect::<Vec<_>>()
    };
    let register = |tool: Does| guarded(|| tools.register(Arc::new(tool)));
    for name in ["c", "a", "b"] {
        succeed(register(Does::well(name)));
    }
    let law = "tools are offered in an order that stays";
    let order = names();
    law!(
        order.len() == 3,
        "what is registered is offered",
        "{order:?}"
    );
    law!(names() == order, "tools are offered in an order that stays");
    let again = register(Does::well("a"));
    law!(
        matches!(&again, Err(RegisterError::Duplicate(name)) if name == "a"),
        "a name is taken once",
        "{again:?}"
    );
    for name in ["", "a b", "größe", &"x".repeat(65)] {
        let refused = register(Does::well(name));
        law!(
            matches!(&refused, Err(RegisterError::InvalidName(found)) if found == name),
            "a name that no provider takes is refused",
            "{refused:?}"
        );
    }
    for schema in [
        r#"{"type":"string"}"#,
        r#"{"type":"object","properties":7}"#,
    ] {
        let refused = register(Does::well("d").with_schema(schema));
        law!(
            matches!(refused, Err(RegisterError::InvalidSchema { .. })),
            "a schema that is none of an object is refused",
            "{refused:?}"
        );
    }
    law!(names() == order, "what is refused changes nothing");
    law!(
        guarded(|| tools.unregister("a")) && !guarded(|| tools.unregister("a")),
        "a tool is unregistered once"
    );
    let kept: Vec<_> = order.iter().filter(|name| *name != "a").cloned().collect();
    assert!(names() == kept, "law broken: {law}: {:?}", names());
    succeed(register(Does::well("a")));
    law!(
        names().len() == 3,
        "a name that is free again can be taken",
        "{:?}",
        names()
    );
}

async fn reviews(tools: &impl ToolExecutor) {
    all(tools);
    let calls = [
        call("1", "says", r#"{"text":"one"}"#),
        call("2", "nosuch", "{}"),
        call("3", "says", "{}"),
        call("4", "says", "not JSON"),
        call("5", "says", r#"{"text":"two"}"#),
    ];
    let verdicts = calm(tools.review_tool_calls(&calls, &scope())).await;
    law!(
        verdicts.len() == calls.len(),
        "every call has a verdict",
        "{verdicts:?}"
    );
    for (verdict, fits) in verdicts.iter().zip([true, false, false, false, true]) {
        match verdict {
            Verdict::Run => law!(fits, "what cannot run is rejected", "it may run"),
            Verdict::Reject { reason } => {
                law!(!fits, "what fits may run", "{reason}");
                law!(!reason.trim().is_empty(), "a rejection says why");
            }
            other => law!(false, "what fits may run", "{other:?}"),
        }
    }
    let none = calm(tools.review_tool_calls(&[], &scope())).await;
    law!(none.is_empty(), "no calls have no verdicts", "{none:?}");
}

async fn results(tools: &impl ToolExecutor) {
    all(tools);
    let calls = [
        call("1", "says", r#"{"text":"one"}"#),
        call("2", "fails", "{}"),
        call("3", "panics", "{}"),
        call("4", "never_ends", "{}"),
        call("5", "nosuch", "{}"),
        call("6", "says", r#"{"text":"two"}"#),
    ];
    let expected = [
        ("one", &[ToolOutcome::Success][..]),
        ("", &[ToolOutcome::Error]),
        ("", &[ToolOutcome::Error]),
        ("", &[ToolOutcome::TimedOut]),
        ("", &[ToolOutcome::Rejected]),
        ("two", &[ToolOutcome::Success]),
    ];
    let check = |results: &[ToolResult]| {
        law!(
            results.len() == calls.len(),
            "every call has exactly one result",
            "{results:?}"
        );
        for ((result, call), (text, outcomes)) in results.iter().zip(&calls).zip(expected) {
            law!(
                result.call_id == call.id && result.name == call.name,
                "every call has exactly one result",
                "{result:?} for {call:?}"
            );
            law!(
                outcomes.contains(&result.outcome) && !result.text().trim().is_empty(),
                "a result says what came of the call",
                "{result:?}"
            );
            law!(
                result.text().contains(text),
                "a call is unaffected by those beside it",
                "{result:?}"
            );
        }
    };
    let began = Instant::now();
    check(&calm(tools.execute_tool_calls(&calls, &scope())).await);
    law!(
        began.elapsed() < 50 * LIMIT,
        "a call ends at the time limit of its scope",
        "it took {:?} instead of {LIMIT:?}",
        began.elapsed()
    );
    let mut collected = run(tools, calls.to_vec()).await;
    collected.sort_by(|one, other| one.call_id.cmp(&other.call_id));
    check(&collected);
    for (call, (text, _)) in calls.iter().zip(expected) {
        let alone = run(tools, vec![call.clone()]).await;
        law!(
            alone.len() == 1 && alone[0].call_id == call.id && alone[0].text().contains(text),
            "every call has exactly one result",
            "{alone:?}"
        );
    }
    law!(
        run(tools, Vec::new()).await.is_empty(),
        "no calls have no results"
    );
    let scope = scope();
    let beside = (0..SIDE_BY_SIDE).map(|_| calm(tools.execute_tool_calls(&calls, &scope)));
    for results in join_all(beside).await {
        check(&results);
    }
}

/// Attempts at a call can be told from other calls.
async fn keys(tools: &impl ToolExecutor) {
    all(tools);
    let scope = scope();
    let key = async |call: ToolCall| {
        let mut results = calm(tools.execute_tool_calls(&[call], &scope)).await;
        results.remove(0).text().into_owned()
    };
    let own = |id: &str, key: &str| {
        let mut call = call(id, "tells_key", "{}");
        call.idempotency_key = key.into();
        call
    };
    law!(
        key(own("1", "given")).await == "given",
        "a call's own idempotency key is passed on"
    );
    let first = key(own("1", "")).await;
    law!(
        !first.is_empty() && key(own("1", "")).await == first,
        "every attempt at a call has the same idempotency key",
        "{first}"
    );
    law!(
        key(own("2", "")).await != first,
        "other calls have other idempotency keys",
        "{first}"
    );
}

/// Results that nobody waits for.
async fn drops(tools: &impl ToolExecutor) {
    let watched = Watched::default();
    let tool: Arc<dyn Tool> = Arc::new(Does::watched("waits", &watched));
    succeed(guarded(|| tools.register(tool)));
    let mut scope = scope();
    scope.timeout = Some(Duration::from_secs(3_600));
    for count in [1, 3] {
        let calls = (0..count).map(|id| call(&format!("{count}.{id}"), "waits", "{}"));
        let mut results = tools.run_tool_calls(calls.collect(), &scope);
        for round in 0.. {
            let early = poll_at_most(1, calm(results.next())).await;
            law!(
                early.is_none(),
                "a call that has not ended has no result",
                "{early:?}"
            );
            // Perhaps not all may run at once.
            if watched.running() == count || (watched.running() > 0 && round > FEW) {
                break;
            }
            law!(round < MANY, "a call whose result is waited for runs");
            sleep(PAUSE).await;
        }
        drop(results);
        for round in 0.. {
            if watched.running() == 0 {
                break;
            }
            law!(
                round < MANY,
                "dropping the results ends the calls",
                "{} of {count} go on",
                watched.running()
            );
            sleep(PAUSE).await;
        }
    }
}

async fn life(tools: &impl ToolExecutor) {
    all(tools);
    succeed(calm(tools.initialize()).await);
    law!(
        !guarded(|| tools.name().is_empty()),
        "a coordinator has a name"
    );
    let echo = async || {
        let results = run(tools, vec![call("1", "says", r#"{"text":"one"}"#)]).await;
        law!(
            results.len() == 1 && results[0].text() == "one",
            "a reset leaves the tools",
            "{results:?}"
        );
    };
    echo().await;
    guarded(|| tools.reset(&scope().session));
    echo().await;
    guarded(|| tools.reset(&SessionId::new("nobody")));
    guarded(|| tools.health());
    calm(tools.shutdown()).await;
    calm(tools.shutdown()).await;
    // They may refuse now, but not panic.
    run(tools, vec![call("1", "says", r#"{"text":"one"}"#)]).await;
    guarded(|| tools.health());
}

fn all(tools: &impl ToolExecutor) {
    for tool in Does::all() {
        succeed(guarded(|| tools.register(Arc::new(tool))));
    }
}

async fn run(tools: &impl ToolExecutor, calls: Vec<ToolCall>) -> Vec<ToolResult> {
    let results = guarded(|| tools.run_tool_calls(calls, &scope()));
    calm(results.collect_results()).await
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall::new(id, name, arguments)
}

fn scope() -> ToolScope {
    let mut scope = ToolScope::new(SessionId::new("s"), TurnId::from_u128(1));
    scope.timeout = Some(LIMIT);
    scope
}
