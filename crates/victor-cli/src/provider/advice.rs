//! Hints against errors of providers.

use std::error::Error;

use victor_orchestrator::context::{ContextError, LargestPart};
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{ProviderError, ProviderErrorKind};

use super::closest::closest;
use super::vendor::Source;

const SHORTEN: &str = "shorten the message, or begin anew with /reset";

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
