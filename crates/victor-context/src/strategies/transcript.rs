//! A conversation as a text that a model can read.

use std::fmt::Write;
use std::sync::Arc;

use victor_context_protocol::TokenCounter;
use victor_core::{Message, Part};

/// Returns the text of messages, with a paragraph for each part. Thoughts and parts that are not text are left out.
pub(crate) fn transcript<'a>(messages: impl Iterator<Item = &'a Arc<Message>>) -> String {
    let mut out = String::new();
    for message in messages {
        for part in message.parts() {
            // Writing to a string does not fail.
            let _ = match part {
                Part::Text(text) if message.is_note() => writeln!(out, "{}\n", text.text),
                Part::Text(text) => writeln!(out, "{}: {}\n", message.role(), text.text),
                Part::ToolCall(call) => {
                    writeln!(out, "call of {}: {}\n", call.name, call.arguments)
                }
                Part::ToolResult(result) => writeln!(
                    out,
                    "result of {} ({}): {}\n",
                    result.name,
                    result.outcome,
                    result.text()
                ),
                Part::Image(_) | Part::Document(_) => {
                    writeln!(out, "{}: ({})\n", message.role(), part.kind())
                }
                _ => Ok(()),
            };
        }
    }
    out
}

/// Cuts a text into pieces of at most so many tokens, between paragraphs or lines where it can.
pub(crate) fn pieces(text: &str, tokens: u64, counter: &dyn TokenCounter) -> Vec<String> {
    let total = u64::from(counter.count_text(text));
    if total <= tokens || text.chars().nth(1).is_none() {
        return vec![text.to_owned()];
    }
    let (head, tail) = text.split_at(middle(text));
    let mut all = pieces(head, tokens, counter);
    all.extend(pieces(tail, tokens, counter));
    all
}

/// Returns the position at which to divide a text of at least two characters: after the nearest paragraph, line or word
/// before the middle, unless that is too far from it.
fn middle(text: &str) -> usize {
    let middle = text.floor_char_boundary(text.len() / 2);
    let near = text.floor_char_boundary(text.len() / 4);
    let behind = |mark: &str| {
        let found = text[near..middle].rfind(mark);
        found.map(|at| near + at + mark.len())
    };
    let cut = behind("\n\n")
        .or_else(|| behind("\n"))
        .or_else(|| behind(" "));
    let first = text.chars().next().map_or(0, char::len_utf8);
    cut.unwrap_or(middle).max(first)
}
