//! Hints against errors of providers.

use std::error::Error;

use victor_openai::core;
use victor_orchestrator::context::{ContextError, LargestPart};
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{ProviderError, ProviderErrorKind};
use victor_text::listed;

use super::Source;

const SHORTEN: &str = "shorten the message, or begin anew with /reset";

/// Number of names that are shown.
const SHOWN: usize = 3;

impl Source {
    /// Returns a hint against an error. May ask the provider for its models.
    pub(crate) async fn advice(&self, error: &ProviderError, model: &ModelId) -> Option<String> {
        if error.kind == ProviderErrorKind::ContextTooLong {
            return Some(SHORTEN.to_owned());
        }
        // A recording fails as what was recorded did, and nothing helps against that.
        let vendor = self.vendor?;
        if error.kind == ProviderErrorKind::NotFound {
            let models = self.models().await.unwrap_or_default();
            if let Some(closest) = closest(model.as_str(), &models) {
                return Some(closest);
            }
        }
        (vendor.hint)(&error.kind, model).or_else(|| self.common_advice(&error.kind))
    }

    /// Returns the hint that holds for every provider.
    fn common_advice(&self, kind: &ProviderErrorKind) -> Option<String> {
        let advice = match kind {
            ProviderErrorKind::Authentication => {
                return Some(format!("see the key in {}", self.key_variable?));
            }
            ProviderErrorKind::NotFound => "see --model and --base-url",
            ProviderErrorKind::Connection => {
                "see that the server runs and can be reached; --base-url names another one"
            }
            ProviderErrorKind::AnswerTooLarge => {
                "the model may be going round in circles: ask again, or another model"
            }
            ProviderErrorKind::Quota => "see the account's balance and limits",
            ProviderErrorKind::RateLimit | ProviderErrorKind::Overloaded => "try again later",
            ProviderErrorKind::Loading => "try again when the server has loaded the model",
            _ => return None,
        };
        Some(advice.to_owned())
    }
}

/// Says what makes a conversation smaller that does not fit, beside what the error itself says.
pub(crate) fn too_large(source: &(dyn Error + 'static)) -> Option<&'static str> {
    let Some(ContextError::TooLarge(large)) = source.downcast_ref::<ContextError>() else {
        return Some(SHORTEN);
    };
    match large.largest_part() {
        LargestPart::Preamble => Some("--tools names the tools that are offered"),
        LargestPart::OtherMessages => Some("/reset begins anew"),
        _ => None,
    }
}

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
