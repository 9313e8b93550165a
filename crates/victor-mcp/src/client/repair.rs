//! The repair of almost valid JSON.

use victor_model_api::lenient::repaired;

/// Repairs the known faults in servers' JSON: halves of surrogate pairs become U+FFFD, and numbers that JSON does not
/// have become `null`. Returns `None` if there is no such fault.
///
/// A program in JavaScript or Python writes half of a pair where it has cut a text in the middle of an emoji, or read
/// the name of a file that is not UTF-8; one in Python writes `NaN`.
pub(super) fn repaired_json(text: &str) -> Option<String> {
    let paired = repaired(text);
    let text = paired.as_deref().unwrap_or(text);
    let mut written = String::new();
    // Up to where everything is written.
    let mut done = 0;
    for (token, at) in Tokens::of(text) {
        if let Token::Word(word @ ("NaN" | "Infinity" | "-Infinity")) = token {
            written += &text[done..at];
            written += "null";
            done = at + word.len();
        }
    }
    match done {
        0 => paired,
        _ => Some(written + &text[done..]),
    }
}

/// Finds the `id` of a message that is not JSON: a number or a string at the top level.
pub(super) fn id_of_broken(text: &str) -> Option<serde_json::Value> {
    let mut depth = 0;
    let mut is_named = false;
    for (token, at) in Tokens::of(text) {
        let is_value = || text[..at].trim_end().ends_with(':');
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            Token::Colon => {}
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
    /// A string with its quotes.
    Text(&'a str),
    /// Something else, such as a number.
    Word(&'a str),
}

/// The tokens of JSON, with where each begins, as far as they can be told from one another.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
    /// The start of the string that is being read.
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn known_faults_are_repaired() {
        let check = |text: &str, expected: Option<Value>| {
            let repaired = repaired_json(text);
            let value = repaired.map(|text| serde_json::from_str::<Value>(&text).unwrap());
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
