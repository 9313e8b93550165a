//! Token counts.

use victor_context_protocol::TokenCounter;
use victor_core::{Message, Part};

/// Counts four bytes as a token.
#[derive(Debug)]
pub(crate) struct Quarter;

impl TokenCounter for Quarter {
    fn name(&self) -> &str {
        "acme-quarter"
    }

    fn count_text(&self, text: &str) -> u32 {
        u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX)
    }

    fn count_message(&self, message: &Message) -> u32 {
        let part = |part: &Part| match part {
            Part::Text(text) => self.count_text(&text.text),
            Part::ToolCall(call) => {
                self.count_text(&call.name) + self.count_text(call.arguments.as_ref())
            }
            Part::ToolResult(result) => self.count_text(&result.text()),
            _ => 500, // pictures, documents and what is opaque
        };
        // The wire format adds a few tokens to each message.
        message
            .parts()
            .iter()
            .map(part)
            .fold(4, u32::saturating_add)
    }
}
