//! Names of models like a given one.

use victor_openai::core;
use victor_orchestrator::core::ModelId;
use victor_text::listed;

/// Number of names that are shown.
const SHOWN: usize = 3;

/// The names that may have been meant, or some of those that there are.
pub(super) fn closest(wanted: &str, models: &[ModelId]) -> Option<String> {
    let names = || models.iter().map(ModelId::as_str);
    let wanted = wanted.to_lowercase();
    // A name without its tag or date is no typing error.
    let is_begun = |name: &&str| !wanted.is_empty() && name.to_lowercase().starts_with(&wanted);
    let mut similar: Vec<&str> = names().filter(is_begun).take(SHOWN).collect();
    while similar.len() < SHOWN
        && let Some(next) = core::closest(&wanted, names().filter(|name| !similar.contains(name)))
    {
        similar.push(next);
    }
    if !similar.is_empty() {
        return Some(format!("did you mean {}?", listed(similar, "or")));
    }
    match models.len() {
        0 => None,
        count if count > SHOWN => {
            let first: Vec<String> = names().take(SHOWN).map(|name| listed([name], "")).collect();
            let more = count - SHOWN;
            Some(format!("it has {} and {more} more", first.join(", ")))
        }
        _ => Some(format!("it has {}", listed(names(), "and"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &str, models: &[&str], expected: Option<&str>) {
        let models: Vec<ModelId> = models.iter().map(|&model| model.into()).collect();
        assert_eq!(closest(wanted, &models).as_deref(), expected);
    }

    #[test]
    fn the_closest_names_come_first() {
        let models = [
            "claude-opus-4-6",
            "claude-haiku-4-5",
            "claude-sonnet-4-5",
            "claude-sonnet-4-0",
        ];
        let expected =
            "did you mean `claude-sonnet-4-5`, `claude-sonnet-4-0` or `claude-opus-4-6`?";
        check("claude-sonet-4-5", &models, Some(expected));
        check(
            "QWEN3",
            &["qwen3:8b", "zzz"],
            Some("did you mean `qwen3:8b`?"),
        );
    }

    #[test]
    fn where_none_is_close_some_are_named() {
        check(
            "zzzz",
            &["a", "b", "c", "d", "e"],
            Some("it has `a`, `b`, `c` and 2 more"),
        );
        check("zzzz", &["a", "b"], Some("it has `a` and `b`"));
        check("zzzz", &["a"], Some("it has `a`"));
        check("zzzz", &[], None);
        check("", &["a", "b"], Some("it has `a` and `b`"));
    }
}
