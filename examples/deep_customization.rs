//! Builds coordinators by hand, replaces one by a type of one's own, and injects them all.
//!
//! ```sh
//! cargo run -p examples --example deep_customization
//! ```
//!
//! Nothing is inherited from: whatever plays the role of a coordinator can take its place.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker, EventQuery, ExportResult, SessionAnalytics,
};
use victor_orchestrator::coordinators::analytics::AnalyticsCoordinator;
use victor_orchestrator::coordinators::context::{
    ContextCoordinator, ContextOptions, RecentMessages,
};
use victor_orchestrator::coordinators::prompt::PromptCoordinator;
use victor_orchestrator::coordinators::provider::{
    ProviderCoordinator, ProviderOptions, RetryOptions,
};
use victor_orchestrator::coordinators::tool::{EffectPolicy, ToolCoordinator, ToolOptions};
use victor_orchestrator::core::{Coordinator, Effect, SessionId};
use victor_workspace_tools::WorkspaceTools;

/// What the agent may read: this repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Tracks what tools do and nothing else: a coordinator of our own, around the usual one.
#[derive(Debug)]
struct ToolAnalytics(AnalyticsCoordinator);

#[async_trait]
impl Coordinator for ToolAnalytics {
    fn name(&self) -> &str {
        "tool_analytics"
    }

    fn reset(&self, session: &SessionId) {
        self.0.reset(session);
    }

    async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}

#[async_trait]
impl AnalyticsTracker for ToolAnalytics {
    fn track_event(&self, session: &SessionId, event: AnalyticsEvent) {
        if event.event_type.starts_with("tool_call_") {
            self.0.track_event(session, event);
        }
    }

    async fn export_analytics(&self, session: &SessionId) -> ExportResult {
        self.0.export_analytics(session).await
    }

    fn session_analytics(&self, session: &SessionId) -> SessionAnalytics {
        self.0.session_analytics(session)
    }

    fn events(&self, query: &EventQuery) -> Vec<AnalyticsEvent> {
        self.0.events(query)
    }

    fn add_exporter(&self, exporter: Arc<dyn AnalyticsExporter>) {
        self.0.add_exporter(exporter);
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Compacts early, and keeps little.
    let context_options = ContextOptions::default()
        .with_default_window(32_000)
        .with_target(0.3);
    let context_coordinator = ContextCoordinator::builder()
        .strategy(Arc::new(RecentMessages::new(10)))
        .options(context_options)
        .build();

    // Has a base prompt of its own.
    let prompt_coordinator = PromptCoordinator::builder()
        .template(
            "default",
            "You read the source of Victor and answer questions about it.",
        )
        .build();

    // Runs what only reads, and denies the rest.
    let tool_coordinator = ToolCoordinator::builder()
        .tools(WorkspaceTools::open(ROOT)?.allow_write(true).tools())
        .policy(EffectPolicy::deny_above(Effect::ReadOnly))
        .options(ToolOptions::default().with_timeout(Duration::from_secs(5)))
        .build()?;

    // Is more patient with the provider.
    let retry = RetryOptions::default().with_max_attempts(8);
    let provider_coordinator = ProviderCoordinator::new(Arc::new(OfflineModel::new()), "offline")
        .with_options(ProviderOptions::default().with_retry(retry));

    let orchestrator = AgentOrchestrator::builder()
        .analytics_coordinator(Arc::new(ToolAnalytics(AnalyticsCoordinator::new([]))))
        .context_coordinator(Arc::new(context_coordinator))
        .prompt_coordinator(Arc::new(prompt_coordinator))
        .provider_coordinator(Arc::new(provider_coordinator))
        .tool_coordinator(Arc::new(tool_coordinator))
        .build()?;

    let session = orchestrator.session("deep");
    session.chat("Read crates/victor-core/Cargo.toml").await?;
    session
        .chat("Write \"nothing\" to target/nothing.txt")
        .await?;

    for event in session
        .analytics()
        .events
        .iter()
        .filter(|event| event.event_type == "tool_call_finished")
    {
        let data = event.data.to_map();
        let text = |key: &str| data[key].as_str().unwrap_or_default();
        println!("{}: {}", text("tool"), text("outcome"));
    }
    let names = orchestrator
        .health()
        .coordinators
        .into_iter()
        .map(|health| health.coordinator);
    println!("Coordinators: {}", names.collect::<Vec<_>>().join(", "));
    Ok(())
}
