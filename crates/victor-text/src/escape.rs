//! Texts without hidden characters, of any length.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::{is_blank_lookalike, is_hidden};

/// Replaces hidden characters, and blanks other than the space, by `\u{...}`. Line feeds and tabs stay.
///
/// Different texts stay different: a backslash that would begin such an escape is itself escaped. For text that a
/// person decides on.
///
/// ```
/// use victor_text::escaped;
///
/// assert_eq!(escaped("a\u{200b}b"), r"a\u{200b}b");
/// assert_eq!(escaped(r"a\u{200b}b"), r"a\u{5c}u{200b}b");
/// ```
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, |char, rest| {
        let hides = is_hidden(char) && !matches!(char, '\n' | '\t');
        hides || is_blank_lookalike(char) || (char == '\\' && rest.starts_with("u{"))
    })
}

/// Prose as a terminal may show it: hidden characters become `\u{...}`, save those that scripts and emoji need after
/// the character `before` them, and carriage returns at the ends of lines, which are left out.
///
/// `before` is the character that was shown last, for text that comes in pieces.
///
/// ```
/// use victor_text::visible;
///
/// assert_eq!(visible("\u{1b}[2Jgone", None), r"\u{1b}[2Jgone");
/// assert_eq!(visible("\u{2764}\u{fe0f}\u{200d}\u{1f525}", None), "\u{2764}\u{fe0f}\u{200d}\u{1f525}");
/// ```
#[must_use]
pub fn visible(text: &str, before: Option<char>) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut before = before;
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        let ends_line = char == '\r' && matches!(rest.as_str().chars().next(), None | Some('\n'));
        if !is_hidden(char) || matches!(char, '\n' | '\t') || joins(char, before) {
            shown.push(char);
        } else if !ends_line {
            shown.extend(char.escape_unicode());
        }
        before = Some(char);
    }
    Cow::Owned(shown)
}

/// Whether a character does visible work behind another one: it joins letters or emoji, or chooses a picture.
fn joins(char: char, before: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let letter = !before.is_ascii() && !is_hidden(before);
    match char {
        '\u{200c}' => letter,
        '\u{200d}' => letter || before == '\u{fe0f}',
        '\u{fe0e}' | '\u{fe0f}' => letter || matches!(before, '0'..='9' | '#' | '*'),
        _ => false,
    }
}

/// JSON text with `\uXXXX` in place of hidden characters and of blanks that are no spaces. Its value stays equal.
///
/// ```
/// use victor_text::json_escaped;
///
/// assert_eq!(json_escaped("{\"a\":\"\u{202e}\u{e0041}\"}"), r#"{"a":"\u202e\udb40\udc41"}"#);
/// ```
#[must_use]
pub fn json_escaped(json: &str) -> Cow<'_, str> {
    // Control characters before the space stand between values only, where an escape would be wrong.
    let hides = |char: char| char > ' ' && (is_hidden(char) || is_blank_lookalike(char));
    if !json.contains(hides) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len());
    for char in json.chars() {
        if hides(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}"); // writing to a `String` cannot fail
            }
        } else {
            shown.push(char);
        }
    }
    Cow::Owned(shown)
}

/// Removes hidden characters and surrounding blanks, and cuts the text after `max_bytes`. Line feeds and tabs stay. For
/// text that a model reads and a person does not.
#[must_use]
pub fn cleaned(text: &str, max_bytes: usize) -> String {
    let stays = |char: &char| matches!(char, '\n' | '\t') || !is_hidden(*char);
    let mut text: String = text.trim().chars().filter(stays).collect();
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes));
        text.push('…');
    }
    text
}

/// Escapes the characters for which `hides` returns true; it also gets the text behind the character.
fn replaced(text: &str, hides: impl Fn(char, &str) -> bool) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut done = 0;
    for (at, char) in text.char_indices() {
        let end = at + char.len_utf8();
        if hides(char, &text[end..]) {
            shown.push_str(&text[done..at]);
            shown.extend(char.escape_unicode());
            done = end;
        }
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(&text[done..]);
    Cow::Owned(shown)
}
