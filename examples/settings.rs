//! Sets what coordinators do: in code, in a file and in the environment, each value with its source.
//!
//! ```sh
//! cargo run -p examples --example settings
//! VICTOR_TEMPERATURE=0.9 cargo run -p examples --example settings
//! ```

use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("victor.toml");
    std::fs::write(
        &file,
        "temperature = 0.2\ncontext_compaction_threshold = 0.9\n",
    )?;

    let settings = Settings::default()
        // Context: how it is made smaller, and when.
        .with_context_compaction_strategy("semantic".into())
        .with_context_compaction_threshold(0.7)
        // Prompt: hints for the kind of task, and the base.
        .with_enable_task_hints(true)
        .with_system_prompt_template("default".into())
        // Chat and tools: rounds of calls, and seconds for each call.
        .with_max_tool_iterations(5)
        .with_tool_calling_timeout(30)
        // Analytics: seconds between exports.
        .with_analytics_export_interval(60)
        // Metrics: not in this program.
        .with_enable_metrics(false);
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .settings(settings) // what code says counts
        .environment() // then VICTOR_TEMPERATURE and its like
        .config_file(&file) // then the file
        .build()?;
    orchestrator.chat("Hello!").await?;

    let config = orchestrator.config_coordinator().config();
    for key in [
        "model",
        "temperature",
        "context_compaction_threshold",
        "tool_calling_timeout",
        "mode",
    ] {
        println!(
            "{key} = {}, from {}",
            config.get(key).unwrap_or_default(),
            config.source(key)
        );
    }
    println!("Metrics: {}", orchestrator.metrics().is_some());

    // A value that cannot be is refused before anything runs.
    let wrong = Settings::default().with_context_compaction_threshold(1.5);
    let built = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .settings(wrong)
        .build();
    println!(
        "{}",
        built
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    );
    Ok(())
}
