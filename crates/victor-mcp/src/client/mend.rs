//! JSON that is nearly JSON.

use std::fmt::Write as _;

/// What is wrong with some servers' JSON, put right: halves of surrogate pairs, which become U+FFFD, and numbers that
/// JSON does not have, which become `null`.
///
/// A program in JavaScript or Python writes half of a pair where it has cut a text in the middle of an emoji, or read
/// the name of a file that is not UTF-8; one in Python writes `NaN`. Nothing if there is nothing of the kind.
pub(super) fn mended(text: &str) -> Option<String> {
    let mut written = String::new();
    // Up to where everything is written.
    let mut done = 0;
    for (token, at) in Tokens::of(text) {
        let place = match token {
            Token::Escape(unit @ 0xd800..=0xdfff) => {
                let pairs_with = |at: usize| Some((text.get(..at)?, unit_at(text.get(at..)?)?));
                let is_pair = match unit < 0xdc00 {
                    true => matches!(unit_at(&text[at + 6..]), Some(0xdc00..=0xdfff)),
                    false => {
                        at >= 6
                            && pairs_with(at - 6).is_some_and(|(before, unit)| {
                                // The backslash of the other half must not be escaped itself.
                                let backslashes = before.bytes().rev().take_while(|b| *b == b'\\');
                                (0xd800..0xdc00).contains(&unit) && backslashes.count() % 2 == 0
                            })
                    }
                };
                match is_pair {
                    true => continue,
                    false => (at..at + 6, "\\ufffd"),
                }
            }
            Token::Word(word @ ("NaN" | "Infinity" | "-Infinity")) => (at..at + word.len(), "null"),
            _ => continue,
        };
        let (range, replacement) = place;
        let _ = write!(written, "{}{replacement}", &text[done..range.start]); // cannot fail
        done = range.end;
    }
    (done > 0).then(|| written + &text[done..])
}

/// The `id` of a message that is no JSON, as far as it can be seen: a number or a string at the top.
pub(super) fn id_of_broken(text: &str) -> Option<serde_json::Value> {
    let mut depth = 0;
    let mut is_named = false;
    for (token, at) in Tokens::of(text) {
        let is_value = || text[..at].trim_end().ends_with(':');
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            Token::Colon | Token::Escape(_) => {}
            Token::Text(value) | Token::Word(value) if is_named && is_value() => {
                return serde_json::from_str(value).ok();
            }
            Token::Text(name) => is_named = depth == 1 && name == "\"id\"" && !is_value(),
            Token::Word(_) => is_named = false,
        }
    }
    None
}

enum Token<'a> {
    Open,
    Close,
    Colon,
    /// A string with its quotes, after the escapes in it.
    Text(&'a str),
    /// The unit of UTF-16 that an escape in a string names.
    Escape(u16),
    /// Something else, such as a number.
    Word(&'a str),
}

/// The tokens of JSON, with where each begins, as far as they can be told from one another.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// Where the string begins that is being read.
    string: Option<usize>,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a str) -> Self {
        let (at, string) = (0, None);
        Self { text, at, string }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (Token<'a>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at;
            let rest = &self.text[at..];
            if let Some(start) = self.string {
                let found = at + rest.find(['"', '\\'])?;
                let rest = &self.text[found..];
                if rest.starts_with('"') {
                    self.string = None;
                    self.at = found + 1;
                    return Some((Token::Text(&self.text[start..=found]), start));
                }
                if let Some(unit) = unit_at(rest) {
                    self.at = found + 6;
                    return Some((Token::Escape(unit), found));
                }
                // The character behind the backslash may be a backslash or a quote.
                self.at = found + 1 + rest[1..].chars().next()?.len_utf8();
                continue;
            }
            let first = rest.chars().next()?;
            self.at += first.len_utf8();
            return Some(match first {
                '"' => {
                    self.string = Some(at);
                    continue;
                }
                '{' | '[' => (Token::Open, at),
                '}' | ']' => (Token::Close, at),
                ':' => (Token::Colon, at),
                ',' => continue,
                char if char.is_whitespace() => continue,
                _ => {
                    let is_end = |char: char| {
                        char.is_whitespace()
                            || matches!(char, ',' | ':' | '{' | '}' | '[' | ']' | '"')
                    };
                    let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
                    self.at = at + word.len();
                    (Token::Word(word), at)
                }
            });
        }
    }
}

/// The unit of UTF-16 that an escape at the beginning of a text names.
fn unit_at(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit()); // a sign is none
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_json_cannot_say_is_said_otherwise() {
        let check = |text: &str, expected: Option<Value>| {
            let mended = mended(text);
            let value = mended.map(|text| serde_json::from_str::<Value>(&text).unwrap());
            assert_eq!(value, expected, "{text}");
        };
        check(r#"{"a":"plain \n \\ud83d \u00e9"}"#, None);
        check(r#""\ud83d\ude00""#, None);
        check(r#""\udcff.txt""#, Some(json!("\u{fffd}.txt")));
        check(r#""é \uD83D!""#, Some(json!("é \u{fffd}!")));
        check(r#""\ud83d\ud83d\ude00""#, Some(json!("\u{fffd}😀")));
        check(r#""\\ud83d\ude00""#, Some(json!("\\ud83d\u{fffd}")));
        check(r#""\\\ud83d\ude00""#, None);
        check(
            r#"{"a":NaN,"b":[-Infinity,Infinity ],"c":"NaN"}"#,
            Some(json!({ "a": null, "b": [null, null], "c": "NaN" })),
        );
        for broken in ["", "\"", "\\", "{\"a", r#""\u12"#, r#""\"#] {
            check(broken, None);
        }
    }

    #[test]
    fn the_id_of_broken_json_is_found() {
        let check = |text: &str, expected: Value| {
            assert_eq!(id_of_broken(text).unwrap_or_default(), expected, "{text}");
        };
        check(r#"{"jsonrpc":"2.0","id": 7,"result":{"#, json!(7));
        check(r#"{"result":{"id":1,"x":"id"},"id":"a\"b"#, json!(null));
        check(r#"{"result":{"id":1,"x":"id"},"id":"a\"b","#, json!("a\"b"));
        check(r#"{"x":"id","id":3 undefined}"#, json!(3));
        check("no message", json!(null));
        check("", json!(null));
    }
}
