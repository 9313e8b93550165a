//! What helps where a provider fails.

use std::error::Error;

use victor_orchestrator::protocols::{
    ChatProvider as _, ContextError, LargestPart, ModelId, ProviderError, ProviderErrorKind,
};

use super::{ANTHROPIC_KEY, OPENAI_KEY, Source};

const SHORTEN: &str = "shorten the message, or begin anew with /reset";

/// How many names are shown.
const SHOWN: usize = 3;
/// From which similarity on, of 1, a name may be meant.
const SIMILAR: f64 = 0.5;

impl Source {
    /// What helps against an error. It may ask the provider which models there are.
    pub(crate) async fn advice(&self, error: &ProviderError, model: &ModelId) -> Option<String> {
        let is_ollama = matches!(self, Self::Ollama(_));
        match (self, &error.kind) {
            (_, ProviderErrorKind::ContextTooLong) => Some(SHORTEN.to_owned()),
            (Self::Offline | Self::Cassette, _) => None,
            (_, ProviderErrorKind::NotFound) => {
                let models = self.models().await.unwrap_or_default();
                let named = closest(model.as_str(), &models);
                Some(match named {
                    Some(named) => named,
                    None if is_ollama => format!("fetch it with `ollama pull {model}`"),
                    None => "see --model and --base-url".to_owned(),
                })
            }
            (Self::Anthropic(_), ProviderErrorKind::Authentication) => {
                Some(format!("see the key in {ANTHROPIC_KEY}"))
            }
            (Self::OpenAi(provider), ProviderErrorKind::Authentication) => {
                let server = victor_openai::Server::named(provider.name());
                let variable = server
                    .and_then(|server| server.key_variable)
                    .unwrap_or(OPENAI_KEY);
                Some(format!("see the key in {variable}"))
            }
            (_, ProviderErrorKind::Connection) if is_ollama => {
                Some("start it with `ollama serve`, or say where it is with OLLAMA_HOST".to_owned())
            }
            (_, ProviderErrorKind::Connection) => Some(
                "see that the server runs and can be reached; --base-url names another one"
                    .to_owned(),
            ),
            (_, ProviderErrorKind::AnswerTooLarge) => Some(
                "the model may be going round in circles: ask again, or another model".to_owned(),
            ),
            (_, ProviderErrorKind::Quota) => {
                Some("see the account's balance and limits".to_owned())
            }
            (_, ProviderErrorKind::RateLimit | ProviderErrorKind::Overloaded) => {
                Some("try again later".to_owned())
            }
            (_, ProviderErrorKind::Loading) => {
                Some("try again when the server has loaded the model".to_owned())
            }
            _ => None,
        }
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
    let wanted = wanted.to_lowercase();
    let score = |name: &str| {
        let name = name.to_lowercase();
        // A name without its tag or date is no typing error.
        if !wanted.is_empty() && name.starts_with(&wanted) {
            1.0
        } else {
            strsim::normalized_damerau_levenshtein(&wanted, &name)
        }
    };
    let mut scored: Vec<(f64, &str)> = models
        .iter()
        .map(|model| (score(model.as_str()), model.as_str()))
        .collect();
    // A stable order: names that are equally close come as the provider has them.
    scored.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let similar: Vec<&str> = scored
        .iter()
        .take(SHOWN)
        .filter(|(score, _)| *score > SIMILAR)
        .map(|(_, name)| *name)
        .collect();
    if !similar.is_empty() {
        return Some(format!("did you mean {}?", listed(&similar, " or ")));
    }
    let first: Vec<&str> = models.iter().take(SHOWN).map(ModelId::as_str).collect();
    match models.len() {
        0 => None,
        count if count > SHOWN => Some(format!(
            "it has {} and {} more",
            listed(&first, ", "),
            count - SHOWN
        )),
        _ => Some(format!("it has {}", listed(&first, " and "))),
    }
}

/// Names in a row, the last two joined by `last`.
fn listed(names: &[&str], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match &quoted[..] {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., end] => format!("{}{last}{end}", rest.join(", ")),
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
