//! Arguments of calls in a form that every server accepts.

use std::borrow::Cow;

use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use crate::lenient::repaired;

/// Returns the arguments of a call as a JSON object: byte for byte where they are one.
///
/// Many servers refuse a history with arguments that are anything else. Then the object shows what the model wrote, so
/// that the model sees its mistake: `{"invalid_arguments": "..."}`. No text at all is an object without fields. Half of
/// a surrogate pair, which strict readers of JSON refuse too, becomes `\ufffd`.
///
/// ```
/// use victor_model_api::arguments;
///
/// assert_eq!(arguments(r#"{"path" : 1.0}"#).get(), r#"{"path" : 1.0}"#);
/// assert_eq!(arguments("").get(), "{}");
/// assert_eq!(arguments(r#"{"path":"#).get(), r#"{"invalid_arguments":"{\"path\":"}"#);
/// assert_eq!(arguments(r#"{"path":"\ud83d"}"#).get(), r#"{"path":"\ufffd"}"#);
/// ```
#[must_use]
pub fn arguments(written: &str) -> Cow<'_, RawValue> {
    let object = serde_json::from_str::<&RawValue>(written)
        .ok()
        .filter(|raw| raw.get().starts_with('{'));
    if let Some(object) = object {
        return match repaired(object.get()) {
            None => Cow::Borrowed(object),
            Some(whole) => RawValue::from_string(whole).map_or(Cow::Borrowed(object), Cow::Owned),
        };
    }
    let shown = match written.trim() {
        "" => json!({}),
        written => json!({ "invalid_arguments": written }),
    };
    // Neither can fail to become JSON.
    to_raw_value(&shown).map_or(Cow::Borrowed(RawValue::NULL), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_objects_whatever_was_written() {
        let check = |written: &str, sent: &str| {
            let found = arguments(written);
            assert_eq!(found.get(), sent);
            serde_json::from_str::<victor_core::JsonMap>(found.get()).unwrap();
        };
        check(r#" {"a" : 1.0}"#, r#"{"a" : 1.0}"#);
        check(" \n", "{}");
        check(r#"{"a":"#, r#"{"invalid_arguments":"{\"a\":"}"#);
        check(
            r#"{"a":1}{"a":1}"#,
            r#"{"invalid_arguments":"{\"a\":1}{\"a\":1}"}"#,
        );
        check("[1]", r#"{"invalid_arguments":"[1]"}"#);
        check("null", r#"{"invalid_arguments":"null"}"#);
        check(r#""{}""#, r#"{"invalid_arguments":"\"{}\""}"#);
        check("{'a': NaN}", r#"{"invalid_arguments":"{'a': NaN}"}"#);
        check(r"\ud83d", r#"{"invalid_arguments":"\\ud83d"}"#);
    }

    #[test]
    fn half_surrogates_are_replaced_and_whole_pairs_are_not() {
        let check = |written: &str, sent: &str| {
            let json = |text: &str| format!(r#"{{"a":"{text}"}}"#);
            assert_eq!(arguments(&json(written)).get(), json(sent));
        };
        check(r"\ud83d\ude00", r"\ud83d\ude00");
        check(r"\uD83D", r"\ufffd");
        check(r"x\ude00y", r"x\ufffdy");
        check(r"\ud83d\ud83d\ude00", r"\ufffd\ud83d\ude00");
        check(r"\ud83d\n\ude00", r"\ufffd\n\ufffd");
        check(r"\\ud83d é\\\ud83d", r"\\ud83d é\\\ufffd");
        let whole = r#"{"a":"\ud83d\ude00 \u00e9"}"#;
        assert!(matches!(arguments(whole), Cow::Borrowed(_)));
    }
}
