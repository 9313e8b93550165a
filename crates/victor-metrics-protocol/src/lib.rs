//! Contracts of metrics: recording measurements and exporting them.
//!
//! - [`MetricsRecorder`] is the role of the coordinator that counts what happens and reads all measurements.
//! - [`Counter`], [`Gauge`] and [`Histogram`] are the instruments that it hands out: handles that are kept, and cost a
//!   few nanoseconds per measurement.
//! - [`MetricsExporter`] sends a [`MetricsSnapshot`] somewhere; [`MetricsSnapshot::to_text`] writes it as Prometheus
//!   reads it.
//!
//! ```
//! use std::time::Duration;
//! use victor_metrics_protocol::Histogram;
//!
//! let latency = Histogram::default(); // usually from `MetricsRecorder::histogram`
//! for millis in 1..=100 {
//!     latency.record_duration(Duration::from_millis(millis));
//! }
//! let read = latency.read();
//! assert_eq!((read.count, read.max), (100, 100_000));
//! assert!((90_000..=100_000).contains(&read.quantile(0.95)));
//! ```
//!
//! # An exporter
//!
//! ```
//! use async_trait::async_trait;
//! use std::sync::Mutex;
//! use victor_metrics_protocol::{MetricValue, MetricsExporter, MetricsExportError, MetricsSnapshot};
//!
//! /// Keeps the last snapshot as lines of text.
//! #[derive(Debug, Default)]
//! struct Lines(Mutex<Vec<String>>);
//!
//! #[async_trait]
//! impl MetricsExporter for Lines {
//!     fn name(&self) -> &str {
//!         "lines"
//!     }
//!
//!     async fn export(&self, snapshot: &MetricsSnapshot) -> Result<(), MetricsExportError> {
//!         let line = |metric: &victor_metrics_protocol::Metric| match &metric.value {
//!             MetricValue::Counter(counter) => Some(format!("{} {}", metric.key, counter.value)),
//!             MetricValue::Gauge(gauge) => Some(format!("{} {}", metric.key, gauge.value)),
//!             MetricValue::Histogram(histogram) => Some(format!("{} {}", metric.key, histogram.quantile(0.5))),
//!             _ => None,
//!         };
//!         let lines = snapshot.metrics.iter().filter_map(line).collect();
//!         *self.0.lock().map_err(|_| MetricsExportError::new("the lines are lost"))? = lines;
//!         Ok(())
//!     }
//! }
//! ```

mod exporter;
mod histogram;
mod instrument;
mod key;
mod recorder;
mod snapshot;
mod text;

#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as provider;

#[cfg(feature = "mock")]
pub use exporter::MockMetricsExporter;
pub use exporter::{MetricsExportError, MetricsExporter};
pub use histogram::Histogram;
pub use instrument::{Counter, Gauge};
pub use key::MetricKey;
pub use recorder::MetricsRecorder;
#[cfg(feature = "mock")]
pub use recorder::MockMetricsRecorder;
pub use snapshot::{Bucket, CounterValue, GaugeValue, HistogramValue};
pub use snapshot::{Metric, MetricValue, MetricsSnapshot};
pub use text::TextFormat;
