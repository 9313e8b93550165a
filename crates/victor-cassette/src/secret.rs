//! Recognition of keys.

use std::ops::Range;

/// Beginnings of the keys of well-known services, each with the least length of the rest.
const PREFIXES: [(&str, usize); 11] = [
    ("sk-", SHORTEST),
    ("sk_", 16),
    ("gsk_", 16),
    ("xai-", 16),
    ("hf_", 16),
    ("ghp_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("AIza", 16),
    ("AKIA", 16),
];

/// Endings of names whose values are secret, in lower case and with `_` for `-`.
const NAMES: [&str; 9] = [
    "api_key",
    "apikey",
    "access_key",
    "secret_key",
    "access_token",
    "auth_token",
    "refresh_token",
    "client_secret",
    "password",
];

/// A shorter value is no secret.
const SHORTEST: usize = 6;
/// So many letters and digits in a row are no word.
const LONGEST_WORD: usize = 15;
/// Most characters between a name and its value.
const LONGEST_SEPARATOR: usize = 8;

/// Finds what looks like a key, from left to right.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match secret_at(bytes, at) {
            Some(range) => {
                at = range.end;
                found.push(range);
            }
            None => at += 1,
        }
    }
    found
}

/// The secret that begins here, or whose name does. It begins and ends beside ASCII, so its ends are between
/// characters.
fn secret_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !bytes[at].is_ascii_alphabetic() || !begins_word(bytes, at) {
        return None;
    }
    let word = &bytes[at..run(bytes, at, is_word)];
    let end = at + word.len();
    let is_key = PREFIXES.iter().any(|(prefix, shortest)| {
        let rest = word.strip_prefix(prefix.as_bytes());
        rest.is_some_and(|rest| rest.len() >= *shortest && is_random(rest))
    });
    if is_key {
        return Some(at..end);
    }
    let value = if word.eq_ignore_ascii_case(b"bearer") {
        let start = run(bytes, end, |byte| byte == b' ');
        start..if start > end {
            run(bytes, start, is_token)
        } else {
            start
        }
    } else if is_name(word) {
        let start = run(bytes, end, is_separator);
        let separator = &bytes[end..start];
        let assigns = separator.iter().any(|byte| matches!(byte, b'=' | b':'));
        if !assigns || separator.len() > LONGEST_SEPARATOR {
            return None;
        }
        start..run(bytes, start, |byte| !ends_value(byte))
    } else {
        return None;
    };
    is_random(&bytes[value.clone()]).then_some(value)
}

/// Whether a word can begin here: also after a line break that is escaped, as in JSON.
fn begins_word(bytes: &[u8], at: usize) -> bool {
    match bytes[..at] {
        [.., b'\\', b'n' | b'r' | b't' | b'f' | b'b'] | [] => true,
        [.., before] => !before.is_ascii_alphanumeric(),
    }
}

fn is_name(word: &[u8]) -> bool {
    let same =
        |one: &u8, other: &u8| one.eq_ignore_ascii_case(other) || (*one == b'-' && *other == b'_');
    NAMES.iter().any(|name| {
        let start = word.len().checked_sub(name.len());
        start.is_some_and(|start| {
            word[start..]
                .iter()
                .zip(name.as_bytes())
                .all(|(one, other)| same(one, other))
        })
    })
}

/// Whether it is made by chance and not of words.
fn is_random(value: &[u8]) -> bool {
    let mut runs = value.split(|byte| !byte.is_ascii_alphanumeric());
    value.len() >= SHORTEST
        && (value.iter().any(u8::is_ascii_digit) || runs.any(|run| run.len() > LONGEST_WORD))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_token(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'"' | b'\'' | b'\\' | b':' | b'=')
}

fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"\"'`\\,;&(){}[]<>".contains(&byte)
}

/// Returns the end of a run of bytes of one sort.
fn run(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> usize {
    let rest = bytes[from..].iter();
    from + rest.take_while(|byte| is(**byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = find(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn keys_of_services_are_seen() {
        check("the key sk-ant-api03-x_Y is wrong", &["sk-ant-api03-x_Y"]);
        check("(sk-proj-abcdefghijklmnop)", &["sk-proj-abcdefghijklmnop"]);
        check(
            "gsk_0123456789abcdef,AKIAIOSFODNN7EXAMPLE1",
            &["gsk_0123456789abcdef", "AKIAIOSFODNN7EXAMPLE1"],
        );
        check(r"one\nsk-123456789\ttwo", &["sk-123456789"]);
        check("é sk-123456é", &["sk-123456"]);
    }

    #[test]
    fn tokens_are_seen() {
        check("Authorization: Bearer abc.def-12=", &["abc.def-12="]);
        check("BEARER  0123456789", &["0123456789"]);
    }

    #[test]
    fn values_of_telling_names_are_seen() {
        check("?api_key=abc123&x=1", &["abc123"]);
        check("OPENAI_API_KEY='äöü12345' next", &["äöü12345"]);
        check(r#"{"x-api-key": "abc123"}"#, &["abc123"]);
        check(r#"{\"password\":\"p4ss$word\"}"#, &["p4ss$word"]);
        check(
            "AccessToken=1 access_token: abcdefghijklmnopq",
            &["abcdefghijklmnopq"],
        );
    }

    #[test]
    fn what_people_and_programs_write_is_left_alone() {
        for text in [
            "task-1234567890",
            "sk-learn and sk-12",
            "pip install sk-learn-contrib",
            "Bearer authentication, Bearer {token}, bearer of news1234, Bearer",
            "api_key=settings.openai_api_key",
            r#"api_key=os.environ["KEY_1234"]"#,
            "api_key 12345678",
            "the api_key: none",
            "api_key=",
            "max_tokens=1000000",
            "hf_model_v2",
            "Bearer [redacted] api_key=[redacted]",
            "",
        ] {
            check(text, &[]);
        }
    }
}
