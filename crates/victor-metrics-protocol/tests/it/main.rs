//! The contracts of metrics through their public API.

use std::thread;
use std::time::Duration;

use serde_json::json;
use victor_core::Timestamp;
use victor_metrics_protocol::{
    Counter, CounterValue, Gauge, GaugeValue, Histogram, HistogramValue, Metric, MetricKey,
    MetricValue, MetricsExportError, MetricsSnapshot,
};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn histogram(values: impl IntoIterator<Item = u64>) -> HistogramValue {
    let histogram = Histogram::default();
    values.into_iter().for_each(|value| histogram.record(value));
    histogram.read()
}

fn snapshot() -> MetricsSnapshot {
    let counter = CounterValue {
        value: 3,
        ..Default::default()
    };
    let gauge = GaugeValue {
        value: -1,
        ..Default::default()
    };
    let calls = MetricKey::new("victor_tool_calls_total")
        .with("tool", "read_file")
        .with("outcome", "success");
    let metrics = vec![
        Metric::new("victor_turn_duration_us", histogram([1, 2, 1000])),
        Metric::new(calls, counter),
        Metric::new("victor_sessions_open", gauge),
    ];
    let mut snapshot = MetricsSnapshot::new(Timestamp::UNIX_EPOCH, metrics);
    snapshot.at = Timestamp::UNIX_EPOCH;
    snapshot
}

#[test]
fn a_snapshot() {
    check_golden(HERE, "metrics_snapshot", &snapshot());
    // A key is a name, and never more.
    check_unknown_fields("metrics_snapshot", &snapshot(), &["key", "labels"]);
    let gauge = snapshot().get(&"victor_sessions_open".into()).cloned();
    assert_eq!(gauge.unwrap().kind(), "gauge");
    assert_eq!(snapshot().get(&"victor_nothing".into()), None);
}

#[test]
fn unknown_kinds_of_measurements_survive() {
    check_survives::<MetricValue>(&json!({ "type": "summary", "values": [1, 2] }));
    check_refused::<MetricValue>(
        &json!({ "type": "counter" }),
        "in `counter`: missing field `value`",
    );
    check_refused::<MetricValue>(
        &json!({ "type": "counter", "value": -1 }),
        "in `counter`: invalid value",
    );
}

#[test]
fn clones_of_an_instrument_measure_together() {
    let (counter, gauge, histogram) = (Counter::default(), Gauge::default(), Histogram::default());
    thread::scope(|scope| {
        for thread in 0..4 {
            let (counter, gauge, histogram) = (counter.clone(), gauge.clone(), histogram.clone());
            scope.spawn(move || {
                for value in 0..1000 {
                    counter.add(2);
                    gauge.add(if thread % 2 == 0 { 1 } else { -1 });
                    histogram.record(value);
                }
            });
        }
    });
    assert_eq!((counter.get(), gauge.get()), (8000, 0));
    gauge.set(7);
    assert_eq!(gauge.get(), 7);
    let read = histogram.read();
    assert_eq!(
        (read.count, read.sum, read.min, read.max),
        (4000, 4 * 499_500, 0, 999)
    );
}

#[test]
fn quantiles_are_at_most_an_eighth_too_high() {
    let read = histogram(1..=10_000);
    for (q, exact) in [
        (0.0, 1),
        (0.5, 5000),
        (0.95, 9500),
        (0.99, 9900),
        (1.0, 10_000),
    ] {
        let found = read.quantile(q);
        assert!((exact..=exact + exact / 8).contains(&found), "{q}: {found}");
    }
    assert_eq!(histogram([5]).quantile(0.5), 5);
    assert_eq!(histogram([1_000_003]).quantile(0.5), 1_000_003);
    assert_eq!(histogram([0, u64::MAX]).quantile(1.0), u64::MAX);
    for q in [-1.0, 2.0, f64::NAN] {
        assert!((1..=10_000).contains(&read.quantile(q)));
    }
}

#[test]
fn nothing_seen_is_nothing_shown() {
    let read = histogram([]);
    assert_eq!(read, HistogramValue::default());
    assert_eq!(read.quantile(0.5), 0);
}

#[test]
fn durations_are_in_microseconds() {
    let histogram = Histogram::default();
    histogram.record_duration(Duration::from_millis(2));
    histogram.record_duration(Duration::MAX);
    let read = histogram.read();
    assert_eq!((read.min, read.max), (2000, u64::MAX));
}

#[test]
fn keys_are_written_as_prometheus_does() {
    let check = |key: MetricKey, expected: &str| assert_eq!(key.to_string(), expected);
    check("a".into(), "a");
    check(MetricKey::new("a").with("b", "c"), r#"a{b="c"}"#);
    check(
        MetricKey::new("a").with("z", "1").with("b", "\"\\\n"),
        r#"a{b="\"\\\n",z="1"}"#,
    );
}

#[test]
fn an_error_says_what_its_maker_said() {
    assert_eq!(
        MetricsExportError::new("disk full").to_string(),
        "disk full"
    );
}
