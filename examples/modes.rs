//! Takes a session through modes: in `plan` nothing can be changed, whatever the model calls for.
//!
//! ```sh
//! cargo run -p examples --example modes
//! ```

use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::json;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::TurnEventKind;
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::core::{Effect, ToolSpec};
use victor_orchestrator::mode::{Mode, SwitchedBy};

#[derive(Deserialize)]
struct Note {
    text: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let kept = notes.clone();
    let schema = json!({
        "type": "object",
        "properties": { "text": { "type": "string", "description": "The text of the note" } },
        "required": ["text"],
    });
    // Nobody has said what the tool does to the world, so it counts as one that writes.
    let add_note = tool_fn(
        ToolSpec::new("add_note", "Adds a note to the user's notes", schema),
        move |_cx, Note { text }| {
            kept.lock()
                .expect("nobody panics under the lock")
                .push(text);
            async { Ok("Added.") }
        },
    );

    // A mode of one's own, as data.
    let mut tidy = Mode::new("tidy", Effect::Write);
    tidy.description = "changes notes and nothing else".into();
    tidy.tools.allow = vec!["*_note".into()];

    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tool(add_note)
        .mode(Arc::new(tidy))
        .build()?;
    let session = orchestrator.session("notes");

    for mode in ["plan", "tidy"] {
        session.switch_mode_by(mode, SwitchedBy::Person)?;
        let mut stream = session.stream_chat(format!("Add the note 'buy milk in mode {mode}'"));
        while let Some(event) = stream.next().await {
            match event?.kind {
                TurnEventKind::ModeSwitched(switched) => {
                    println!("from {} to {}", switched.from, switched.to)
                }
                TurnEventKind::ToolCallFinished(finished) => {
                    println!("{}: {}", finished.result.name, finished.result.outcome)
                }
                _ => {}
            }
        }
        let notes = notes.lock().expect("nobody panics under the lock").clone();
        println!("notes after a turn in `{mode}`: {notes:?}");
    }
    Ok(())
}
