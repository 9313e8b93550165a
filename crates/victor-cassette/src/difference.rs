//! Differences between two requests.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// Number of characters of a value that are shown.
const SHOWN: usize = 120;
/// Number of equal characters that are shown before the difference between two texts.
const BEFORE: usize = 20;

/// The first difference between what was recorded and what was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Place, as a JSON pointer (RFC 6901).
    pointer: String,
    recorded: String,
    found: String,
}

impl Difference {
    /// The first difference, if there is one.
    pub(crate) fn first(recorded: &Value, found: &Value) -> Option<Self> {
        let mut pointer = String::new();
        let (recorded, found) = differing(Some(recorded), Some(found), &mut pointer)?;
        let same = match (recorded, found) {
            (Some(Value::String(recorded)), Some(Value::String(found))) => {
                let pairs = recorded.chars().zip(found.chars());
                pairs.take_while(|(one, other)| one == other).count()
            }
            _ => 0,
        };
        Some(Self {
            recorded: shown(recorded, same),
            found: shown(found, same),
            pointer,
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pointer,
            recorded,
            found,
        } = self;
        write!(f, "at `{pointer}` was {recorded}, and now is {found}")
    }
}

type Pair<'a> = (Option<&'a Value>, Option<&'a Value>);

/// The innermost values that differ, and the way to them.
fn differing<'a>(
    recorded: Option<&'a Value>,
    found: Option<&'a Value>,
    pointer: &mut String,
) -> Option<Pair<'a>> {
    let length = pointer.len();
    match (recorded, found) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            // The same message without a part that one of them has; names come in alphabetical order.
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                let pair = differing(one.get(key), other.get(key), pointer);
                if pair.is_some() {
                    return pair;
                }
                pointer.truncate(length);
            }
            None
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                pointer.push_str(&format!("/{index}"));
                let pair = differing(one.get(index), other.get(index), pointer);
                if pair.is_some() {
                    return pair;
                }
                pointer.truncate(length);
            }
            None
        }
        (one, other) if one == other => None,
        pair => Some(pair),
    }
}

/// A value as it is shown, beginning shortly before what differs.
fn shown(value: Option<&Value>, same: usize) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let skipped = match same.saturating_sub(BEFORE) {
        // As long as the mark that would take its place.
        1 => 0,
        skipped => skipped,
    };
    let text = match value {
        Value::String(text) if skipped > 0 => {
            let rest: String = text.chars().skip(skipped).collect();
            Value::from(format!("…{rest}")).to_string()
        }
        value => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(recorded: &Value, found: &Value, expected: &str) {
        let difference = Difference::first(recorded, found).unwrap();
        assert_eq!(difference.to_string(), expected);
    }

    #[test]
    fn the_first_difference_is_named() {
        let same = json!({"a": [1, {"b": "x"}]});
        assert_eq!(Difference::first(&same, &same.clone()), None);
        check(
            &same,
            &json!({"a": [1, {"b": "y"}]}),
            r#"at `/a/1/b` was `"x"`, and now is `"y"`"#,
        );
        check(
            &same,
            &json!({"a": [1]}),
            r#"at `/a/1` was `{"b":"x"}`, and now is nothing"#,
        );
        check(
            &same,
            &json!({"a": [1, {"b": "x"}], "~/": 2}),
            "at `/~0~1` was nothing, and now is `2`",
        );
        check(
            &same,
            &json!({"a": "x"}),
            r#"at `/a` was `[1,{"b":"x"}]`, and now is `"x"`"#,
        );
        check(
            &json!({"a": 1, "b": 1}),
            &json!({"a": 2, "b": 2}),
            "at `/a` was `1`, and now is `2`",
        );
    }

    #[test]
    fn of_long_texts_that_is_shown_which_differs() {
        let text = |end: &str| json!({"t": format!("{} {end}", "ä".repeat(100))});
        let same = "ä".repeat(BEFORE - 2);
        check(
            &text("x"),
            &text("y"),
            &format!(r#"at `/t` was `"…{same} x"`, and now is `"…{same} y"`"#)
                .replace(&same, &"ä".repeat(BEFORE - 1)),
        );
        let cut = format!("`\"{}…`", "z".repeat(SHOWN - 1));
        check(
            &json!({"t": "z".repeat(500)}),
            &json!({}),
            &format!("at `/t` was {cut}, and now is nothing"),
        );
    }
}
