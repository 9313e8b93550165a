//! Messages as text.

use std::sync::Arc;

use victor_core::{Message, Part};

/// The texts of messages: what was said, called and returned. Thoughts are not among them.
pub(crate) fn texts<'a>(messages: impl IntoIterator<Item = &'a Arc<Message>>) -> Vec<&'a str> {
    let mut texts = Vec::new();
    for part in messages.into_iter().flat_map(|message| message.parts()) {
        match part {
            Part::Text(text) => texts.push(text.text.as_str()),
            Part::ToolCall(call) => texts.extend([call.name.as_str(), call.arguments.as_str()]),
            Part::ToolResult(result) => {
                texts.extend(result.content.iter().filter_map(|part| match part {
                    Part::Text(text) => Some(text.text.as_str()),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    texts
}

/// The beginning of a text, at most so many characters.
pub(crate) fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices()
        .nth(characters)
        .map_or(text, |(end, _)| &text[..end])
}
