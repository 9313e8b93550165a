//! Long texts within the words of a tool: a model's own arguments are quoted back to it, and may be of any length.

use std::borrow::Cow;

use victor_tool_protocol::ToolError;

/// The most bytes of a query or pattern that are quoted.
pub(crate) const MAX_QUOTED: usize = 400;

/// The most bytes of the message of an error.
const MAX_MESSAGE: usize = 4 * 1024;

/// A text without its middle, where it has more than this many bytes.
pub(crate) fn shorten(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max {
        return Cow::Borrowed(text);
    }
    // More of the beginning, which says what it is about.
    let head = text.floor_char_boundary(max / 3 * 2);
    let tail = text.ceil_char_boundary(text.len() - max / 3);
    let left_out = tail - head;
    Cow::Owned(format!(
        "{}… [{left_out} bytes left out] …{}",
        &text[..head],
        &text[tail..]
    ))
}

/// The error with a message that is not too long to be sent, stored and sent again.
pub(crate) fn shorten_error(error: ToolError) -> ToolError {
    let cut = |message: String| match shorten(&message, MAX_MESSAGE) {
        Cow::Borrowed(_) => message,
        Cow::Owned(shorter) => shorter,
    };
    match error {
        ToolError::InvalidArguments(message) => ToolError::InvalidArguments(cut(message)),
        ToolError::NotFound(message) => ToolError::NotFound(cut(message)),
        ToolError::NotPermitted(message) => ToolError::NotPermitted(cut(message)),
        ToolError::Unavailable {
            message,
            retry_after,
        } => ToolError::Unavailable {
            message: cut(message),
            retry_after,
        },
        ToolError::Failed { message, source } => ToolError::Failed {
            message: cut(message),
            source,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, max: usize, expected: &str) {
        assert_eq!(shorten(text, max), expected);
    }

    #[test]
    fn the_middle_of_a_long_text_is_left_out_between_characters() {
        check("abcdef", 6, "abcdef");
        check("abcdefghij", 6, "abcd… [4 bytes left out] …ij");
        check("ääääää", 6, "ää… [6 bytes left out] …ä");
    }
}
