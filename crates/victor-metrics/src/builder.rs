//! Builds a coordinator piece by piece.

use std::sync::Arc;

use victor_metrics_protocol::{MetricsExporter, MetricsRecorder};

use crate::{MetricsCoordinator, MetricsOptions};

/// Builds a [`MetricsCoordinator`] piece by piece.
#[derive(Debug, Default)]
#[must_use = "nothing is built until `build` is called"]
pub struct MetricsCoordinatorBuilder {
    exporters: Vec<Arc<dyn MetricsExporter>>,
    options: MetricsOptions,
}

impl MetricsCoordinatorBuilder {
    /// Adds an exporter.
    pub fn exporter(mut self, exporter: impl MetricsExporter) -> Self {
        self.exporters.push(Arc::new(exporter));
        self
    }

    /// Sets the times and limits.
    pub fn options(mut self, options: MetricsOptions) -> Self {
        self.options = options;
        self
    }

    /// Builds the coordinator. It exports in the background once it is
    /// [initialized](victor_core::Coordinator::initialize).
    #[must_use]
    pub fn build(self) -> MetricsCoordinator {
        let coordinator = MetricsCoordinator::with_options(self.options);
        for exporter in self.exporters {
            coordinator.add_exporter(exporter);
        }
        coordinator
    }
}
