//! Numbers of events and measurements, pushed to a Pushgateway of Prometheus.

mod builder;
mod counts;

use async_trait::async_trait;
use tokio::sync::Mutex;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportErrorKind, ExportResult,
};
use victor_http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use victor_http::{StatusCode, retry_after};
use victor_metrics_protocol::{MetricsExportError, MetricsExporter, MetricsSnapshot, TextFormat};

pub use self::builder::PushgatewayExporterBuilder;
use self::counts::Counts;
use crate::endpoint::Endpoint;

/// Pushes the number of events of each type, as `victor_analytics_<type>`, to a
/// [Pushgateway](https://github.com/prometheus/pushgateway), from where Prometheus scrapes them. As an exporter of
/// metrics, it pushes snapshots. For programs that end before Prometheus asks; others have a listener
/// (`victor-prometheus`).
///
/// The numbers are those since the exporter was built, so a batch that is lost or comes again changes none. A type that
/// is no name of a metric becomes one: every character but letters, digits and `_` becomes `_`, and types that become
/// equal are counted together. Beyond 200 types, all others are counted as `victor_analytics_other`.
///
/// What is pushed stays until it is deleted. Two processes of one job need a
/// [grouping](PushgatewayExporterBuilder::grouping) of their own, or the numbers of one replace those of the other.
///
/// ```no_run
/// use victor_web::PushgatewayExporter;
///
/// let exporter = PushgatewayExporter::builder("http://localhost:9091")
///     .job("victor-analytics")
///     .grouping("instance", "build-7")
///     .build()?;
/// # Ok::<(), victor_web::http::HttpError>(())
/// ```
#[derive(Debug)]
pub struct PushgatewayExporter {
    name: String,
    endpoint: Endpoint,
    path: String,
    /// The numbers that have been pushed. Held while new ones are, so that they are pushed in order.
    counts: Mutex<Counts>,
}

/// Why nothing was pushed.
struct Refusal {
    message: String,
    status: Option<StatusCode>,
    retry_after: Option<std::time::Duration>,
}

impl PushgatewayExporter {
    /// Returns a builder of an exporter for the Pushgateway at a base URL.
    pub fn builder(base_url: impl Into<String>) -> PushgatewayExporterBuilder {
        PushgatewayExporterBuilder::new(base_url.into())
    }

    /// Pushes text: each name in it replaces the same name of the group.
    async fn push(&self, text: String) -> Result<(), Refusal> {
        let kind = HeaderValue::from_static(TextFormat::Prometheus.content_type());
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        let answer = self.endpoint.post(&self.path, headers, text).await;
        let answer = answer.map_err(|error| Refusal {
            message: error.to_string(),
            status: None,
            retry_after: None,
        })?;
        let (status, wait) = (answer.status(), retry_after(answer.headers()));
        if matches!(status, StatusCode::OK | StatusCode::ACCEPTED) {
            return Ok(());
        }
        // It says in plain text which name or label it does not take.
        let reason = answer.text().await.unwrap_or_default();
        let reason: String = (reason.chars())
            .filter(|char| !char.is_control())
            .take(200)
            .collect();
        Err(Refusal {
            message: format!("the Pushgateway answered {status}: {reason}"),
            status: Some(status),
            retry_after: wait,
        })
    }
}

#[async_trait]
impl AnalyticsExporter for PushgatewayExporter {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        if events.is_empty() {
            return Ok(ExportResult::exported(0));
        }
        let mut counts = self.counts.lock().await;
        let mut next = counts.clone();
        next.add(events);
        if let Err(refusal) = self.push(next.to_text()).await {
            let mut error = ExportError::new(refusal.message);
            if refusal.status == Some(StatusCode::PAYLOAD_TOO_LARGE) {
                error = error.with_kind(ExportErrorKind::TooLarge);
            }
            error.retry_after = refusal.retry_after;
            return Err(error);
        }
        *counts = next;
        Ok(ExportResult::exported(events.len()))
    }
}

#[async_trait]
impl MetricsExporter for PushgatewayExporter {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export(&self, snapshot: &MetricsSnapshot) -> Result<(), MetricsExportError> {
        let pushed = self.push(snapshot.to_text(TextFormat::Prometheus)).await;
        pushed.map_err(|refusal| MetricsExportError::new(refusal.message))
    }
}
