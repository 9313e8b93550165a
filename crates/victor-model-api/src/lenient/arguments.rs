//! The arguments of a call.

use serde_json::value::RawValue;

use super::repaired;

/// Returns the arguments of a call as the text of a JSON object, where it is plain what is meant: arguments that were
/// encoded once more than they should be are decoded, `null` stands for no arguments, and half of a surrogate pair
/// becomes U+FFFD. All else is returned as it came, so that no number is rounded and no byte changes.
///
/// ```
/// use victor_model_api::lenient::decoded_arguments;
///
/// assert_eq!(decoded_arguments(r#""{\"path\": \"d\"}""#.into()), r#"{"path": "d"}"#);
/// assert_eq!(decoded_arguments("null".into()), "{}");
/// assert_eq!(decoded_arguments(r#"{"id": 12345678901234567890123}"#.into()), r#"{"id": 12345678901234567890123}"#);
/// ```
#[must_use]
pub fn decoded_arguments(text: String) -> String {
    match text.trim() {
        "null" => "{}".to_owned(),
        encoded if encoded.starts_with('"') => decoded(encoded).unwrap_or(text),
        _ => repaired(&text).unwrap_or(text),
    }
}

/// Returns what a value says: a string its text, and every other value its JSON, for servers that send the arguments of
/// a call as an object and not as the text of one.
///
/// # Errors
///
/// The string has an escape that is none.
pub fn unquoted(value: &RawValue) -> serde_json::Result<String> {
    match value.get() {
        string if string.starts_with('"') => serde_json::from_str(string),
        other => Ok(other.to_owned()),
    }
}

/// The object in a text that was encoded as a string, once or more often.
fn decoded(encoded: &str) -> Option<String> {
    let inner = repaired(encoded);
    let inner: String = serde_json::from_str(inner.as_deref().unwrap_or(encoded)).ok()?;
    match inner.trim() {
        "" => Some("{}".to_owned()),
        text if text.starts_with(['{', '"']) || text == "null" => {
            let inner = decoded_arguments(inner);
            inner.trim_start().starts_with('{').then_some(inner)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_becomes_an_object_and_nothing_else_changes() {
        let check =
            |text: &str, expected: &str| assert_eq!(decoded_arguments(text.into()), expected);
        for same in [
            "",
            " ",
            "{",
            "[1]",
            "7",
            r#" {"a" : 1.0} "#,
            r#"{"a":18446744073709551616}"#,
            r#""text""#,
            r#""[1]""#,
            r#""unfinished"#,
            r#"{"a":"\ud83d\ude00"}"#,
        ] {
            check(same, same);
        }
        check(r#""""#, "{}");
        check(r#""null""#, "{}");
        check(r#" "{\"a\": 1}""#, r#"{"a": 1}"#);
        let twice = serde_json::to_string(r#""{\"a\":1}""#).unwrap();
        check(&twice, r#"{"a":1}"#);
        check(r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#);
        check(r#""{\"a\":\"\\ud83d\"}""#, r#"{"a":"\ufffd"}"#);
    }
}
