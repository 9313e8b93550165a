//! The memory of one session between its turns.

use std::collections::BTreeSet;
use std::sync::Arc;

use victor_core::{Message, Part, ToolOutcome};

use crate::prompts::PromptMemory;

/// The memory of one session between its turns.
#[derive(Debug, Default)]
pub struct SessionRecord {
    /// Number of transcript entries that the context was made from; `None` if it must be loaded again.
    pub(crate) entries: Option<u64>,
    /// The last system prompt and its tokens, counted again only when it changes.
    prompt: Option<(Arc<str>, u32)>,
    /// The prompts that it was held with, in a durable store.
    pub(crate) prompts: Option<Box<PromptMemory>>,
    used_tools: Option<Arc<BTreeSet<String>>>,
    tool_calls: u32,
    /// Approximate size of its messages.
    pub(crate) bytes: u64,
    /// Number of tasks that work on the session.
    pub(crate) active: u32,
    /// The time at which the last of them ended, as a number that grows.
    pub(crate) last_used: u64,
}

impl SessionRecord {
    /// Returns the names of the tools that the model has called.
    #[must_use]
    pub fn used_tools(&self) -> Arc<BTreeSet<String>> {
        self.used_tools.clone().unwrap_or_default()
    }

    /// Returns the number of tool calls that have run.
    #[must_use]
    pub fn tool_calls(&self) -> u32 {
        self.tool_calls
    }

    /// Counts messages that were added to the context.
    pub(crate) fn add<'a>(&mut self, messages: impl Iterator<Item = &'a Message>) {
        for part in messages.flat_map(Message::parts) {
            self.bytes += size(part) as u64;
            match part {
                Part::ToolCall(call) => {
                    let used = self.used_tools.get_or_insert_default();
                    if !used.contains(&call.name) {
                        Arc::make_mut(used).insert(call.name.clone());
                    }
                }
                Part::ToolResult(result) if has_run(&result.outcome) => self.tool_calls += 1,
                _ => {}
            }
        }
    }

    /// Forgets what was counted; it stays known who works on the session.
    pub(crate) fn clear_content(&mut self) {
        *self = Self {
            active: self.active,
            last_used: self.last_used,
            ..Self::default()
        };
    }

    /// Returns the tokens of the system prompt, if it is the one that was counted last.
    pub(crate) fn prompt_tokens(&self, prompt: &Arc<str>) -> Option<u64> {
        let (text, tokens) = self.prompt.as_ref()?;
        (Arc::ptr_eq(text, prompt) || text == prompt).then(|| (*tokens).into())
    }

    pub(crate) fn set_prompt_tokens(&mut self, prompt: Arc<str>, tokens: u64) {
        self.prompt = Some((prompt, u32::try_from(tokens).unwrap_or(u32::MAX)));
    }
}

/// Whether a call with this outcome has run.
#[must_use]
pub fn has_run(outcome: &ToolOutcome) -> bool {
    !matches!(outcome, ToolOutcome::Rejected | ToolOutcome::Denied)
}

/// Returns about how much memory a part takes.
fn size(part: &Part) -> usize {
    const OVERHEAD: usize = 200;
    let text = match part {
        Part::Text(text) => text.text.len(),
        Part::Thinking(thinking) => thinking.text.len(),
        Part::ToolCall(call) => call.arguments.len(),
        Part::ToolResult(result) => result.content.iter().map(size).sum(),
        _ => 0,
    };
    OVERHEAD + text
}
