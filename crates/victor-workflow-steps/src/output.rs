//! Outputs of steps.

use serde_json::{Value, json};
use victor_core::Part;

/// The output of a text: the text, and its value where it is JSON.
pub(crate) fn of_text(text: &str) -> Value {
    match json_in(text) {
        Some(value) => json!({ "text": text, "json": value }),
        None => json!({ "text": text }),
    }
}

/// The output of parts: that of their text, and those that are no texts.
pub(crate) fn of_parts(text: &str, parts: &[Part]) -> Value {
    let mut output = of_text(text);
    let others: Vec<_> = parts
        .iter()
        .filter(|part| !matches!(part, Part::Text(_)))
        .collect();
    if !others.is_empty() {
        output["content"] = json!(others);
    }
    output
}

/// The value of a text that is JSON, or one code block with JSON and nothing else.
fn json_in(text: &str) -> Option<Value> {
    let text = text.trim();
    let block = text
        .strip_prefix("```")
        .and_then(|text| text.strip_suffix("```"));
    let text = match block.and_then(|block| block.split_once('\n')) {
        Some(("" | "json", inner)) => inner,
        _ => text,
    };
    serde_json::from_str(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_found_where_the_text_is_nothing_else() {
        for (text, expected) in [
            ("{\"a\": 1}", Some(json!({ "a": 1 }))),
            (" [1]\n", Some(json!([1]))),
            ("```json\n{\"a\": 1}\n```", Some(json!({ "a": 1 }))),
            ("```\n2\n```\n", Some(json!(2))),
            ("```rust\n2\n```", None),
            ("It is {\"a\": 1}", None),
            ("", None),
            ("```", None),
        ] {
            assert_eq!(json_in(text), expected, "{text}");
        }
    }
}
