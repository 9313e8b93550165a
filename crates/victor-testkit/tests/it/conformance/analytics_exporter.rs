use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};
use victor_testkit::conformance;

use super::{Bug, breaks};

#[derive(Debug)]
struct Exporter(Bug, AtomicU32);

#[async_trait]
impl AnalyticsExporter for Exporter {
    fn name(&self) -> &str {
        if self.0.is("nameless") {
            ""
        } else {
            self.0.changes("fickle name", ["exporter", "importer"])
        }
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let wrong = self.0.shows().await;
        assert!(!self.0.is("panics when empty") || !events.is_empty(), "bug");
        assert!(
            !self.0.is("panics after shutdown") || self.1.load(Ordering::Relaxed) == 0,
            "bug"
        );
        match self.0.name {
            "fails" => Err(ExportError::new("bug")),
            "miscounts" => Ok(ExportResult::exported(events.len().min(100))),
            "complains" => Ok(ExportResult::failed(events.len(), "bug")),
            _ if wrong => Ok(ExportResult::failed(0, "bug")),
            _ => Ok(ExportResult::exported(events.len())),
        }
    }

    async fn shutdown(&self) {
        let before = self.1.fetch_add(1, Ordering::Relaxed);
        assert!(
            !self.0.is("panics at a second shutdown") || before == 0,
            "bug"
        );
    }
}

async fn suite(bug: &'static str) {
    conformance::analytics_exporter(&Exporter(Bug::new(bug), AtomicU32::new(0))).await;
}

#[tokio::test]
async fn a_right_exporter_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "an exporter has a name"),
        ("fails", "a valid call succeeds"),
        ("panics", "no call panics"),
        ("panics when empty", "no call panics"),
        ("panics at a second shutdown", "no call panics"),
        ("panics after shutdown", "no call panics"),
        ("miscounts", "every event of a batch is exported"),
        ("complains", "every event of a batch is exported"),
        ("second call", "every event of a batch is exported"),
        ("side by side", "every event of a batch is exported"),
        ("after a drop", "every event of a batch is exported"),
        ("fickle name", "the name is always the same"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
