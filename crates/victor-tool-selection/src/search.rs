//! A tool by which a model finds tools.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use victor_core::{Effect, SessionId, ToolSpec, with_causes};
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};
use victor_tool_selection_protocol::ToolSelector;

/// Says which tools there are for a session: those that its mode permits, shown or hidden.
pub type Catalogue = Arc<dyn Fn(&SessionId) -> Arc<[ToolSpec]> + Send + Sync>;

/// The tool `search_tools`, by which a model finds tools that it is not shown.
///
/// All that it finds is shown to the session from the next call of the model on, even beyond the limit. It changes
/// nothing else. A [`ToolSelectionCoordinator`](crate::ToolSelectionCoordinator) always shows it.
///
/// # Errors
///
/// A selector whose strategy fails is told to the model in words.
///
/// # Cancel safety
///
/// A call that is dropped has shown nothing.
pub struct SearchToolsTool {
    spec: ToolSpec,
    selector: Arc<dyn ToolSelector>,
    catalogue: Catalogue,
}

impl SearchToolsTool {
    /// The tool's name.
    pub const NAME: &str = "search_tools";

    /// The tool, which searches what `catalogue` has by `selector`, the one that chooses what the model is shown.
    pub fn new(selector: Arc<dyn ToolSelector>, catalogue: Catalogue) -> Self {
        Self {
            spec: spec(),
            selector,
            catalogue,
        }
    }
}

impl fmt::Debug for SearchToolsTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchToolsTool")
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

/// Number of tools that a search finds by default.
const LIMIT: usize = 5;

fn spec() -> ToolSpec {
    let schema = json!({
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "description": "What the tool should do, in a few words, such as `convert currencies` or `send mail`",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 20,
                "description": "How many tools to find at most. Default: 5",
            },
        },
        "required": ["query"],
    });
    let description = "Searches all tools that there are, also those that you are not shown. What it finds you can \
                       call from your next message on. Use it when none of the tools that you see does what is needed, \
                       before you say that it cannot be done.";
    ToolSpec::new(SearchToolsTool::NAME, description, schema).with_effect(Effect::ReadOnly)
}

#[derive(Debug, Deserialize)]
struct Arguments {
    query: String,
    limit: Option<usize>,
}

#[async_trait]
impl Tool for SearchToolsTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let invalid = |error: serde_json::Error| ToolError::InvalidArguments(error.to_string());
        let Arguments { query, limit } = serde_json::from_value(arguments).map_err(invalid)?;
        let limit = limit.unwrap_or(LIMIT).clamp(1, 20);
        let tools = (self.catalogue)(&cx.session);
        let found = self
            .selector
            .search_tools(&cx.session, &query, limit, &tools)
            .await
            .map_err(|error| {
                ToolError::failed(format!(
                    "tools cannot be searched at the moment: {}",
                    with_causes(&error)
                ))
            })?;
        let line = |name: &str| {
            let tool = tools.iter().find(|tool| tool.name == name)?;
            let first = tool
                .description
                .trim()
                .lines()
                .next()
                .map(|first| format!(": {first}"));
            Some(format!("\n- {name}{}", first.unwrap_or_default()))
        };
        let lines: String = found.iter().filter_map(|tool| line(&tool.tool)).collect();
        if lines.is_empty() {
            let text = format!(
                "None of {} tools has to do with this. Try other words.",
                tools.len()
            );
            return Ok(text.into());
        }
        Ok(format!("From your next message on you can call:{lines}").into())
    }
}
