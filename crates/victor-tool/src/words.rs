//! Small helps for sentences that a model or a person reads.

use victor_core::Effect;
use victor_tool_protocol::ApprovalRequest;

/// The candidates that `name` was probably meant to be, best first, at most three.
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    // Longer names than any tool or argument has are not worth comparing, and comparing is quadratic.
    let name = name.chars().take(100).collect::<String>().to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::jaro_winkler(&name, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(score, _)| *score >= 0.8)
        .collect();
    scored.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    scored
        .into_iter()
        .take(3)
        .map(|(_, candidate)| candidate)
        .collect()
}

/// The names in backquotes with commas between them.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What a tool of this effect does, in a sentence about it.
pub(crate) fn does(effect: Effect) -> &'static str {
    match effect {
        Effect::ReadOnly => "only reads",
        Effect::Idempotent | Effect::Write => "changes something",
        Effect::Destructive => "may change something that cannot be brought back",
    }
}

/// What a person is asked about a call.
pub(crate) fn question(request: &ApprovalRequest) -> String {
    let ApprovalRequest { call, spec, .. } = request;
    let arguments = excerpt(&call.arguments, 2_000);
    format!(
        "run `{}`, which {}, with {arguments}?",
        spec.name,
        does(spec.effect)
    )
}

/// The beginning of a text in one line, so that what a model wrote does not come back at full length.
///
/// Characters that would move a terminal's cursor or turn the reading direction are escaped, so that a text shown to
/// a person cannot pretend to be another.
pub(crate) fn excerpt(text: &str, max_chars: usize) -> String {
    escaped(text, max_chars, |_| false)
}

/// The beginning of a text that may have lines and tabs, without what could deceive who reads it.
pub(crate) fn displayed(text: &str, max_chars: usize) -> String {
    escaped(text, max_chars, |char| char == '\n' || char == '\t')
}

fn escaped(text: &str, max_chars: usize, stays: impl Fn(char) -> bool) -> String {
    let mut shown = String::new();
    for (index, char) in text.chars().enumerate() {
        if index == max_chars {
            shown.push('…');
            break;
        }
        let turns = matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if turns || (char.is_control() && !stays(char)) {
            shown.extend(char.escape_unicode());
        } else {
            shown.push(char);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_names_come_first_and_strangers_not_at_all() {
        let names = ["write_file", "read_file", "weather"];
        assert_eq!(closest("readFile", names)[0], "read_file");
        assert_eq!(closest("WRITE_FILE", names)[0], "write_file");
        assert!(closest("zzz", names).is_empty());
        assert!(closest(&"x".repeat(1_000_000), names).is_empty());
    }

    #[test]
    fn an_excerpt_is_short_and_cannot_deceive() {
        assert_eq!(excerpt("äöü", 2), "äö…");
        assert_eq!(excerpt("a\u{1b}[2J", 9), "a\\u{1b}[2J");
        assert_eq!(excerpt("a\u{202e}b", 9), "a\\u{202e}b");
        assert_eq!(excerpt("a\n\tb", 9), "a\\u{a}\\u{9}b");
        assert_eq!(displayed("a\n\tb\r", 9), "a\n\tb\\u{d}");
    }
}
