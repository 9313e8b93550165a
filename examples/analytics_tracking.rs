//! Tracks events of one's own beside those of the turns, finds them again, and exports them.
//!
//! ```sh
//! cargo run -p examples --example analytics_tracking
//! ```

use std::collections::BTreeMap;

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::analytics::{AnalyticsEvent, EventQuery};
use victor_orchestrator::coordinators::analytics::JsonLinesExporter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.jsonl");
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .analytics_exporter(JsonLinesExporter::new(&file))
        .build()?;
    let session = orchestrator.session("support-17");
    session.chat("Hello!").await?;

    let analytics = orchestrator.analytics_coordinator();
    let event = AnalyticsEvent::new("feedback")
        .with("stars", 5)
        .with("page", "settings");
    analytics.track_event(session.id(), event);

    let mut counts = BTreeMap::<String, usize>::new();
    for event in &session.analytics().events {
        *counts.entry(event.event_type.to_string()).or_default() += 1;
    }
    println!("Tracked in this session: {counts:?}");
    for event in analytics.events(&EventQuery::default().with_types(vec!["feedback".to_owned()])) {
        println!("Found: {} with {}", event.event_type, event.data.to_json());
    }

    let result = analytics.export_analytics(session.id()).await;
    println!("Exported {} events", result.exported_count);
    orchestrator.shutdown().await;
    println!(
        "Lines in the file: {}",
        std::fs::read_to_string(&file)?.lines().count()
    );
    Ok(())
}
