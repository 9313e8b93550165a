//! The measurements that follow from events.

use std::time::Duration;

use victor_chat_protocol::{
    ApprovalRequested, ContextCompacted, ModeSwitched, PendingApproval, TextWithdrawn,
    TurnEventKind, TurnFailed,
};
use victor_core::{ToolCall, ToolOutcome, Usage};
use victor_metrics::MetricsCoordinator;
use victor_metrics::protocol::{MetricValue, MetricsRecorder, MetricsSnapshot};
use victor_provider_protocol::{ProviderErrorKind, RetryNotice, WaitNotice};

use crate::{event, model_call, tool_call, turn};

/// Everything that is not zero, one line each; of a distribution, its values and its median.
fn lines(snapshot: &MetricsSnapshot) -> Vec<String> {
    let line = |metric: &victor_metrics::protocol::Metric| match &metric.value {
        MetricValue::Counter(counter) if counter.value > 0 => {
            Some(format!("{} {}", metric.key, counter.value))
        }
        MetricValue::Histogram(values) if values.count > 0 => {
            let median = values.quantile(0.5);
            Some(format!("{} {} of {median}", metric.key, values.count))
        }
        _ => None,
    };
    snapshot.metrics.iter().filter_map(line).collect()
}

/// Events of these kinds lead to these measurements.
#[track_caller]
fn check<const N: usize>(kinds: [TurnEventKind; N], expected: &[&str]) {
    let metrics = MetricsCoordinator::default();
    for kind in kinds {
        metrics.record_turn_event(&event("s", kind));
    }
    assert_eq!(lines(&metrics.snapshot()), expected);
}

fn retry() -> RetryNotice {
    let kind = ProviderErrorKind::RateLimit;
    RetryNotice::new(1, kind, "slow down", Duration::from_secs(1))
}

#[test]
fn every_kind_of_event() {
    check(
        [TurnEventKind::text("hi"), TurnEventKind::thinking("hm")],
        &[],
    );
    check(
        [model_call().with_queued_us(7).into()],
        &[
            r#"victor_model_call_duration_us{model="acme-1"} 1 of 1000000"#,
            r#"victor_model_calls_total{model="acme-1",stop_reason="end_turn"} 1"#,
            r#"victor_model_output_tokens_per_second{model="acme-1"} 1 of 100"#,
            "victor_model_queue_wait_us 1 of 7",
            r#"victor_model_time_to_first_token_us{model="acme-1"} 1 of 100000"#,
        ],
    );
    check(
        [WaitNotice::new("main", Duration::from_secs(2)).into()],
        &[r#"victor_model_queue_waits_total{target="main"} 1"#],
    );
    check(
        [
            retry().with_targets("main".into(), None).into(),
            retry()
                .with_targets("main".into(), Some("spare".into()))
                .into(),
            TextWithdrawn::new(1).into(),
        ],
        &[
            r#"victor_model_failovers_total{from="main",to="spare"} 1"#,
            r#"victor_model_retries_total{class="rate_limit",target="main"} 2"#,
            "victor_text_withdrawn_total 1",
        ],
    );
    check(
        [
            ContextCompacted::new("truncate".into(), 9, 4, 900, 400).into(),
            ContextCompacted::new("truncate".into(), 9, 9, 400, 900).into(),
            ModeSwitched::new("build".into(), "plan".into(), "person".into()).into(),
            TurnEventKind::notice("prompt", "left out"),
            ApprovalRequested::new(vec![
                PendingApproval::new(ToolCall::new("c", "write", "{}"), "write?"),
                PendingApproval::new(ToolCall::new("d", "write", "{}"), "write?"),
            ])
            .into(),
        ],
        &[
            "victor_approvals_requested_total 2",
            "victor_compacted_tokens_total 500",
            r#"victor_compactions_total{strategy="truncate"} 2"#,
            r#"victor_mode_switches_total{mode="plan"} 1"#,
            r#"victor_notices_total{component="prompt"} 1"#,
        ],
    );
    check(
        [TurnFailed::new("the disk is full".into(), Usage::default())
            .with_class("coordinator".into())
            .with_coordinator("session".into())
            .with_elapsed_us(3)
            .into()],
        &[
            "victor_turn_duration_us 1 of 3",
            r#"victor_turn_errors_total{class="coordinator",coordinator="session"} 1"#,
            r#"victor_turns_total{outcome="failed"} 1"#,
        ],
    );
}

#[test]
fn a_name_that_a_model_made_up_is_no_label() {
    check(
        [
            tool_call("raed", ToolOutcome::Rejected, 0).into(),
            tool_call("read", ToolOutcome::Success, 500).into(),
            tool_call("read", ToolOutcome::Rejected, 0).into(),
            tool_call("raed", ToolOutcome::Rejected, 9).into(),
        ],
        &[
            r#"victor_tool_calls_total{outcome="rejected",tool="read"} 1"#,
            r#"victor_tool_calls_total{outcome="rejected",tool="unknown"} 2"#,
            r#"victor_tool_calls_total{outcome="success",tool="read"} 1"#,
            r#"victor_tool_duration_us{tool="read"} 1 of 500"#,
        ],
    );
}

#[test]
fn speeds_are_of_what_took_time() {
    let at_once = model_call().with_elapsed_us(100_001);
    check(
        [at_once.into(), model_call().with_elapsed_us(0).into()],
        &[
            r#"victor_model_call_duration_us{model="acme-1"} 2 of 0"#,
            r#"victor_model_calls_total{model="acme-1",stop_reason="end_turn"} 2"#,
            r#"victor_model_time_to_first_token_us{model="acme-1"} 2 of 100000"#,
        ],
    );
}

#[test]
fn a_session_has_its_own() {
    let metrics = MetricsCoordinator::default();
    for session in ["one", "two", "two"] {
        turn(session)
            .iter()
            .for_each(|event| metrics.record_turn_event(event));
    }
    let of = |session: &str| lines(&metrics.session_snapshot(&session.into()).unwrap());
    assert_eq!(
        of("two"),
        [
            "victor_model_call_duration_us 2 of 1000000",
            "victor_model_calls_total 2",
            "victor_model_output_tokens_per_second 2 of 100",
            "victor_model_time_to_first_token_us 2 of 100000",
            "victor_tool_calls_total 2",
            "victor_tool_duration_us 2 of 500",
            "victor_turn_duration_us 2 of 2000000",
            "victor_turns_started_total 2",
            "victor_turns_total 2",
        ]
    );
    assert_eq!(metrics.snapshot().total("victor_turns_total"), 3);
}

#[test]
fn everything_has_a_description() {
    let metrics = MetricsCoordinator::default();
    turn("s")
        .iter()
        .for_each(|event| metrics.record_turn_event(event));
    let snapshot = metrics.snapshot();
    for metric in &snapshot.metrics {
        assert!(
            snapshot.help.contains_key(&metric.key.name),
            "{}",
            metric.key
        );
    }
    let is_named = |name: &str| name.starts_with("victor_") && !name.contains("__");
    assert!(snapshot.help.keys().all(|name| is_named(name)));
}
