//! Takes out what is secret.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value};

use crate::secret;

/// Placeholder for a secret.
const PLACEHOLDER: &str = "[redacted]";

/// Takes out what looks like a key, and texts that are known to be secret.
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    known: Vec<String>,
}

impl Redactor {
    /// Takes this text out too. A blank one is none.
    pub(crate) fn add(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.known.push(text.to_owned());
        // The arguments of a tool call are JSON within a text.
        let escaped = Value::from(text).to_string();
        let escaped = &escaped[1..escaped.len() - 1];
        if escaped != text {
            self.known.push(escaped.to_owned());
        }
    }

    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let ranges = self.find(text);
        if ranges.is_empty() {
            return text.into();
        }
        cut(text, &ranges, 0..text.len()).into()
    }

    /// A text that came in pieces, which may have cut a secret: it is replaced where it begins.
    ///
    /// `parts` are what the pieces add up to, if they do: no secret goes from one into the next.
    pub(crate) fn pieces(&self, pieces: &mut [&mut String], parts: &[&str]) {
        let joined: String = pieces.iter().map(|piece| piece.as_str()).collect();
        let mut ranges = Vec::new();
        if parts.concat() == joined {
            self.find_in_each(parts, &mut ranges);
        } else {
            // Where parts begin is not known, and might be anywhere.
            ranges = self.find(&joined);
            self.find_in_each(pieces, &mut ranges);
            ranges = merged(ranges);
        }
        if ranges.is_empty() {
            return;
        }
        let mut at = 0;
        for piece in pieces {
            let window = at..at + piece.len();
            at = window.end;
            **piece = cut(&joined, &ranges, window);
        }
    }

    /// All texts of a value, apart from what must stay byte for byte.
    pub(crate) fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.text(text) {
                    *text = redacted;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => {
                let sealed = match map.get("type").and_then(Value::as_str) {
                    Some("thinking") => Some("signature"),
                    Some("opaque") => Some("data"),
                    _ => None,
                };
                for (key, value) in map.iter_mut() {
                    if Some(key.as_str()) != sealed {
                        self.value(value);
                    }
                }
                if map.keys().any(|key| !self.find(key).is_empty()) {
                    let entries = std::mem::take(map).into_iter();
                    let redacted =
                        entries.map(|(key, value)| (self.text(&key).into_owned(), value));
                    *map = redacted.collect::<Map<_, _>>();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut ranges = secret::find(text);
        for known in &self.known {
            let found = text.match_indices(known.as_str());
            ranges.extend(found.map(|(start, known)| start..start + known.len()));
        }
        merged(ranges)
    }

    fn find_in_each(&self, texts: &[impl AsRef<str>], ranges: &mut Vec<Range<usize>>) {
        let mut at = 0;
        for text in texts {
            let found = self.find(text.as_ref()).into_iter();
            ranges.extend(found.map(|range| at + range.start..at + range.end));
            at += text.as_ref().len();
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// The ranges from left to right, those that overlap or touch made one.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Cuts the ranges out of a window of the text, with a placeholder at the beginning of each.
fn cut(text: &str, ranges: &[Range<usize>], window: Range<usize>) -> String {
    let mut left = String::new();
    let mut at = window.start;
    for range in ranges {
        if range.end <= window.start || range.start >= window.end {
            continue;
        }
        if range.start >= window.start {
            left.push_str(&text[at..range.start]);
            left.push_str(PLACEHOLDER);
        }
        at = range.end.min(window.end);
    }
    left.push_str(&text[at..window.end]);
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        for text in ["hush", " pass\"word\n", "  "] {
            redactor.add(text);
        }
        redactor
    }

    #[test]
    fn known_texts_and_keys_are_taken_out() {
        let check = |text: &str, expected: &str| assert_eq!(redactor().text(text), expected);
        check("nothing here", "nothing here");
        check("hush, hush", "[redacted], [redacted]");
        check("hushhush", "[redacted]");
        check(
            "api_key=hush123 and sk-hush123",
            "api_key=[redacted] and [redacted]",
        );
        check(
            r#"{"a": "pass\"word"} pass"word"#,
            r#"{"a": "[redacted]"} [redacted]"#,
        );
    }

    #[test]
    fn seals_stay_and_all_else_is_searched() {
        let mut value = json!({
            "hush": ["hush", 1, null, true],
            "thinking": {"type": "thinking", "text": "hush", "signature": "hush"},
            "opaque": {"type": "opaque", "kind": "hush", "data": "hush"},
            "other": {"type": "other", "signature": "hush", "data": "hush"},
        });
        redactor().value(&mut value);
        let expected = json!({
            "[redacted]": ["[redacted]", 1, null, true],
            "thinking": {"type": "thinking", "text": "[redacted]", "signature": "hush"},
            "opaque": {"type": "opaque", "kind": "[redacted]", "data": "hush"},
            "other": {"type": "other", "signature": "[redacted]", "data": "[redacted]"},
        });
        assert_eq!(value, expected);
    }

    #[track_caller]
    fn check_pieces(pieces: &[&str], parts: &[&str], expected: &[&str]) {
        let mut pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
        let mut borrowed: Vec<&mut String> = pieces.iter_mut().collect();
        redactor().pieces(&mut borrowed, parts);
        assert_eq!(pieces, expected);
    }

    #[test]
    fn a_secret_in_pieces_is_taken_out_where_it_begins() {
        check_pieces(
            &["a hu", "s", "h b", "c"],
            &["a hush bc"],
            &["a [redacted]", "", " b", "c"],
        );
        check_pieces(
            &["no ta", "sk-1234567"],
            &["no task-1234567"],
            &["no ta", "sk-1234567"],
        );
        check_pieces(
            &["one", "sk-1234567"],
            &["one", "sk-1234567"],
            &["one", "[redacted]"],
        );
        // An answer that was cut: what its parts would have been is not known.
        check_pieces(
            &["one", "sk-1234567", "8 h", "ush"],
            &[],
            &["one", "[redacted]", "8 [redacted]", ""],
        );
        check_pieces(&[], &[], &[]);
    }

    proptest! {
        #[test]
        fn pieces_add_up_and_nothing_is_left(
            words in proptest::collection::vec(
                prop_oneof![
                    "[a-zé ]{0,6}", Just("hush".to_owned()), "sk-[0-9]{6,9}",
                    Just("api_key=x12345".to_owned())
                ],
                0..8,
            ),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let text = words.join(" ");
            let mut cuts: Vec<usize> = cuts
                .iter()
                .map(|cut| cut.index(text.len() + 1))
                .filter(|&cut| text.is_char_boundary(cut))
                .collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut pieces: Vec<String> = cuts.windows(2).map(|cut| text[cut[0]..cut[1]].to_owned()).collect();
            redactor().pieces(&mut pieces.iter_mut().collect::<Vec<_>>(), &[&text]);
            let redacted = redactor().text(&text).into_owned();
            prop_assert_eq!(pieces.concat(), &*redacted);
            prop_assert!(!redacted.contains("hush") && !redacted.contains("x12345"));
            prop_assert_eq!(redactor().text(&redacted), &*redacted);
        }
    }
}
