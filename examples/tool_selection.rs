//! Shows the model a few of many tools, chosen by words, by meaning and by both.
//!
//! ```sh
//! cargo run -p examples --example tool_selection
//! ```

use serde_json::{Value, json};
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::Settings;
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::core::{Effect, ToolSpec};

const TOOLS: [(&str, &str); 6] = [
    ("read_file", "Reads a file and returns its text"),
    ("write_file", "Writes text to a file"),
    ("send_mail", "Sends a mail to one or more people"),
    (
        "get_forecast",
        "Returns the weather of the next days in a city",
    ),
    ("list_events", "Lists the appointments of a calendar"),
    (
        "convert_currency",
        "Converts an amount of money from one currency to another",
    ),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let two = || Settings::default().with_tool_selection_limit(2);
    let choices = [
        (
            "keyword",
            two().with_tool_selection_strategy("keyword".into()),
        ),
        (
            "semantic",
            two().with_tool_selection_strategy("semantic".into()),
        ),
        // The default: 70 % meaning and 30 % words.
        (
            "hybrid",
            two()
                .with_tool_selection_strategy("hybrid".into())
                .with_tool_selection_hybrid_alpha(0.7),
        ),
        (
            "all",
            Settings::default().with_tool_selection_strategy("all".into()),
        ),
    ];
    for (strategy, settings) in choices {
        let tools = TOOLS.map(|(name, description)| {
            let spec = ToolSpec::new(name, description, json!({ "type": "object" }));
            tool_fn(spec.with_effect(Effect::ReadOnly), async |_, _: Value| {
                Ok("done".to_owned())
            })
        });
        let orchestrator = AgentOrchestrator::builder()
            .provider(OfflineModel::new())
            .settings(settings)
            .tools(tools)
            .build()?;
        let session = orchestrator.session("s");
        session
            .chat("What text is in the file config.yaml?")
            .await?;
        if let Some(selection) = session.tool_selection() {
            let names: Vec<_> = selection
                .tools
                .iter()
                .map(|tool| tool.name.as_str())
                .collect();
            println!("{strategy}: {}", names.join(", "));
        }
    }
    Ok(())
}
