//! The laws of metrics exporters.

use futures_util::future::join_all;
use victor_core::Timestamp;
use victor_metrics_protocol::{
    CounterValue, Histogram, Metric, MetricKey, MetricValue, MetricsExporter, MetricsSnapshot,
};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Checks an exporter whose destination works. It is shut down in the end.
///
/// The laws: every snapshot arrives, also an empty one, one with thousands of measurements, and one with names, labels
/// and kinds that no destination knows; exports that are made side by side or dropped harm no later one; a shutdown
/// can be called again.
///
/// # Panics
///
/// A law is broken.
pub async fn metrics_exporter<E: MetricsExporter + ?Sized>(exporter: &E) {
    let name = exporter.name().to_owned();
    law!(!name.is_empty(), "an exporter has a name");
    let export = async |count: u64| {
        succeed(calm(exporter.export(&snapshot(count))).await);
    };
    for count in [0, 1, 2, 2_000] {
        export(count).await;
    }
    join_all((1..=SIDE_BY_SIDE as u64).map(export)).await;
    drop_at_polls(async || export(3).await, async |_| export(3).await).await;

    calm(exporter.shutdown()).await;
    calm(exporter.shutdown()).await;
    // It may succeed or fail; `calm` sees to it that it does not panic.
    drop(calm(exporter.export(&snapshot(1))).await);
    law!(exporter.name() == name, "the name is always the same");
}

fn snapshot(count: u64) -> MetricsSnapshot {
    let metric = |number: u64| {
        let counter = CounterValue {
            value: number,
            ..Default::default()
        };
        let latency = Histogram::default();
        for value in [0, number, u64::MAX] {
            latency.record(value);
        }
        let unknown = serde_json::json!({ "type": "summary", "values": [number] });
        let value = match number % 4 {
            0 => latency.read().into(),
            1 => serde_json::from_value::<MetricValue>(unknown).unwrap_or(counter.into()),
            _ => counter.into(),
        };
        let name = ["victor_calls_total", "größe 📏", "", "9 lives"][(number % 4) as usize];
        let key = MetricKey::new(name)
            .with("tool", format!("tool {number}"))
            .with("le", "\"quoted\"\nline \\ 日本語\u{0}")
            .with("", "");
        Metric::new(key, value)
    };
    MetricsSnapshot::new(Timestamp::UNIX_EPOCH, (0..count).map(metric).collect())
}
