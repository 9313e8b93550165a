//! The outcome of an export.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use victor_core::{BoxError, EventId, Timestamp};

use crate::AnalyticsEvent;

/// Outcome of an export: of one exporter, or of all of them together.
///
/// The events of a batch are dealt with from the oldest: the first [`exported_count`](Self::exported_count) +
/// [`rejected`](Self::rejected) of them. Those behind them come again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportResult {
    /// Whether every event arrived everywhere, rejected ones left aside.
    pub success: bool,
    /// Number of events that arrived. The fewest, where there are several exporters.
    pub exported_count: usize,
    /// Description of the failure, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Events that the destination will never take. They become dead letters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<RejectedEvent>,
    /// Outcome of each exporter by its name, in the result of a tracker.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exporters: BTreeMap<String, ExportResult>,
}

/// An event that a destination has refused for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RejectedEvent {
    /// The event.
    pub id: EventId,
    /// Reason, in the words of the destination.
    pub reason: String,
}

impl RejectedEvent {
    /// Creates a rejection.
    pub fn new(id: EventId, reason: impl Into<String>) -> Self {
        Self {
            id,
            reason: reason.into(),
        }
    }
}

impl ExportResult {
    /// Creates the result of an export of which all `count` events arrived.
    #[must_use]
    pub fn exported(count: usize) -> Self {
        Self {
            success: true,
            exported_count: count,
            ..Self::default()
        }
    }

    /// Creates the result of an export of which only the first `count` events arrived.
    pub fn failed(count: usize, error: impl Into<String>) -> Self {
        Self {
            exported_count: count,
            error: Some(error.into()),
            ..Self::default()
        }
    }

    /// Adds events that the destination will never take. They are not among those that arrived.
    #[must_use]
    pub fn with_rejected(mut self, rejected: impl IntoIterator<Item = RejectedEvent>) -> Self {
        self.rejected.extend(rejected);
        self
    }

    /// Sums up the results of several exporters, by their names.
    ///
    /// ```
    /// use victor_analytics_protocol::ExportResult;
    ///
    /// let total = ExportResult::total([
    ///     ("sql".into(), ExportResult::exported(3)),
    ///     ("webhook".into(), ExportResult::failed(1, "connection refused")),
    /// ]);
    /// assert!(!total.success);
    /// assert_eq!(total.exported_count, 1);
    /// assert_eq!(total.error.as_deref(), Some("webhook: connection refused"));
    /// assert_eq!(total.exporters["sql"].exported_count, 3);
    /// ```
    pub fn total(results: impl IntoIterator<Item = (String, Self)>) -> Self {
        let (mut errors, mut rejected) = (Vec::new(), Vec::new());
        let mut exporters = BTreeMap::new();
        for (name, result) in results {
            if let Some(error) = &result.error {
                errors.push(format!("{name}: {error}"));
            }
            rejected.extend(result.rejected.iter().cloned());
            exporters.insert(name, result);
        }
        let counts = exporters.values().map(|result| result.exported_count);
        Self {
            success: exporters.values().all(|result| result.success),
            exported_count: counts.min().unwrap_or_default(),
            error: (!errors.is_empty()).then(|| errors.join("; ")),
            rejected,
            exporters,
        }
    }
}

/// Error of an export: nothing of the batch arrived.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ExportError {
    /// Description of the failure.
    pub message: String,
    /// Whether the batch can come again.
    pub kind: ExportErrorKind,
    /// Time that the destination asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Error beneath.
    #[source]
    pub source: Option<BoxError>,
}

/// Whether a batch that failed can come again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportErrorKind {
    /// The same batch may arrive later.
    #[default]
    Retryable,
    /// The batch is larger than the destination takes: parts of it may arrive.
    TooLarge,
    /// The destination has looked at the batch and will never take it.
    Permanent,
}

impl ExportError {
    /// Returns the error of an export that failed and may succeed later.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            kind: ExportErrorKind::Retryable,
            retry_after: None,
            source: None,
        }
    }

    /// Sets whether the batch can come again.
    #[must_use]
    pub fn with_kind(mut self, kind: ExportErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the time that the destination asks to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Adds the error beneath.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }
}

/// An event that an exporter will never take, kept for a person to look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Name of the exporter.
    pub exporter: String,
    /// The event.
    pub event: AnalyticsEvent,
    /// Reason, in the words of the exporter.
    pub reason: String,
    /// The time at which the exporter gave it up.
    pub at: Timestamp,
}

impl DeadLetter {
    /// Creates the dead letter of an event that is given up now.
    pub fn new(
        exporter: impl Into<String>,
        event: AnalyticsEvent,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            exporter: exporter.into(),
            event,
            reason: reason.into(),
            at: Timestamp::now(),
        }
    }
}
