//! The extension point for metrics.

use std::fmt;

use async_trait::async_trait;
use victor_core::BoxError;

use crate::MetricsSnapshot;

/// Sends measurements somewhere.
///
/// Implemented by adapters; called by the [`MetricsRecorder`](crate::MetricsRecorder) at intervals, one snapshot at a
/// time for each exporter and side by side with other exporters. It must not block the thread for long. One that
/// fails, panics or takes too long is shown in health, and is given the next snapshot as if nothing had been.
///
/// # Cancel safety
///
/// A call that takes too long is dropped. The next snapshot holds all that this one held.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MetricsExporter: fmt::Debug + Send + Sync + 'static {
    /// The exporter's name, as health and reports show it.
    fn name(&self) -> &str;

    /// Sends measurements.
    ///
    /// # Errors
    ///
    /// They did not arrive.
    async fn export(&self, snapshot: &MetricsSnapshot) -> Result<(), MetricsExportError>;

    /// Ends its work: writes out what it holds. It is called once, after the last snapshot.
    async fn shutdown(&self) {}
}

#[deny(clippy::missing_trait_methods)]
impl<T: MetricsExporter + ?Sized> MetricsExporter for std::sync::Arc<T> {
    victor_core::forward! {
        fn name(&self) -> &str;
        async fn export<'a>(&self, snapshot: &'a MetricsSnapshot) -> Result<(), MetricsExportError>;
        async fn shutdown(&self) -> ();
    }
}

/// Error of an export.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct MetricsExportError {
    /// Description of the failure.
    pub message: String,
    /// Error beneath.
    #[source]
    pub source: Option<BoxError>,
}

impl MetricsExportError {
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
