//! Requests that a provider refused as too long.

use serde::{Deserialize, Serialize};
use victor_core::wire::Extra;
use victor_provider_protocol::ProviderError;

/// A request that its provider refused because it is too long, with the numbers that it told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TooLong {
    /// The words of the provider, with its name.
    pub message: String,
    /// The model's window in tokens, if the provider told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// The tokens of the request by the provider's count, if it told them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_tokens: Option<u64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl From<&ProviderError> for TooLong {
    fn from(error: &ProviderError) -> Self {
        Self {
            message: error.to_string(),
            context_window: error.context_window(),
            request_tokens: error.request_tokens(),
            extra: Extra::default(),
        }
    }
}
