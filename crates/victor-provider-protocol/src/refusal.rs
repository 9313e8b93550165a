//! Details of a refusal.

use serde::{Deserialize, Serialize};
use victor_core::wire::Extra;

use crate::Completion;

/// The reasons that a provider gives for a refusal by the model or by a filter before it. All of them may be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The area of the provider's policy, for example `cyber`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The reason, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// A model that may answer the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_model: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Completion {
    /// Returns the reasons that the provider gives for a refusal; none if it gives none.
    ///
    /// It is read from the object `stop_details` among the provider's own fields, as Anthropic sends it:
    /// <https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback>.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let mut own = self.extra.iter().map(|(_, own)| own);
        let details = own.find_map(|own| own.get("stop_details"))?;
        let text = |field: &str| details.get(field)?.as_str().map(str::to_owned);
        let refusal = Refusal {
            category: text("category"),
            explanation: text("explanation"),
            recommended_model: text("recommended_model"),
            extra: Extra::default(),
        };
        (refusal != Refusal::default()).then_some(refusal)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use victor_core::Usage;

    use super::*;

    #[test]
    fn what_is_told_is_read_and_the_rest_is_absent() {
        let check = |own: Value, expected: Option<[Option<&str>; 3]>| {
            let mut completion = Completion::new("m".into(), Vec::new(), Usage::default());
            completion.extra.insert("anthropic", own);
            let found = completion.refusal();
            let found = found.as_ref().map(|refusal| {
                let Refusal {
                    category,
                    explanation,
                    recommended_model,
                    ..
                } = refusal;
                [category, explanation, recommended_model].map(Option::as_deref)
            });
            assert_eq!(found, expected);
        };
        let told = json!({"type": "refusal", "category": "cyber", "explanation": "No.", "recommended_model": "m-2"});
        check(
            json!({ "stop_details": told }),
            Some([Some("cyber"), Some("No."), Some("m-2")]),
        );
        let told = json!({"type": "refusal", "category": null, "explanation": "No."});
        check(
            json!({ "stop_details": told }),
            Some([None, Some("No."), None]),
        );
        check(json!({"stop_details": {"type": "refusal"}}), None);
        check(json!({"stop_details": null}), None);
        check(json!("stop_details"), None);
    }
}
