//! Names that look alike and are not the same: a no-break space for a space, an accent as a character of its own.

use std::fmt::Write as _;

use unicode_normalization::UnicodeNormalization as _;
use victor_text::{is_blank_lookalike, is_hidden, json_escaped};

/// Number of bytes of a line that are quoted.
const MAX_QUOTED: usize = 200;

/// Folds a name into a form that names share which look alike: composed (NFC), with a space for every blank.
pub(crate) fn folded(name: &str) -> String {
    let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
    name.nfc().map(blank).collect()
}

/// Whether no other name looks like this one.
pub(crate) fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns the name with hidden characters and strange blanks as JSON writes them, so that they are seen.
pub(crate) fn visible(name: &str) -> String {
    escape(name, |c| is_hidden(c) || is_blank_lookalike(c))
}

/// Returns the name in ASCII, with all other characters as JSON writes them.
pub(crate) fn ascii(name: &str) -> String {
    escape(name, |c| !c.is_ascii() || c.is_control())
}

/// Returns the beginning of a line as a JSON string, so that its blanks and hidden characters are seen.
pub(crate) fn quoted(line: &str) -> String {
    let shown = &line[..line.floor_char_boundary(MAX_QUOTED)];
    let cut = if shown.len() < line.len() { "…" } else { "" };
    let json = serde_json::Value::from(shown).to_string();
    format!("{}{cut}", json_escaped(&json))
}

fn escape(name: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if !is_escaped(c) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(text, "\\u{unit:04x}"); // writing to a `String` cannot fail
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_folded_to_one() {
        assert_eq!(folded("9\u{202f}AM\u{a0}e\u{301}"), "9 AM é");
        assert_ne!(folded("a"), folded("A"));
        assert!(is_plain("a-b.rs") && !is_plain("a b") && !is_plain("é"));
    }

    #[test]
    fn a_quoted_line_shows_its_blanks_and_ends() {
        assert_eq!(quoted("\ta\u{a0}b\u{3164}\""), r#""\ta\u00a0b\u3164\"""#);
        assert_eq!(
            quoted(&"ä".repeat(101)),
            format!("\"{}\"…", "ä".repeat(100))
        );
    }

    #[test]
    fn what_is_not_seen_is_written_so_that_it_is() {
        assert_eq!(visible("a b\u{202f}é"), "a b\\u202fé");
        assert_eq!(ascii("e\u{301} 😀"), "e\\u0301 \\ud83d\\ude00");
    }
}
