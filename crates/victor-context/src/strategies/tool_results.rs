//! The strategy `tool_results`.

use std::sync::Arc;

use async_trait::async_trait;
use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, TokenCounter, TokenCounterExt,
};
use victor_core::{Context, Message, MessageId, Messages, Part, Role, ToolResult};

use super::texts::beginning;
use crate::groups::groups;
use crate::rebuild::with_parts;

/// Puts a note in the place of old tool results: the strategy `tool_results`.
///
/// Results are most of a long tool loop, and few of them are looked at twice. Oldest first, and only as far as the
/// budget demands, a result becomes a note that says which message it is ([short](MessageId::short)), how large it was,
/// how it began and how to get it back. The calls stay, so the model still knows what it has done. The last results
/// stay as they are, and so does what is [protected](crate::Group::protected), and every result that a note would
/// hardly shorten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolResults {
    /// The number of recent steps with tool calls that keep their results. Defaults to 3.
    pub keep_last: usize,
}

impl ToolResults {
    /// The strategy's name.
    pub const NAME: &str = "tool_results";
}

impl Default for ToolResults {
    fn default() -> Self {
        Self { keep_last: 3 }
    }
}

#[async_trait]
impl CompactionStrategy for ToolResults {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let (history, counter) = (context.messages(), &*budget.counter);
        let mut tokens = counter.tokens_of(history);
        if tokens <= budget.target_tokens {
            return Ok(context.clone());
        }
        let mut messages: Vec<Arc<Message>> = history.iter().cloned().collect();
        let steps: Vec<_> = groups(history)
            .into_iter()
            .filter(|group| group.range.len() > 1)
            .collect();
        let old = steps.len().saturating_sub(self.keep_last);
        for step in steps[..old].iter().filter(|step| !step.protected) {
            for message in &mut messages[step.range.clone()] {
                if tokens <= budget.target_tokens {
                    break;
                }
                if let Some(shorter) = collapse(message, counter) {
                    tokens -=
                        u64::from(counter.tokens(message)) - u64::from(counter.tokens(&shorter));
                    *message = shorter.into();
                }
            }
        }
        Ok(context.with_messages(messages.into_iter().collect::<Messages>()))
    }
}

/// The message with notes for results, if that makes it half as large or less.
fn collapse(message: &Message, counter: &dyn TokenCounter) -> Option<Message> {
    if *message.role() != Role::Tool {
        return None;
    }
    let whole = counter.tokens(message);
    let mut parts = message.parts().to_vec();
    for part in &mut parts {
        if let Part::ToolResult(result) = part {
            result.content = vec![Part::text(note(message.id(), result, counter))];
        }
    }
    let collapsed = with_parts(message, parts);
    (counter.tokens(&collapsed) <= whole / 2).then_some(collapsed)
}

/// Returns the note that takes the place of a result.
fn note(id: MessageId, result: &ToolResult, counter: &dyn TokenCounter) -> String {
    let text = result.text();
    let (text, tokens) = (text.trim(), counter.count_text(&text));
    let start = beginning(text, 80).replace('\n', " ");
    let began = if start.is_empty() {
        String::new()
    } else {
        format!(" It began: {start}")
    };
    format!(
        "[Left out to save space: message {} of the transcript, {tokens} tokens of text. If it is needed again and \
         `{}` only reads, repeat the call.{began}]",
        id.short(),
        result.name
    )
}
