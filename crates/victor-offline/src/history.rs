//! The conversation, as the model needs it.

use std::borrow::Cow;
use std::collections::HashMap;

use victor_core::{JsonMap, Message, Messages, Role, ToolCall, ToolCallId, ToolResult};

use crate::lex::path;

/// A conversation, split at the user's last message.
#[derive(Debug, Default)]
pub(crate) struct History<'a> {
    /// The user's last message.
    pub(crate) request: Cow<'a, str>,
    /// Calls since then, with their results.
    pub(crate) made: Vec<Made<'a>>,
    /// Earlier messages, oldest first.
    pub(crate) earlier: Vec<Said<'a>>,
    /// The highest number of a call so far.
    calls: usize,
}

/// A call that was made.
#[derive(Debug)]
pub(crate) struct Made<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: Option<JsonMap>,
    pub(crate) result: Option<&'a ToolResult>,
}

/// A text of the conversation.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    pub(crate) by: Speaker,
    pub(crate) text: Cow<'a, str>,
}

/// Whose text it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Speaker {
    User,
    Model,
    /// A tool, shown as this.
    Tool(String),
}

impl<'a> History<'a> {
    /// Reads a conversation.
    pub(crate) fn new(messages: &'a Messages) -> Self {
        let mut history = Self::default();
        let mut calls: HashMap<&ToolCallId, &ToolCall> = HashMap::new();
        let is_request = |message: &Message| {
            *message.role() == Role::User && !message.is_note() && !message.text().trim().is_empty()
        };
        let last = messages.iter().rposition(|message| is_request(message));
        for (index, message) in messages.iter().enumerate() {
            let now = Some(index) > last;
            for call in message.tool_calls() {
                history.count(&call.id);
                calls.insert(&call.id, call);
                if now {
                    history.made.push(Made {
                        name: &call.name,
                        arguments: call.parse_arguments().ok(),
                        result: None,
                    });
                }
            }
            for result in message.tool_results() {
                let call = calls.get(&result.call_id);
                let arguments = call.and_then(|call| call.parse_arguments().ok());
                if now {
                    let same = |made: &&mut Made<'_>| {
                        made.result.is_none()
                            && made.name == result.name
                            && made.arguments == arguments
                    };
                    if let Some(made) = history.made.iter_mut().find(same) {
                        made.result = Some(result);
                    }
                } else if !result.is_error() {
                    let by = Speaker::Tool(label(&result.name, arguments.as_ref()));
                    history.earlier.push(Said {
                        by,
                        text: result.text(),
                    });
                }
            }
            let text = message.text();
            if Some(index) == last {
                history.request = text;
            } else if !now && !text.trim().is_empty() {
                let by = match message.role() {
                    Role::User => Speaker::User,
                    Role::Assistant => Speaker::Model,
                    _ => continue,
                };
                history.earlier.push(Said { by, text });
            }
        }
        history
    }

    /// The identifier of the call number `index` of the next message.
    pub(crate) fn call_id(&self, index: usize) -> String {
        format!("call_{}", self.calls + 1 + index)
    }

    /// Counts a call, so that no later one bears its name, also where earlier messages were compacted away.
    fn count(&mut self, id: &ToolCallId) {
        let number = id
            .as_str()
            .strip_prefix("call_")
            .and_then(|number| number.parse().ok());
        self.calls = self.calls.max(
            number
                .filter(|number| *number < usize::MAX / 2)
                .unwrap_or(0),
        );
    }
}

/// Returns the name of a result for a person: the path that was read, or the tool.
pub(crate) fn label(tool: &str, arguments: Option<&JsonMap>) -> String {
    let texts = || {
        arguments
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    };
    let named = texts()
        .find(|(name, _)| ["path", "file", "file_path", "filename", "url", "uri"].contains(name));
    let like = || texts().find(|(_, value)| path(value) == Some(false));
    match named.or_else(like).or_else(|| texts().next()) {
        Some((_, value)) if named.is_some() => value.to_owned(),
        Some((_, value)) if path(value).is_some() || value.contains("://") => value.to_owned(),
        Some((_, value)) if value.chars().count() <= 60 => format!("{tool} `{value}`"),
        _ => tool.to_owned(),
    }
}
