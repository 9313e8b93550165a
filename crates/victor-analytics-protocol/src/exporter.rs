//! The extension point for analytics.

use std::fmt;

use async_trait::async_trait;

use crate::{AnalyticsEvent, ExportError, ExportResult};

/// Sends events somewhere.
///
/// Implemented by adapters; called by the [`AnalyticsTracker`](crate::AnalyticsTracker) with batches of events, oldest
/// first, one batch at a time for each exporter and side by side with other exporters. Events that could not be
/// exported come again in a later batch, so a destination may see an event twice and tells it by its `id`.
///
/// # Answers
///
/// | what became of the batch | answer | what the tracker does |
/// |---|---|---|
/// | all of it arrived | [`ExportResult::exported`] | goes on with the next batch |
/// | the first events arrived, the others may later | [`ExportResult::failed`] | sends the others again, after a pause |
/// | some events will never be taken, all others arrived | [`ExportResult::with_rejected`] | makes dead letters of them, and goes on |
/// | nothing arrived, and it may later | [`ExportError::new`] | sends the batch again, after a pause |
/// | it is larger than the destination takes | [`ExportErrorKind::TooLarge`](crate::ExportErrorKind::TooLarge) | sends smaller batches at once; a single event becomes a dead letter |
/// | none of it will ever be taken | [`ExportErrorKind::Permanent`](crate::ExportErrorKind::Permanent) | makes dead letters of all of it, and goes on |
///
/// A wrong key or a missing table is not permanent: somebody will repair it, and the events wait until then. What will
/// never be taken is an event that the destination has looked at and refused.
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
    /// Returns the exporter's name, as health, reports and the outbox know it. It stays the same from one run of the
    /// program to the next.
    fn name(&self) -> &str;

    /// Sends events.
    ///
    /// # Errors
    ///
    /// None of them arrived; [`ExportError::kind`] says what to do about it.
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
