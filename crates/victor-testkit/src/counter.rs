//! A token counter whose counts can be told in one's head.

use victor_context_protocol::TokenCounter;
use victor_core::{Message, Part};

/// Counts every character as a token, and four more for every message, picture and document.
///
/// ```
/// use victor_context_protocol::TokenCounterExt;
/// use victor_core::Message;
/// use victor_testkit::CharCounter;
///
/// assert_eq!(CharCounter.tokens(&Message::user("hello")), 9);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CharCounter;

impl TokenCounter for CharCounter {
    fn name(&self) -> &str {
        "chars"
    }

    fn count_text(&self, text: &str) -> u32 {
        u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
    }

    fn count_message(&self, message: &Message) -> u32 {
        self.count_parts(message.parts()).saturating_add(4)
    }
}

impl CharCounter {
    fn count_parts(self, parts: &[Part]) -> u32 {
        let counts = parts.iter().map(|part| match part {
            Part::Text(text) => self.count_text(&text.text),
            Part::Thinking(thinking) => self.count_text(&thinking.text),
            Part::ToolCall(call) => self
                .count_text(&call.name)
                .saturating_add(self.count_text(&call.arguments)),
            Part::ToolResult(result) => self.count_parts(&result.content),
            Part::Opaque(opaque) => self.count_text(&opaque.data),
            _ => 4,
        });
        counts.fold(0, u32::saturating_add)
    }
}
