//! Messages as text, and texts in pieces.

use std::fmt::Write as _;
use std::ops::Range;

use victor_core::{Message, Part, ToolOutcome, text_of};

use crate::RecallTool;

/// Returns the text of a message with its calls and results, without thoughts. Calls and results of this tool are left
/// out: it would find its own findings.
pub(crate) fn text(message: &Message) -> String {
    let mut text = String::new();
    for part in message.parts() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        // Writing to a `String` cannot fail.
        let _ = match part {
            Part::Text(said) => write!(text, "{}", said.text),
            Part::ToolCall(call) if call.name != RecallTool::NAME => {
                write!(text, "called {} with {}", call.name, call.arguments)
            }
            Part::ToolResult(result) if result.name != RecallTool::NAME => {
                let how = match &result.outcome {
                    ToolOutcome::Success => String::new(),
                    outcome => format!(" ({})", outcome.as_str()),
                };
                let content = text_of(&result.content);
                write!(text, "{} returned{how}: {content}", result.name)
            }
            Part::Image(_) | Part::Document(_) => write!(text, "[{}]", part.kind()),
            _ => Ok(()),
        };
    }
    text.truncate(text.trim_end().len());
    text
}

/// The pieces of a text, each of at most `size` bytes, which should be 4 or more. They end where a line or else a word
/// does, if one ends in their second half.
pub(crate) fn pieces(text: &str, size: usize) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let mut length = rest.floor_char_boundary(size);
        if length < rest.len() {
            let last = |end: char| rest[..length].rfind(end).filter(|at| *at >= size / 2);
            if let Some(end) = last('\n').or_else(|| last(' ')) {
                length = end + 1;
            }
        }
        let piece = start..start + length;
        start = piece.end;
        Some(piece)
    })
}

/// The beginning of a text in one line.
pub(crate) fn beginning(text: &str, size: usize) -> String {
    let end = text.floor_char_boundary(size);
    let cut = if end < text.len() { "…" } else { "" };
    let words: Vec<_> = text[..end].split_whitespace().collect();
    words.join(" ") + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_where_lines_or_words_do() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<_> = pieces(text, 10).map(|piece| &text[piece]).collect();
            assert_eq!(found, expected);
            assert_eq!(found.concat(), text);
        };
        check("", &[]);
        check("0123456789", &["0123456789"]);
        check("0123456789a", &["0123456789", "a"]);
        check("01234 6789 a", &["01234 ", "6789 a"]);
        check("01234\n678 9", &["01234\n", "678 9"]);
        check("0 23456789a", &["0 23456789", "a"]);
        check("東京都の天気", &["東京都", "の天気"]);
    }

    #[test]
    fn a_beginning_is_one_line() {
        assert_eq!(beginning("a\n  b", 10), "a b");
        assert_eq!(beginning("äö", 3), "ä…");
    }
}
