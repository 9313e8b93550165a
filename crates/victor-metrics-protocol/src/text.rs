//! Snapshots in the text formats of Prometheus.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::{HistogramValue, Metric, MetricKey, MetricValue, MetricsSnapshot};

/// A text format in which Prometheus reads measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextFormat {
    /// The text format 0.0.4, which every version reads
    /// ([source](https://prometheus.io/docs/instrumenting/exposition_formats/)).
    Prometheus,
    /// OpenMetrics 1.0 ([source](https://prometheus.io/docs/specs/om/open_metrics_spec/)).
    OpenMetrics,
}

impl TextFormat {
    /// Returns the media type, as the header `Content-Type` has it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl MetricsSnapshot {
    /// Returns all measurements as text that Prometheus reads.
    ///
    /// Names and labels are made valid, and units are those that Prometheus wants: what ends in `_us` is shown in
    /// seconds and with `_seconds`, and `_nanodollars` in dollars. A histogram shows buckets that double in width,
    /// always the same ones. A measurement that would have the name of another one is left out, and so is one of a
    /// kind that this version does not know.
    ///
    /// ```
    /// use victor_metrics_protocol::{Histogram, Metric, MetricsSnapshot, TextFormat};
    /// use victor_metrics_protocol::core::Timestamp;
    ///
    /// let latency = Histogram::default();
    /// latency.record(1_500_000);
    /// let metric = Metric::new("victor_turn_duration_us", latency.read());
    /// let text = MetricsSnapshot::new(Timestamp::now(), vec![metric]).to_text(TextFormat::Prometheus);
    /// assert!(text.contains("victor_turn_duration_seconds_bucket{le=\"2.097151\"} 1\n"));
    /// assert!(text.contains("victor_turn_duration_seconds_sum 1.5\n"));
    /// ```
    #[must_use]
    pub fn to_text(&self, format: TextFormat) -> String {
        let mut text = Text {
            format,
            out: String::with_capacity(128 * self.metrics.len()),
        };
        let mut families = BTreeSet::new();
        for metrics in self
            .metrics
            .chunk_by(|one, next| one.key.name == next.key.name)
        {
            let Some(kind) = kind(&metrics[0].value) else {
                continue;
            };
            let name = Name::new(&metrics[0].key.name);
            if !families.insert(name.text.clone()) {
                continue;
            }
            let help = self.help.get(&metrics[0].key.name);
            text.head(
                &name,
                kind,
                help.map_or("Recorded by the program.", |help| help),
            );
            let mut known = BTreeSet::new();
            for metric in metrics {
                let labels = labels(&metric.key);
                // Labels of two measurements may be made equal, and then only one of them can be shown.
                if known.insert(labels.clone()) {
                    text.metric(&name, &labels, metric);
                }
            }
        }
        if format == TextFormat::OpenMetrics {
            text.out.push_str("# EOF\n");
        }
        text.out
    }
}

/// A name as it is shown, and the number of digits behind the point that its unit brings.
struct Name {
    text: String,
    digits: usize,
}

impl Name {
    fn new(name: &str) -> Self {
        const UNITS: [(&str, &str, usize); 2] =
            [("_us", "_seconds", 6), ("_nanodollars", "_dollars", 9)];
        let (base, total) = match name.strip_suffix("_total") {
            Some(base) => (base, "_total"),
            None => (name, ""),
        };
        let unit = UNITS
            .iter()
            .find_map(|(ours, shown, digits)| Some((base.strip_suffix(ours)?, *shown, *digits)));
        let (base, unit, digits) = unit.unwrap_or((base, "", 0));
        let text = valid(&format!("{base}{unit}{total}"), ":");
        Self { text, digits }
    }
}

/// The text that is being written.
struct Text {
    format: TextFormat,
    out: String,
}

// Writing to a string cannot fail.
impl Text {
    fn head(&mut self, name: &Name, mut kind: &str, help: &str) {
        let mut family = name.text.as_str();
        if self.format == TextFormat::OpenMetrics && kind == "counter" {
            // There, a counter that is not called so is none.
            match family.strip_suffix("_total") {
                Some(base) => family = base,
                None => kind = "unknown",
            }
        }
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let _ = writeln!(self.out, "# HELP {family} {help}");
        let _ = writeln!(self.out, "# TYPE {family} {kind}");
    }

    fn metric(&mut self, name: &Name, labels: &str, metric: &Metric) {
        match &metric.value {
            MetricValue::Counter(counter) => {
                let value = decimal(counter.value, name.digits);
                self.sample(&name.text, "", labels, &value);
            }
            MetricValue::Gauge(gauge) => {
                let sign = if gauge.value < 0 { "-" } else { "" };
                let value = decimal(gauge.value.unsigned_abs(), name.digits);
                self.sample(&name.text, "", labels, &format!("{sign}{value}"));
            }
            MetricValue::Histogram(histogram) => self.histogram(name, labels, histogram),
            _ => {}
        }
    }

    fn histogram(&mut self, name: &Name, labels: &str, histogram: &HistogramValue) {
        // From 127 microseconds to 18 minutes; counts from 1 to a thousand million.
        let first = if name.digits == 6 { 7 } else { 1 };
        let mut buckets = histogram.buckets.iter().peekable();
        let mut count = 0_u64;
        let comma = if labels.is_empty() { "" } else { "," };
        let bucket = |text: &mut Self, bound: &str, count: u64| {
            let labels = format!("{labels}{comma}le=\"{bound}\"");
            text.sample(&name.text, "_bucket", &labels, &count.to_string());
        };
        for bits in first..=30 {
            // It is the upper end of a bucket, so that the count is exact.
            let bound = (1_u64 << bits) - 1;
            while let Some(next) = buckets.next_if(|next| next.upper <= bound) {
                count = count.saturating_add(next.count);
            }
            let mut shown = decimal(bound, name.digits);
            if self.format == TextFormat::OpenMetrics && !shown.contains('.') {
                shown.push_str(".0");
            }
            bucket(self, &shown, count);
        }
        bucket(self, "+Inf", histogram.count);
        let sum = decimal(histogram.sum, name.digits);
        self.sample(&name.text, "_sum", labels, &sum);
        self.sample(&name.text, "_count", labels, &histogram.count.to_string());
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &str, value: &str) {
        let (open, close) = if labels.is_empty() {
            ("", "")
        } else {
            ("{", "}")
        };
        let _ = writeln!(self.out, "{name}{suffix}{open}{labels}{close} {value}");
    }
}

fn kind(value: &MetricValue) -> Option<&'static str> {
    match value {
        MetricValue::Counter(_) => Some("counter"),
        MetricValue::Gauge(_) => Some("gauge"),
        MetricValue::Histogram(_) => Some("histogram"),
        _ => None,
    }
}

/// The labels of a key, as they stand between the braces.
fn labels(key: &MetricKey) -> String {
    let mut known = BTreeSet::from(["le".to_owned(), "quantile".to_owned()]);
    let mut text = String::new();
    for (name, value) in &key.labels {
        let mut name = valid(name, "");
        // Those that begin with two of them are the server's own.
        if name.starts_with("__") {
            name = format!("_{}", name.trim_start_matches('_'));
        }
        if !known.insert(name.clone()) {
            continue;
        }
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{name}=\"");
        for char in value.chars() {
            match char {
                '"' | '\\' => text.extend(['\\', char]),
                '\n' => text.push_str("\\n"),
                char => text.push(char),
            }
        }
        text.push('"');
    }
    text
}

/// A name of letters, digits, underscores and `more`, which does not begin with a digit.
fn valid(name: &str, more: &str) -> String {
    let is_valid = |char: char| char.is_ascii_alphanumeric() || char == '_' || more.contains(char);
    let mut valid: String = name
        .chars()
        .map(|char| if is_valid(char) { char } else { '_' })
        .collect();
    if valid.is_empty() || valid.starts_with(|first: char| first.is_ascii_digit()) {
        valid.insert(0, '_');
    }
    valid
}

/// A number with so many of its digits behind the point, without zeros at the end.
fn decimal(value: u64, digits: usize) -> String {
    let mut text = format!("{value:0width$}", width = digits + 1);
    if digits > 0 {
        text.insert(text.len() - digits, '.');
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let check = |value: u64, digits: usize, expected: &str| {
            assert_eq!(decimal(value, digits), expected);
        };
        check(0, 6, "0");
        check(1, 6, "0.000001");
        check(1_500_000, 6, "1.5");
        check(2_000_000, 6, "2");
        check(700, 0, "700");
        check(u64::MAX, 9, "18446744073.709551615");
    }

    #[test]
    fn names_are_made_valid() {
        let check = |name: &str, expected: &str| assert_eq!(Name::new(name).text, expected);
        check("victor_turn_duration_us", "victor_turn_duration_seconds");
        check("victor_cost_nanodollars_total", "victor_cost_dollars_total");
        check("a:b c-é", "a:b_c__");
        check("7", "_7");
        check("", "_");
    }
}
