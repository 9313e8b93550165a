//! Puts a coordinator together.

use std::sync::Arc;

use victor_analytics_protocol::{AnalyticsExporter, AnalyticsTracker, EventOutbox};

use crate::{AnalyticsCoordinator, AnalyticsOptions};

/// Puts an [`AnalyticsCoordinator`] together.
#[derive(Debug, Default)]
pub struct AnalyticsCoordinatorBuilder {
    exporters: Vec<Arc<dyn AnalyticsExporter>>,
    outbox: Option<Arc<dyn EventOutbox>>,
    options: AnalyticsOptions,
}

impl AnalyticsCoordinatorBuilder {
    /// Adds an exporter.
    #[must_use]
    pub fn exporter(mut self, exporter: impl AnalyticsExporter) -> Self {
        self.exporters.push(Arc::new(exporter));
        self
    }

    /// Keeps events in an outbox until every exporter has sent them, also across the end of the process. Exporters are
    /// known there by their names.
    #[must_use]
    pub fn outbox(mut self, outbox: impl EventOutbox) -> Self {
        self.outbox = Some(Arc::new(outbox));
        self
    }

    /// Sets the coordinator's times and limits.
    #[must_use]
    pub fn options(mut self, options: AnalyticsOptions) -> Self {
        self.options = options;
        self
    }

    /// Builds the coordinator. It exports in the background once it is
    /// [initialized](victor_core::Coordinator::initialize).
    #[must_use]
    pub fn build(self) -> AnalyticsCoordinator {
        let coordinator = AnalyticsCoordinator::with_options(self.options, self.outbox);
        for exporter in self.exporters {
            coordinator.add_exporter(exporter);
        }
        coordinator
    }
}
