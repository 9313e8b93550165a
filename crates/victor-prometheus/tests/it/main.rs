//! The listener through its public API, and with the real Prometheus.

mod answers;
mod program;
mod server;

use std::sync::Arc;

use victor_metrics_protocol::core::Timestamp;
use victor_metrics_protocol::{
    CounterValue, Histogram, Metric, MetricKey, MetricsSnapshot, MockMetricsRecorder,
};

/// Measurements of every kind, with labels that must be escaped.
fn snapshot() -> MetricsSnapshot {
    let latency = Histogram::default();
    for milliseconds in 1..=1_000 {
        latency.record(milliseconds * 1_000);
    }
    let count = |value| CounterValue {
        value,
        ..Default::default()
    };
    let calls = MetricKey::new("victor_tool_calls_total").with("tool", "a \"b\"\\\n日本語");
    let metrics = vec![
        Metric::new("victor_turns_total", count(7)),
        Metric::new("victor_cost_nanodollars_total", count(1_500_000_000)),
        Metric::new(calls, count(3)),
        Metric::new("victor_turn_duration_us", latency.read()),
        Metric::new("victor_turn_speed", latency.read()),
    ];
    let help = metrics.iter().map(|metric| {
        let name = metric.key.name.clone();
        (name, "Something\nthat is \\ counted.".into())
    });
    let help: Vec<_> = help.collect();
    MetricsSnapshot::new(Timestamp::now(), metrics).with_help(help)
}

/// A recorder of these measurements.
fn recorder() -> Arc<MockMetricsRecorder> {
    let mut recorder = MockMetricsRecorder::new();
    recorder.expect_snapshot().returning(snapshot);
    Arc::new(recorder)
}
