//! Small helps for sentences that a model or a person reads.

use serde_json::Value;
use victor_core::Effect;
use victor_text::{json_escaped, one_line, shortened};
use victor_tool_protocol::ApprovalRequest;

use crate::arguments;

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

/// The longest arguments that a question shows whole, in characters.
const SHOWN_ARGUMENTS: usize = 400;

/// What a person is asked about a call. The arguments are those that the tool will see, written anew; where they are
/// long, the question says how much of them it does not show.
pub(crate) fn question(request: &ApprovalRequest) -> String {
    let ApprovalRequest { call, spec, .. } = request;
    let shown = match arguments::parse(call, spec) {
        Ok(arguments) => json_escaped(&Value::Object(arguments).to_string()).into_owned(),
        // The executor has read them before.
        Err(_) => one_line(&call.arguments),
    };
    format!(
        "run `{}`, which {}, with {}?",
        spec.name,
        does(spec.effect),
        shortened(&shown, SHOWN_ARGUMENTS)
    )
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
}
