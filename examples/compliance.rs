//! Keeps personal data out: of answers by a rule in the prompt, of what is exported by a redaction that is sure.
//!
//! ```sh
//! cargo run -p examples --example compliance
//! ```

use async_trait::async_trait;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::analytics::AnalyticsEvent;
use victor_orchestrator::coordinators::analytics::{JsonLinesExporter, RedactExporter, Redactor};
use victor_orchestrator::prompt::{Contribution, PromptContext, PromptContributor, PromptError};

#[derive(Debug)]
struct Compliance;

#[async_trait]
impl PromptContributor for Compliance {
    fn name(&self) -> &str {
        "compliance"
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        Ok("Do not include personal data in responses.".into())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.jsonl");
    // Addresses, phone numbers, cards, accounts and keys are known; ticket numbers are ours.
    let redactor = Redactor::default().with_pattern("ticket", "TCK-[0-9]{6}")?;
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .prompt_contributor(Compliance)
        .analytics_exporter(RedactExporter::new(JsonLinesExporter::new(&file), redactor))
        .build()?;

    let session = orchestrator.session("customer-7");
    println!(
        "In the prompt: {}",
        session
            .system_prompt()
            .await?
            .text
            .contains("personal data")
    );
    session.chat("Please write to ada@example.com.").await?;
    let complaint = AnalyticsEvent::new("complaint")
        .with("from", "ada@example.com")
        .with("text", "Call me at +44 20 7946 0958 about TCK-123456.");
    orchestrator
        .analytics_coordinator()
        .track_event(session.id(), complaint);
    orchestrator.shutdown().await; // exports what waits

    let exported = std::fs::read_to_string(&file)?;
    println!(
        "Addresses exported: {}",
        exported.matches("ada@example.com").count()
    );
    let line = exported
        .lines()
        .find(|line| line.contains("complaint"))
        .unwrap_or_default();
    let event: AnalyticsEvent = serde_json::from_str(line)?;
    println!("{}", event.data.to_json());
    Ok(())
}
