//! Short texts, in one line.

use crate::visible;

/// Puts a text on one line: each run of blanks becomes one space, other hidden characters become `\u{...}`.
///
/// ```
/// assert_eq!(victor_text::one_line(" two\n\twords\u{7}"), r"two words\u{7}");
/// ```
#[must_use]
pub fn one_line(text: &str) -> String {
    excerpt(text, usize::MAX)
}

/// Puts a text on one line, as [`one_line`] does, and cuts it after `max_chars` characters with `…`.
///
/// ```
/// assert_eq!(victor_text::excerpt("a very\nlong text", 6), "a very…");
/// ```
#[must_use]
pub fn excerpt(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    let mut chars = 0;
    for word in text.split_whitespace() {
        let space = usize::from(!line.is_empty());
        // Of a word that may be large, no more than could be shown.
        let end = word.char_indices().nth(max_chars.saturating_add(1));
        let word = visible(&word[..end.map_or(word.len(), |(at, _)| at)], None);
        let left = max_chars - chars;
        let count = space + word.chars().count();
        if count > left {
            if left > space {
                line.extend(std::iter::repeat_n(' ', space));
                line.extend(word.chars().take(left - space));
            }
            line.push('…');
            break;
        }
        line.extend(std::iter::repeat_n(' ', space));
        line.push_str(&word);
        chars += count;
    }
    line
}

/// Returns the text if it has at most `max_chars` characters; otherwise its beginning and its end, with the number of
/// omitted characters between them. Hidden characters stay.
///
/// ```
/// let text = format!("begin{}end", "x".repeat(2_000));
/// assert_eq!(victor_text::shortened(&text, 8), "begin… (2,000 characters not shown) …end");
/// ```
#[must_use]
pub fn shortened(text: &str, max_chars: usize) -> String {
    let total = text.chars().count();
    if total <= max_chars {
        return text.to_owned();
    }
    let tail = max_chars * 2 / 5;
    let place = |index: usize| {
        text.char_indices()
            .nth(index)
            .map_or(text.len(), |(at, _)| at)
    };
    let (head_end, tail_start) = (place(max_chars - tail), place(total - tail));
    format!(
        "{}… ({} characters not shown) …{}",
        &text[..head_end],
        grouped(total - max_chars),
        &text[tail_start..]
    )
}

/// Formats a number with commas between groups of three digits.
///
/// ```
/// assert_eq!(victor_text::grouped(1_234_567), "1,234,567");
/// ```
#[must_use]
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
