//! Halves of surrogate pairs.

/// The escape of the character that stands for what cannot be read.
const REPLACEMENT: &str = "\\ufffd";

/// Repairs the JSON of a stream in which an escape names half of a surrogate pair.
///
/// Servers cut a text between two tokens, and so between the two escapes of one emoji. JSON parsers refuse such a half.
/// One at the end of a string is held back until the next event, which may begin with the other half; every other one
/// becomes U+FFFD.
///
/// ```
/// use victor_model_api::lenient::HalfPairs;
///
/// let mut halves = HalfPairs::default();
/// assert_eq!(halves.repair(r#"{"text":"A \ud83d"}"#).as_deref(), Some(r#"{"text":"A "}"#));
/// assert_eq!(halves.repair(r#"{"text":"\ude00 B"}"#).as_deref(), Some(r#"{"text":"\ud83d\ude00 B"}"#));
/// assert_eq!(halves.repair(r#"{"text":"\ud83d C"}"#).as_deref(), Some(r#"{"text":"\ufffd C"}"#));
/// ```
#[derive(Debug, Default)]
pub struct HalfPairs {
    /// The first half of a pair, whose other half may follow.
    held: Option<u16>,
}

impl HalfPairs {
    /// Returns an event that no parser could read in a form that one can; nothing if it has no half of a pair.
    pub fn repair(&mut self, json: &str) -> Option<String> {
        repair(json, Some(&mut self.held))
    }

    /// Returns whether half of a pair was held back, and what comes next does not begin with the other half. It is
    /// forgotten then: U+FFFD stands for it, where the text was cut.
    pub fn is_lost(&mut self, next: &str) -> bool {
        self.held.is_some() && !begins_with_second_half(next) && self.held.take().is_some()
    }
}

/// Returns JSON with U+FFFD for every half of a surrogate pair; nothing if it has none.
#[must_use]
pub fn repaired(json: &str) -> Option<String> {
    repair(json, None)
}

/// Repairs JSON. `held` is the half that was held back, and takes the one that is to be held back now.
fn repair(json: &str, held: Option<&mut Option<u16>>) -> Option<String> {
    let holds = held.is_some();
    let mut none = None;
    let held = held.unwrap_or(&mut none);
    let mut before = held.take();
    let mut written = String::new();
    // Up to where everything is written.
    let mut done = 0;
    let mut next = 0;
    while let Some(found) = json[next..].find('\\') {
        let at = next + found;
        let Some(half @ 0xd800..=0xdfff) = escape(&json[at..]) else {
            // The character behind the backslash may be a backslash or a quote.
            let escaped = json[at + 1..].chars().next();
            next = at + 1 + escaped.map_or(0, char::len_utf8);
            continue;
        };
        next = at + 6;
        let is_first = half < 0xdc00;
        if is_first && matches!(escape(&json[next..]), Some(0xdc00..=0xdfff)) {
            next += 6;
            continue;
        }
        written.push_str(&json[done..at]);
        done = next;
        let (begins, ends) = (json[..at].ends_with('"'), json[next..].starts_with('"'));
        match before {
            Some(first) if !is_first && begins => {
                before = None;
                written.push_str(&format!("\\u{first:04x}\\u{half:04x}"));
            }
            _ if is_first && ends && holds && held.is_none() => *held = Some(half),
            _ => written.push_str(REPLACEMENT),
        }
    }
    (done > 0).then(|| written + &json[done..])
}

/// The unit of UTF-16 that an escape at the beginning of a text names.
fn escape(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // A sign is no digit.
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

/// Whether a string in some JSON begins with the second half of a pair.
fn begins_with_second_half(json: &str) -> bool {
    json.match_indices("\"\\u")
        .any(|(at, _)| matches!(escape(&json[at + 1..]), Some(0xdc00..=0xdfff)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn halves_are_replaced_and_pairs_are_kept() {
        let check = |json: &str, expected: Option<&str>| {
            assert_eq!(repaired(json).as_deref(), expected, "{json}");
            if let Some(expected) = expected {
                assert!(serde_json::from_str::<Value>(expected).is_ok());
            }
        };
        check(r#""plain""#, None);
        check(r#""\ud83d\ude00""#, None);
        check(r#""\\ud83d""#, None);
        check(r#""a\u00e9\n\"""#, None);
        check(r#""\ud83d""#, Some(r#""\ufffd""#));
        check(r#""\uDE00 é \uD83D\n""#, Some(r#""\ufffd é \ufffd\n""#));
        check(r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#));
        check(r#""\\\ud83d""#, Some(r#""\\\ufffd""#));
        // What is no JSON stays so, and nothing panics.
        check(r#""\u+12"#, None);
        check(r"\", None);
        check(r"\é\ud8", None);
    }

    #[test]
    fn a_pair_over_two_events_is_joined() {
        let mut halves = HalfPairs::default();
        let cut = halves.repair(r#"{"a":"x\ud83d","b":"\ud83d"}"#).unwrap();
        // Only one can be held back.
        assert_eq!(cut, r#"{"a":"x","b":"\ufffd"}"#);
        assert!(!halves.is_lost(r#"{"a":"\ude00"}"#));
        let next = halves.repair(r#"{"a":"\ude00y\ud83d"}"#).unwrap();
        assert_eq!(next, r#"{"a":"\ud83d\ude00y"}"#);
        assert!(halves.is_lost(r#"{"a":"z"}"#));
        assert!(!halves.is_lost(r#"{"a":"z"}"#));
        assert_eq!(halves.repair(r#"{"a":"z"}"#), None);
    }
}
