//! The tool.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use victor_core::{Effect, MessageId, ToolSpec};
use victor_session_protocol::SessionStore;
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

use crate::cache::Cache;
use crate::memory::Memory;
use crate::{RecallOptions, report};

/// The tool `recall`, which searches the transcript of the session that it is called in.
///
/// It reads from the store in which the sessions are kept, so give the same one to both. It changes nothing, and shows
/// nothing of other sessions.
///
/// # Errors
///
/// A store that fails, panics or takes longer than [`RecallOptions::timeout`] is told to the model in words.
///
/// # Cancel safety
///
/// A call may be dropped at any time; what it has indexed until then is kept for the next one.
#[derive(Debug)]
pub struct RecallTool {
    spec: ToolSpec,
    store: Arc<dyn SessionStore>,
    options: RecallOptions,
    cache: Cache,
}

impl RecallTool {
    /// The tool's name.
    pub const NAME: &str = "recall";

    /// The tool, for the sessions in a store.
    pub fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            spec: spec(),
            store,
            options: RecallOptions::default(),
            cache: Cache::default(),
        }
    }

    /// Sets the limits within which it works.
    #[must_use]
    pub fn with_options(mut self, options: RecallOptions) -> Self {
        self.options = options;
        self
    }
}

/// The default number of messages that a search returns.
const LIMIT: usize = 5;

fn spec() -> ToolSpec {
    let schema = json!({
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "description": "What to search for: a few words that the message itself probably has, such as names, \
                                numbers, file names and the subject. Empty, `\"\"`, with `message`",
            },
            "message": {
                "type": ["integer", "string"],
                "description": "Which message to read as a whole, in place of a search: its number, for example `12` \
                                for what a search calls #12, or the 12 characters by which a note names it",
            },
            "page": {
                "type": "integer",
                "minimum": 1,
                "description": "Which page of a long `message` to read. Default: 1",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": 20,
                "description": "How many messages a search returns at most. Default: 5",
            },
        },
        // A model that fills only what it must would otherwise ask for nothing.
        "required": ["query"],
    });
    let description = "Searches everything that was said and done in this conversation, also what you no longer see: \
                       old messages and tool results, for which there may be a note `[... left out to save space \
                       ...]`. Use it before you ask the user again for something, or say that you do not know it. Give \
                       `query` to search, or `message` to read one message as a whole.";
    ToolSpec::new(RecallTool::NAME, description, schema).with_effect(Effect::ReadOnly)
}

#[derive(Debug, Deserialize)]
struct Arguments {
    #[serde(default)]
    query: String,
    #[serde(default)]
    message: Value,
    page: Option<usize>,
    limit: Option<usize>,
}

#[async_trait]
impl Tool for RecallTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let invalid = |error: serde_json::Error| ToolError::InvalidArguments(error.to_string());
        let arguments: Arguments = serde_json::from_value(arguments).map_err(invalid)?;
        let message = match &arguments.message {
            Value::String(name) => name.trim().trim_start_matches('#').to_owned(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if message.is_empty() && arguments.query.trim().is_empty() {
            let what = "give `query`, words to search for, or `message`, which message to read";
            return Err(ToolError::InvalidArguments(what.to_owned()));
        }

        let shared = self.cache.take(&cx.session, &self.options);
        let refreshed = async {
            let mut memory = shared.lock().await;
            memory.refresh(&*self.store, &cx.session).await?;
            Ok(memory)
        };
        let memory = tokio::time::timeout(self.options.timeout, refreshed)
            .await
            .map_err(|_| {
                ToolError::failed(format!(
                    "the conversation's transcript could not be read within {:?}: try again later",
                    self.options.timeout
                ))
            })??;
        self.cache.grown(&shared, memory.bytes(), &self.options);

        if message.is_empty() {
            let limit = arguments.limit.unwrap_or(LIMIT).clamp(1, 20);
            let passages = memory.search(&arguments.query, cx.turn, limit);
            if passages.is_empty() {
                let all = memory.messages().len();
                return Ok(format!(
                    "None of {all} messages has a word of the query. Try other words: synonyms, names, numbers."
                )
                .into());
            }
            return Ok(report::found(&memory, &passages).into());
        }
        let place = place(&memory, &message)?;
        let page = arguments.page.unwrap_or(1);
        report::page(&memory, place, page)
            .map(ToolOutput::from)
            .ok_or_else(|| ToolError::NotFound(format!("message {message} has no page {page}")))
    }
}

/// Finds the position of a message by its number, or by its whole or [short](MessageId::short) identifier.
fn place(memory: &Memory, name: &str) -> Result<usize, ToolError> {
    let messages = memory.messages();
    let is = |id: MessageId| id.short().eq_ignore_ascii_case(name) || Ok(id) == name.parse();
    // Twelve digits are an identifier first; nobody has so many messages.
    let by_id = messages.iter().rposition(|one| is(one.message.id()));
    let by_number = || name.parse::<usize>().ok()?.checked_sub(1);
    by_id
        .or_else(by_number)
        .filter(|place| *place < messages.len())
        .ok_or_else(|| {
            ToolError::NotFound(format!(
                "there is no message {name}: messages are numbered from 1 to {}; search with `query` to see numbers",
                messages.len()
            ))
        })
}
