//! Metrics, summed up since the begin of the process.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, metric,
    number_data_point,
};
use victor_core::{Lock, Timestamp};

use crate::attributes::attribute;

/// The bounds of seconds, as the conventions give them.
const SECONDS: &[f64] = &[
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/// The bounds of tokens, as the conventions give them.
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// The bounds of numbers of calls.
const CALLS: &[f64] = &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Most sets of attributes of one metric. Further ones are counted as one, which has the attribute
/// `otel.metric.overflow`, as the specification of the SDK says.
const MAX_SETS: usize = 2000;

/// The unit and the kind of a metric.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Histogram of seconds.
    Seconds,
    /// Histogram of tokens.
    Tokens,
    /// Histogram of numbers of calls.
    Calls,
    /// Sum of tokens.
    TokenSum,
    /// Sum of US dollars.
    DollarSum,
}

impl Kind {
    const fn unit(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Tokens | Self::TokenSum => "{token}",
            Self::Calls => "{call}",
            Self::DollarSum => "{USD}",
        }
    }

    /// The bounds of a histogram; none for a sum.
    const fn bounds(self) -> Option<&'static [f64]> {
        match self {
            Self::Seconds => Some(SECONDS),
            Self::Tokens => Some(TOKENS),
            Self::Calls => Some(CALLS),
            Self::TokenSum | Self::DollarSum => None,
        }
    }
}

/// Metrics, summed up since the begin of the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Timestamp,
    series: Lock<BTreeMap<&'static str, Series>>,
}

#[derive(Debug)]
struct Series {
    kind: Kind,
    /// The points by their attributes, written as text.
    points: BTreeMap<String, Point>,
}

#[derive(Debug)]
struct Point {
    attributes: Vec<KeyValue>,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    buckets: Vec<u64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            started: Timestamp::now(),
            series: Lock::default(),
        }
    }

    /// Records a value.
    pub(crate) fn record(&self, name: &'static str, kind: Kind, value: f64, of: &[KeyValue]) {
        let mut all = self.series.lock();
        let series = all.entry(name).or_insert_with(|| Series {
            kind,
            points: BTreeMap::new(),
        });
        let mut key = key(of);
        let mut attributes = of;
        let overflow = [attribute("otel.metric.overflow", true)];
        if series.points.len() >= MAX_SETS && !series.points.contains_key(&key) {
            (key, attributes) = (String::new(), &overflow);
        }
        let bounds = kind.bounds().unwrap_or_default();
        let point = series.points.entry(key).or_insert_with(|| Point {
            attributes: attributes.to_vec(),
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            buckets: vec![0; bounds.len() + 1],
        });
        point.count += 1;
        point.sum += value;
        point.min = point.min.min(value);
        point.max = point.max.max(value);
        // A bucket has its upper bound in it.
        let bucket = bounds.partition_point(|bound| *bound < value);
        point.buckets[bucket] += 1;
    }

    /// Returns all of them as they are now; none if nothing was recorded.
    pub(crate) fn snapshot(&self, now: Timestamp) -> Option<Vec<Metric>> {
        let all = self.series.lock();
        let (start, now) = (nanos(self.started), nanos(now));
        let metrics = all.iter().map(|(name, series)| Metric {
            name: (*name).to_owned(),
            unit: series.kind.unit().to_owned(),
            data: Some(series.data(start, now)),
            ..Metric::default()
        });
        let metrics: Vec<_> = metrics.collect();
        (!metrics.is_empty()).then_some(metrics)
    }
}

impl Series {
    fn data(&self, start: u64, now: u64) -> metric::Data {
        let temporality = AggregationTemporality::Cumulative.into();
        let points = self.points.values();
        let Some(bounds) = self.kind.bounds() else {
            let points = points.map(|point| NumberDataPoint {
                attributes: point.attributes.clone(),
                start_time_unix_nano: start,
                time_unix_nano: now,
                value: Some(self.kind.number(point.sum)),
                ..NumberDataPoint::default()
            });
            return metric::Data::Sum(Sum {
                data_points: points.collect(),
                aggregation_temporality: temporality,
                is_monotonic: true,
            });
        };
        let points = points.map(|point| HistogramDataPoint {
            attributes: point.attributes.clone(),
            start_time_unix_nano: start,
            time_unix_nano: now,
            count: point.count,
            sum: Some(point.sum),
            min: Some(point.min),
            max: Some(point.max),
            bucket_counts: point.buckets.clone(),
            explicit_bounds: bounds.to_vec(),
            ..HistogramDataPoint::default()
        });
        metric::Data::Histogram(Histogram {
            data_points: points.collect(),
            aggregation_temporality: temporality,
        })
    }
}

impl Kind {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "tokens are whole and far below 2^53"
    )]
    fn number(self, sum: f64) -> number_data_point::Value {
        match self {
            Self::TokenSum => number_data_point::Value::AsInt(sum as i64),
            _ => number_data_point::Value::AsDouble(sum),
        }
    }
}

/// The attributes as text, which is the same for the same ones.
fn key(attributes: &[KeyValue]) -> String {
    use std::fmt::Write as _;
    let mut key = String::new();
    for KeyValue {
        key: name, value, ..
    } in attributes
    {
        let _ = write!(key, "{name:?}={value:?},"); // writing to a text does not fail
    }
    key
}

/// Nanoseconds since 1970, as OTLP counts time.
pub(crate) fn nanos(time: Timestamp) -> u64 {
    let micros = u64::try_from(time.as_unix_micros()).unwrap_or_default();
    micros.saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(metrics: &Metrics) -> Vec<HistogramDataPoint> {
        let snapshot = metrics.snapshot(Timestamp::now()).unwrap();
        let Some(metric::Data::Histogram(histogram)) = snapshot[0].data.clone() else {
            panic!("{snapshot:?}");
        };
        histogram.data_points
    }

    #[test]
    fn a_histogram_keeps_the_sum_and_the_bucket_of_each_value() {
        let metrics = Metrics::new();
        assert!(metrics.snapshot(Timestamp::now()).is_none());
        for value in [0.0, 1.0, 1.5, 4.0, 1e12] {
            metrics.record("tokens", Kind::Tokens, value, &[attribute("a", "b")]);
        }
        let [point] = &histogram(&metrics)[..] else {
            panic!("one set of attributes")
        };
        assert_eq!((point.count, point.sum), (5, Some(1e12 + 6.5)));
        assert_eq!((point.min, point.max), (Some(0.0), Some(1e12)));
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        assert_eq!(point.bucket_counts[..3], [2, 2, 0]);
        assert_eq!(point.bucket_counts.last(), Some(&1));
    }

    #[test]
    fn sets_of_attributes_are_limited_and_what_is_too_much_is_counted_as_one() {
        let metrics = Metrics::new();
        for number in 0..(MAX_SETS as u64 + 50) {
            metrics.record("calls", Kind::Calls, 1.0, &[attribute("tool", number)]);
        }
        let points = histogram(&metrics);
        assert_eq!(points.len(), MAX_SETS + 1);
        let overflow = points
            .iter()
            .find(|point| point.attributes[0].key == "otel.metric.overflow");
        assert_eq!(overflow.unwrap().count, 50);
    }
}
