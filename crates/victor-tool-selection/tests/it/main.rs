//! The selection of tools from outside: what is shown, what is found, and what holds when a strategy does not.

mod catalogue;
mod faults;
mod laws;
mod quality;
mod search;
mod selections;
mod strategies;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use victor_core::{SessionId, ToolSpec};
use victor_tool_selection::{SelectionOptions, ToolSelectionCoordinator};
use victor_tool_selection_protocol::{
    Selection, SelectionError, SelectionRequest, ToolSelectionStrategy,
};

/// Tools `t0`, `t1` and so on.
fn numbered(count: usize) -> Arc<[ToolSpec]> {
    let tool = |number| ToolSpec::new(format!("t{number}"), "", json!({}));
    (0..count).map(tool).collect()
}

fn request(text: &str) -> SelectionRequest {
    SelectionRequest::new(SessionId::new("s"), text)
}

fn names(selection: &Selection) -> Vec<&str> {
    selection.tools.iter().map(|tool| &*tool.name).collect()
}

/// Gives those of the numbered tools a score that the request names, as in `t3:0.5 t4:1`; the others have none.
#[derive(Debug)]
struct Told;

#[async_trait]
impl ToolSelectionStrategy for Told {
    fn name(&self) -> &str {
        "told"
    }

    async fn score(
        &self,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        let words = || request.text.split_whitespace();
        let score = |tool: &ToolSpec| {
            let mut told = words().filter_map(|word| word.split_once(':'));
            let told = told.find(|(name, _)| *name == tool.name);
            told.map_or(0.0, |(_, score)| score.parse().expect("a number"))
        };
        Ok(tools.iter().map(score).collect())
    }
}

/// A coordinator with this limit that goes by what it is [`Told`].
fn told(limit: usize) -> ToolSelectionCoordinator {
    let options = SelectionOptions::default().with_limit(Some(limit));
    let builder = ToolSelectionCoordinator::builder()
        .options(options)
        .register_strategy(Arc::new(Told))
        .strategy("told");
    builder.build().expect("a coordinator")
}
