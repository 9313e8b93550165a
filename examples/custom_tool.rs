//! Gives the model two tools: a closure with typed arguments, and a type with a state of its own.
//!
//! ```sh
//! cargo run -p examples --example custom_tool
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::TurnEventKind;
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::core::{Effect, ToolSpec};
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};

/// The arguments of the tool `celsius_to_fahrenheit`.
#[derive(Deserialize)]
struct Temperature {
    celsius: f64,
}

/// Adds notes to a list.
#[derive(Debug)]
struct AddNote {
    spec: ToolSpec,
    notes: Arc<Mutex<Vec<String>>>,
}

impl AddNote {
    fn new(notes: Arc<Mutex<Vec<String>>>) -> Self {
        let schema = json!({
            "type": "object",
            "properties": { "text": { "type": "string", "description": "The text of the note" } },
            "required": ["text"],
        });
        Self {
            spec: ToolSpec::new("add_note", "Adds a note to the user's notes", schema),
            notes,
        }
    }
}

#[async_trait]
impl Tool for AddNote {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        // The arguments fit the schema, so there is a text.
        let text = arguments["text"].as_str().unwrap_or_default().trim();
        if text.is_empty() {
            return Err(ToolError::InvalidArguments(
                "the note is empty: give it some text".to_owned(),
            ));
        }
        let mut notes = self.notes.lock().await;
        notes.push(text.to_owned());
        Ok(format!("Added as note {}.", notes.len()).into())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let schema = json!({
        "type": "object",
        "properties": { "celsius": { "type": "number", "description": "The temperature in degrees Celsius" } },
        "required": ["celsius"],
    });
    let spec = ToolSpec::new(
        "celsius_to_fahrenheit",
        "Converts a temperature from Celsius to Fahrenheit",
        schema,
    )
    .with_effect(Effect::ReadOnly);
    let convert = tool_fn(spec, |_cx, Temperature { celsius }| async move {
        Ok(format!(
            "{celsius} degrees Celsius are {} degrees Fahrenheit.",
            celsius * 9.0 / 5.0 + 32.0
        ))
    });

    let notes = Arc::default();
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tool(convert)
        .tool(AddNote::new(Arc::clone(&notes)))
        .build()?;

    for message in [
        "What are 20 degrees celsius in fahrenheit?",
        "Add the note \"water the plants\"",
    ] {
        println!("User: {message}");
        let mut stream = orchestrator.stream_chat(message);
        while let Some(event) = stream.next().await {
            match event?.kind {
                TurnEventKind::ToolCallFinished(finished) => {
                    println!("{}: {}", finished.result.name, finished.result.text());
                }
                TurnEventKind::TurnFinished(finished) => {
                    println!("Assistant: {}", finished.response.content())
                }
                _ => {}
            }
        }
    }
    println!("Notes: {:?}", notes.lock().await);
    Ok(())
}
