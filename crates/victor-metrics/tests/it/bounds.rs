//! Bounded memory.

use std::thread;

use victor_core::{Coordinator, ToolOutcome};
use victor_metrics::protocol::{MetricKey, MetricsRecorder};
use victor_metrics::{MetricsCoordinator, MetricsOptions};

use crate::{event, tool_call};

const CALLS: &str = "victor_tool_calls_total";
const OVERFLOWS: &str = "victor_metrics_overflows_total";

#[test]
fn labels_that_are_too_many_are_counted_together_and_in_sight() {
    let options = MetricsOptions::default().with_label_sets(3);
    let metrics = MetricsCoordinator::builder().options(options).build();
    for round in 0..2 {
        for tool in 0..10 {
            let call = tool_call(&format!("t{tool}"), ToolOutcome::Success, 1 + round);
            metrics.record_turn_event(&event("s", call));
        }
    }
    let snapshot = metrics.snapshot();
    let keys: Vec<_> = snapshot
        .named(CALLS)
        .map(|metric| metric.key.to_string())
        .collect();
    let expected = ["other", "success", "success", "success"];
    let outcomes = expected.iter().zip(["other", "t0", "t1", "t2"]);
    let expected: Vec<_> = outcomes
        .map(|(outcome, tool)| format!(r#"{CALLS}{{outcome="{outcome}",tool="{tool}"}}"#))
        .collect();
    assert_eq!(keys, expected);
    assert_eq!(snapshot.total(CALLS), 20);
    // Seven tools, twice, in two families.
    let overflows = MetricKey::new(OVERFLOWS).with("metric", CALLS);
    assert!(snapshot.get(&overflows).is_some());
    assert_eq!(snapshot.total(OVERFLOWS), 28);
}

#[test]
fn long_labels_are_cut() {
    let metrics = MetricsCoordinator::default();
    for end in ["a", "b"] {
        let name = "größe".repeat(1_000) + end;
        metrics.record_turn_event(&event("s", tool_call(&name, ToolOutcome::Success, 1)));
    }
    let snapshot = metrics.snapshot();
    let labels: Vec<_> = snapshot.named(CALLS).collect();
    assert_eq!(labels.len(), 1);
    assert!(labels[0].key.labels["tool"].len() <= 120);
}

#[test]
fn names_without_end_are_refused_and_said() {
    let options = MetricsOptions::default().with_names(50);
    let metrics = MetricsCoordinator::builder().options(options).build();
    for number in 0..1_000 {
        metrics
            .counter(&MetricKey::new(format!("victor_{number}_total")))
            .add(1);
    }
    let problems = metrics.health().problems;
    assert_eq!(
        problems,
        [
            "keys: `victor_999_total` is not recorded: there are 50 names, put what differs into labels"
        ]
    );
    assert!(metrics.snapshot().metrics.len() < 100);
}

#[test]
fn nothing_is_lost_between_threads() {
    let metrics = MetricsCoordinator::default();
    thread::scope(|scope| {
        for thread in 0..4 {
            let metrics = &metrics;
            scope.spawn(move || {
                for number in 0..500 {
                    let tool = format!("t{}", (number + thread) % 150);
                    let call = tool_call(&tool, ToolOutcome::Success, 1);
                    metrics.record_turn_event(&event(&thread.to_string(), call));
                }
            });
        }
    });
    let snapshot = metrics.snapshot();
    assert_eq!(snapshot.total(CALLS), 2_000);
    assert_eq!(
        snapshot.distribution("victor_tool_duration_us").count,
        2_000
    );
    for thread in 0..4 {
        let session = metrics
            .session_snapshot(&thread.to_string().into())
            .unwrap();
        assert_eq!(session.total(CALLS), 500);
    }
}
