//! The contracts of metrics through their public API.

use std::thread;
use std::time::Duration;

use serde_json::json;
use victor_core::Timestamp;
use victor_metrics_protocol::{
    Counter, CounterValue, Gauge, GaugeValue, Histogram, HistogramValue, Metric, MetricKey,
    MetricValue, MetricsExportError, MetricsSnapshot, TextFormat,
};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn histogram(values: impl IntoIterator<Item = u64>) -> HistogramValue {
    let histogram = Histogram::default();
    values.into_iter().for_each(|value| histogram.record(value));
    histogram.read()
}

fn snapshot() -> MetricsSnapshot {
    let gauge = GaugeValue {
        value: -1,
        ..Default::default()
    };
    let calls = MetricKey::new("victor_tool_calls_total")
        .with("tool", "read_file")
        .with("outcome", "success");
    let metrics = vec![
        Metric::new("victor_turn_duration_us", histogram([1, 2, 1000])),
        Metric::new(calls, counted(3)),
        Metric::new("victor_sessions_open", gauge),
    ];
    let help = [("victor_sessions_open".into(), "Sessions in memory.".into())];
    let mut snapshot = MetricsSnapshot::new(Timestamp::UNIX_EPOCH, metrics).with_help(help);
    snapshot.at = Timestamp::UNIX_EPOCH;
    snapshot
}

#[test]
fn a_snapshot() {
    check_golden(HERE, "metrics_snapshot", &snapshot());
    // A key is a name and descriptions are texts, and never more.
    check_unknown_fields("metrics_snapshot", &snapshot(), &["key", "labels", "help"]);
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
fn distributions_add_up() {
    let (all, one, other) = (1..=1_000, 1..=400, 401..=1_000);
    let mut sum = histogram([]);
    sum.merge(&histogram(one.clone()));
    sum.merge(&histogram([]));
    sum.merge(&histogram(other.clone()));
    assert_eq!(sum, histogram(all));
    let metrics = vec![
        Metric::new(MetricKey::new("d").with("of", "one"), histogram(one)),
        Metric::new(MetricKey::new("d").with("of", "other"), histogram(other)),
        Metric::new(MetricKey::new("c").with("of", "one"), counted(2)),
        Metric::new(MetricKey::new("c").with("of", "other"), counted(3)),
    ];
    let snapshot = MetricsSnapshot::new(Timestamp::UNIX_EPOCH, metrics);
    assert_eq!(snapshot.distribution("d"), sum);
    assert_eq!((snapshot.total("c"), snapshot.total("d")), (5, 0));
}

fn counted(value: u64) -> CounterValue {
    CounterValue {
        value,
        ..Default::default()
    }
}

/// Everything that may not stand in the text as it is.
fn hostile() -> MetricsSnapshot {
    let key = MetricKey::new("victor_calls_total")
        .with("a-b", "1")
        .with("a_b", "2")
        .with("__name__", "x")
        .with("le", "x")
        .with("größe", "\"\\\n日本語");
    let metrics = vec![
        Metric::new(key, counted(1)),
        Metric::new(
            MetricKey::new("wait_us").with("of", "x"),
            histogram([1, 1_000_000]),
        ),
        Metric::new("wait_seconds", counted(1)),
        Metric::new("9 lives", counted(9)),
    ];
    let help = [("victor_calls_total".into(), "Two\nlines and a \\.".into())];
    MetricsSnapshot::new(Timestamp::UNIX_EPOCH, metrics).with_help(help)
}

#[test]
fn text_for_prometheus() {
    let text = hostile().to_text(TextFormat::Prometheus);
    let expected = r#"# HELP _9_lives Recorded by the program.
# TYPE _9_lives counter
_9_lives 9
# HELP victor_calls_total Two\nlines and a \\.
# TYPE victor_calls_total counter
victor_calls_total{_name__="x",a_b="1",gr__e="\"\\\n日本語"} 1
# HELP wait_seconds Recorded by the program.
# TYPE wait_seconds counter
wait_seconds 1
"#;
    assert_eq!(text, expected);
}

#[test]
fn text_of_open_metrics() {
    let text = snapshot().to_text(TextFormat::OpenMetrics);
    let lines: Vec<_> = text.lines().collect();
    for line in [
        "# HELP victor_sessions_open Sessions in memory.",
        "victor_sessions_open -1",
        "# TYPE victor_tool_calls counter",
        r#"victor_tool_calls_total{outcome="success",tool="read_file"} 3"#,
        r#"victor_turn_duration_seconds_bucket{le="0.000127"} 2"#,
        r#"victor_turn_duration_seconds_bucket{le="0.000511"} 2"#,
        r#"victor_turn_duration_seconds_bucket{le="0.001023"} 3"#,
        r#"victor_turn_duration_seconds_bucket{le="+Inf"} 3"#,
        "victor_turn_duration_seconds_sum 0.001003",
        "victor_turn_duration_seconds_count 3",
    ] {
        assert!(lines.contains(&line), "{line}: {text}");
    }
    assert_eq!(lines.last(), Some(&"# EOF"));
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
