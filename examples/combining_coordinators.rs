//! Injects four coordinators of one's own at once: configuration, prompt, context and analytics.
//!
//! ```sh
//! cargo run -p examples --example combining_coordinators
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult,
};
use victor_orchestrator::chat::ChatInput;
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::coordinators::analytics::AnalyticsCoordinator;
use victor_orchestrator::coordinators::config::ConfigCoordinator;
use victor_orchestrator::coordinators::context::{ContextCoordinator, RecentMessages};
use victor_orchestrator::coordinators::prompt::PromptCoordinator;
use victor_orchestrator::core::SessionId;
use victor_orchestrator::prompt::{Contribution, PromptContext, PromptContributor, PromptError};
use victor_workspace_tools::WorkspaceTools;

/// What the agent may read: this repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Sessions on trial may call tools three times in a turn.
#[derive(Debug)]
struct Trial;

#[async_trait]
impl ConfigProvider for Trial {
    fn name(&self) -> &str {
        "trial"
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let limit = ("max_tool_iterations".to_owned(), json!(3));
        Ok(session
            .as_str()
            .starts_with("trial-")
            .then_some(limit)
            .into_iter()
            .collect())
    }
}

/// Asks for sources where the task is research.
#[derive(Debug)]
struct Citing;

#[async_trait]
impl PromptContributor for Citing {
    fn name(&self) -> &str {
        "citing"
    }

    async fn get_contribution(&self, context: &PromptContext) -> Result<Contribution, PromptError> {
        Ok(match context.get_str("task") {
            Some("research") => "Name the file in which you found the answer.".into(),
            _ => Contribution::nothing(),
        })
    }
}

/// Counts model calls.
#[derive(Debug, Default)]
struct ModelCalls(AtomicUsize);

#[async_trait]
impl AnalyticsExporter for ModelCalls {
    fn name(&self) -> &str {
        "model_calls"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let calls = events
            .iter()
            .filter(|event| event.event_type == "model_call_finished")
            .count();
        self.0.fetch_add(calls, Ordering::Relaxed);
        Ok(ExportResult::exported(events.len()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let model_calls = Arc::new(ModelCalls::default());
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tools(WorkspaceTools::open(ROOT)?.tools())
        .config_coordinator(Arc::new(ConfigCoordinator::new([Arc::new(Trial)])))
        .prompt_coordinator(Arc::new(PromptCoordinator::new([Arc::new(Citing)])))
        .context_coordinator(Arc::new(ContextCoordinator::new(RecentMessages::new(15))))
        .analytics_coordinator(Arc::new(AnalyticsCoordinator::new([model_calls.clone()])))
        .build()?;

    let session = orchestrator.session("trial-7");
    let question = "Which strategy keeps the last messages? Read crates/victor-context/src/strategies/recent.rs";
    let response = session
        .chat(ChatInput::from(question).with("task", "research"))
        .await?;
    println!("{}", response.content());

    let config = orchestrator
        .config_coordinator()
        .load_config(session.id())
        .await?;
    println!(
        "Rounds of tool calls: {}",
        config.settings.max_tool_iterations
    );
    println!(
        "Messages in the context: {}",
        session.context().messages().len()
    );
    orchestrator.shutdown().await; // exports what waits
    println!("Model calls: {}", model_calls.0.load(Ordering::Relaxed));
    Ok(())
}
