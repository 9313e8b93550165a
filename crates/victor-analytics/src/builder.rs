//! Puts a coordinator together.

use std::sync::Arc;

use victor_analytics_protocol::{AnalyticsExporter, AnalyticsTracker};

use crate::{AnalyticsCoordinator, AnalyticsOptions};

/// Puts an [`AnalyticsCoordinator`] together.
#[derive(Debug, Default)]
pub struct AnalyticsCoordinatorBuilder {
    exporters: Vec<Arc<dyn AnalyticsExporter>>,
    options: AnalyticsOptions,
}

impl AnalyticsCoordinatorBuilder {
    /// Adds an exporter.
    #[must_use]
    pub fn exporter(mut self, exporter: Arc<dyn AnalyticsExporter>) -> Self {
        self.exporters.push(exporter);
        self
    }

    /// The coordinator's times and limits.
    #[must_use]
    pub fn options(mut self, options: AnalyticsOptions) -> Self {
        self.options = options;
        self
    }

    /// The coordinator. It exports in the background once it is
    /// [initialized](victor_core::Coordinator::initialize).
    #[must_use]
    pub fn build(self) -> AnalyticsCoordinator {
        let coordinator = AnalyticsCoordinator::with_options(self.options);
        for exporter in self.exporters {
            coordinator.add_exporter(exporter);
        }
        coordinator
    }
}
