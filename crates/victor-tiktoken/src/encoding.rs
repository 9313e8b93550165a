//! The tokenizers of models.

use victor_core::ModelId;

/// A tokenizer of OpenAI, together with how its models write a conversation down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Of GPT-4, GPT-3.5 and the embedding models.
    Cl100kBase,
    /// Of GPT-4o, GPT-4.1, o1, o3 and o4.
    O200kBase,
    /// Of GPT-5 and gpt-oss: texts as in [`O200kBase`](Self::O200kBase), messages in the form that is called Harmony.
    O200kHarmony,
}

impl Encoding {
    /// The encoding of a model, also of a dated, fine-tuned (`ft:gpt-4o:…`) or routed (`openai/gpt-4o`) one.
    ///
    /// # Errors
    ///
    /// The model is of none of the families that are known.
    pub fn for_model(model: &ModelId) -> Result<Self, UnknownModel> {
        let name = model.as_str();
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        let is_of = |family: &str| {
            name.strip_prefix(family).is_some_and(|rest| {
                family.ends_with('.') || rest.is_empty() || rest.starts_with(['-', ':', '@'])
            })
        };
        FAMILIES
            .iter()
            .find(|(family, _)| is_of(family))
            .map(|(_, encoding)| *encoding)
            .ok_or_else(|| UnknownModel {
                model: model.clone(),
            })
    }

    /// Returns the name that OpenAI gives it, for example `o200k_base`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cl100kBase => "cl100k_base",
            Self::O200kBase => "o200k_base",
            Self::O200kHarmony => "o200k_harmony",
        }
    }
}

/// The families of models. One that ends in a point stands for all its versions.
const FAMILIES: [(&str, Encoding); 17] = [
    ("gpt-5", Encoding::O200kHarmony),
    ("gpt-5.", Encoding::O200kHarmony),
    ("gpt-oss", Encoding::O200kHarmony),
    ("gpt-4o", Encoding::O200kBase),
    ("chatgpt-4o", Encoding::O200kBase),
    ("gpt-4.1", Encoding::O200kBase),
    ("gpt-4.5", Encoding::O200kBase),
    ("o1", Encoding::O200kBase),
    ("o3", Encoding::O200kBase),
    ("o4", Encoding::O200kBase),
    ("codex-mini", Encoding::O200kBase),
    ("gpt-4", Encoding::Cl100kBase),
    ("gpt-3.5", Encoding::Cl100kBase),
    // As Azure spells it.
    ("gpt-35", Encoding::Cl100kBase),
    ("text-embedding-3-small", Encoding::Cl100kBase),
    ("text-embedding-3-large", Encoding::Cl100kBase),
    ("text-embedding-ada-002", Encoding::Cl100kBase),
];

/// A model whose tokenizer is not known.
///
/// The message lists the families that are. Where the tokenizer is known all the same, as with a deployment of one's
/// own name, choose it with [`TiktokenCounter::new`](crate::TiktokenCounter::new).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tokenizer of model `{model}` is not known; known are {}",
    FAMILIES.map(|(family, _)| family).join(", ")
)]
#[non_exhaustive]
pub struct UnknownModel {
    /// The model that was asked for.
    pub model: ModelId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_encoding_of_its_family() {
        #[track_caller]
        fn check(encoding: Encoding, models: &[&str]) {
            for model in models {
                assert_eq!(Encoding::for_model(&ModelId::from(*model)), Ok(encoding));
            }
        }
        check(
            Encoding::O200kHarmony,
            &["gpt-5", "gpt-5-mini-2025-08-07", "gpt-5.1", "gpt-oss:20b"],
        );
        check(Encoding::O200kHarmony, &["openai/gpt-oss-120b"]);
        check(
            Encoding::O200kBase,
            &[
                "gpt-4o",
                "gpt-4o-2024-08-06",
                "chatgpt-4o-latest",
                "gpt-4.1",
            ],
        );
        check(
            Encoding::O200kBase,
            &["o1", "o3-mini", "o4-mini", "ft:gpt-4o-mini:org::id"],
        );
        check(
            Encoding::Cl100kBase,
            &["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo", "gpt-35-turbo"],
        );
        check(Encoding::Cl100kBase, &["text-embedding-3-large"]);
    }

    #[test]
    fn an_unknown_model_is_named_with_those_that_are_known() {
        for model in ["claude-sonnet-4-5", "o1x", "gpt-4.9", "gpt-50", ""] {
            let error = Encoding::for_model(&ModelId::from(model)).unwrap_err();
            let message = error.to_string();
            assert!(
                message.contains(model) && message.contains("gpt-4o"),
                "{message}"
            );
        }
    }
}
