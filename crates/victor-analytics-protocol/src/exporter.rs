//! The extension point for analytics.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::BoxError;

use crate::AnalyticsEvent;

/// Sends events somewhere.
///
/// Implemented by adapters; called by the [`AnalyticsTracker`](crate::AnalyticsTracker) with batches of events, oldest
/// first, one batch at a time for each exporter and side by side with other exporters. Events that could not be
/// exported come again in a later batch, so a destination may see an event twice and tells it by its `id`.
///
/// # Cancel safety
///
/// A call that takes too long is dropped; its events count as not exported.
#[cfg_attr(
    not(feature = "mock"),
    doc(alias = "IAnalyticsExporter"),
    doc(alias = "BaseAnalyticsExporter")
)]
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AnalyticsExporter: fmt::Debug + Send + Sync + 'static {
    /// The exporter's name, as health and reports show it.
    fn name(&self) -> &str;

    /// Sends events.
    ///
    /// # Errors
    ///
    /// None of them were sent, and they should come again.
    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError>;

    /// Ends its work: writes out what it holds. It is called once, after the last batch; again only if that call was
    /// dropped before it ended.
    async fn shutdown(&self) {}
}

#[deny(clippy::missing_trait_methods)]
impl<T: AnalyticsExporter + ?Sized> AnalyticsExporter for std::sync::Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        async fn export<'a>(
            &self,
            events: &'a [AnalyticsEvent],
        ) -> Result<ExportResult, ExportError>;
        async fn shutdown(&self) -> ();
    }
}

/// Outcome of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportResult {
    /// Whether every event arrived everywhere.
    pub success: bool,
    /// Number of events that arrived, counted from the oldest: those after them come again. The fewest, where there are
    /// several exporters.
    pub exported_count: usize,
    /// Description of the failure, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ExportResult {
    /// All `count` events arrived.
    #[must_use]
    pub fn exported(count: usize) -> Self {
        Self {
            success: true,
            exported_count: count,
            error: None,
        }
    }

    /// Only the first `count` events arrived, for this reason.
    pub fn failed(count: usize, error: impl Into<String>) -> Self {
        Self {
            success: false,
            exported_count: count,
            error: Some(error.into()),
        }
    }
}

/// Error of an export.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct ExportError {
    /// Description of the failure.
    pub message: String,
    /// Error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl ExportError {
    /// Returns the error of an export that failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// Adds the error beneath.
    #[must_use]
    pub fn with_source(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }
}
