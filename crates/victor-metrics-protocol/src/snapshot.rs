//! All measurements at one moment.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use victor_core::Timestamp;
use victor_core::wire::{Extra, FormatVersion};

use crate::MetricKey;

/// All measurements at one moment. Counters and histograms hold everything since the recorder began, so a snapshot
/// that is lost costs resolution and no counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    #[serde(default)]
    version: FormatVersion<1>,
    /// Time at which the recorder began.
    pub since: Timestamp,
    /// Time at which the snapshot was taken.
    pub at: Timestamp,
    /// The measurements, in the order of their keys.
    pub metrics: Vec<Metric>,
    /// Descriptions for people, by name; of some measurements there may be none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub help: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl MetricsSnapshot {
    /// A snapshot of these measurements, taken now.
    #[must_use]
    pub fn new(since: Timestamp, mut metrics: Vec<Metric>) -> Self {
        metrics.sort_by(|one, other| one.key.cmp(&other.key));
        Self {
            version: FormatVersion,
            since,
            at: Timestamp::now(),
            metrics,
            help: BTreeMap::new(),
            extra: Extra::default(),
        }
    }

    /// Adds descriptions.
    #[must_use]
    pub fn with_help(
        mut self,
        help: impl IntoIterator<Item = (Cow<'static, str>, Cow<'static, str>)>,
    ) -> Self {
        self.help.extend(help);
        self
    }

    /// Returns the measurement of a key.
    #[must_use]
    pub fn get(&self, key: &MetricKey) -> Option<&MetricValue> {
        let metric = self.metrics.iter().find(|metric| metric.key == *key)?;
        Some(&metric.value)
    }

    /// Returns the measurements of a name, with whatever labels.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &Metric> {
        (self.metrics.iter()).filter(move |metric| metric.key.name == name)
    }

    /// Returns the sum of all counters of a name, whatever their labels; zero if there are none.
    #[must_use]
    pub fn total(&self, name: &str) -> u64 {
        self.named(name).fold(0, |sum, metric| match &metric.value {
            MetricValue::Counter(counter) => sum.saturating_add(counter.value),
            _ => sum,
        })
    }

    /// Returns the values of all histograms of a name as one distribution, whatever their labels; empty if there are
    /// none.
    #[must_use]
    pub fn distribution(&self, name: &str) -> HistogramValue {
        let mut all = HistogramValue::default();
        for metric in self.named(name) {
            if let MetricValue::Histogram(histogram) = &metric.value {
                all.merge(histogram);
            }
        }
        all
    }
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metric {
    /// Key of the measurement.
    pub key: MetricKey,
    /// Value of a measurement.
    pub value: MetricValue,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Metric {
    /// Returns the measurement of a key.
    pub fn new(key: impl Into<MetricKey>, value: impl Into<MetricValue>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
            extra: Extra::default(),
        }
    }
}

victor_core::open_enum! {
    /// Value of a measurement.
    #[derive(Debug, Clone, PartialEq)]
    pub enum MetricValue tagged "type" {
        /// Number of times that something happened.
        "counter" => Counter(CounterValue),
        /// Level of something.
        "gauge" => Gauge(GaugeValue),
        /// Distribution of values.
        "histogram" => Histogram(HistogramValue),
    }
}

/// Number of times that something happened.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CounterValue {
    /// The count since the recorder began.
    pub value: u64,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Level of something.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GaugeValue {
    /// The level.
    pub value: i64,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Distribution of values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramValue {
    /// Number of values.
    pub count: u64,
    /// Their sum, which wraps around at 2⁶⁴.
    pub sum: u64,
    /// The least of them; zero if there were none.
    pub min: u64,
    /// The greatest of them; zero if there were none.
    pub max: u64,
    /// Buckets that are not empty, in ascending order.
    pub buckets: Vec<Bucket>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl HistogramValue {
    /// Adds the values of another distribution.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.min = match self.count {
            0 => other.min,
            _ => self.min.min(other.min),
        };
        self.max = self.max.max(other.max);
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.wrapping_add(other.sum);
        for bucket in &other.buckets {
            match (self.buckets).binary_search_by_key(&bucket.upper, |known| known.upper) {
                Ok(index) => {
                    let count = &mut self.buckets[index].count;
                    *count = count.saturating_add(bucket.count);
                }
                Err(index) => self.buckets.insert(index, bucket.clone()),
            }
        }
    }

    /// A value such that the share `q` of all values, from 0 to 1, is not greater: 0.5 gives the median, 0.99 what is
    /// exceeded once in a hundred. Too high by at most the width of a bucket. Zero if there are no values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and counts beyond 2^53 need not be exact"
        )]
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0_u64;
        for bucket in &self.buckets {
            seen = seen.saturating_add(bucket.count);
            if seen >= rank {
                return bucket.upper.min(self.max).max(self.min);
            }
        }
        self.max
    }
}

/// Some of the values of a histogram.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The greatest value that belongs here.
    pub upper: u64,
    /// Number of values in this bucket and in none before.
    pub count: u64,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Bucket {
    /// A bucket of `count` values up to `upper`.
    #[must_use]
    pub fn new(upper: u64, count: u64) -> Self {
        Self {
            upper,
            count,
            extra: Extra::default(),
        }
    }
}
