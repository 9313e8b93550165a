//! Serves metrics to Prometheus over a small HTTP listener.
//!
//! [`PrometheusListener`] answers `GET /metrics` with a snapshot of a
//! [`MetricsRecorder`](metrics::MetricsRecorder), in the text format 0.0.4 or in OpenMetrics, as the request asks.
//!
//! ```
//! use std::sync::Arc;
//!
//! use victor_prometheus::PrometheusListener;
//! # use victor_prometheus::metrics::{MetricsRecorder, MetricsSnapshot, MockMetricsRecorder};
//!
//! # async fn serve(metrics: Arc<dyn MetricsRecorder>) -> std::io::Result<()> {
//! // `metrics` is the orchestrator's metrics coordinator.
//! let listener = PrometheusListener::builder(metrics).bind("127.0.0.1:0").await?;
//! println!("http://{}/metrics", listener.local_addr());
//! listener.shutdown().await;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(Arc::new(MockMetricsRecorder::new())))?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Prometheus finds it by a job of its configuration:
//!
//! ```yaml
//! scrape_configs:
//!   - job_name: victor
//!     static_configs:
//!       - targets: ["127.0.0.1:9464"]
//! ```

mod answer;
mod listener;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_metrics_protocol as metrics;

pub use listener::{PrometheusListener, PrometheusListenerBuilder};
