//! What a model can do.

use serde::{Deserialize, Serialize};

/// What a model can do, as far as its provider knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// How many tokens a request and its answer may have together; unknown if absent.
    pub context_window: Option<u64>,
    /// How many tokens an answer may have; unknown if absent.
    pub max_output_tokens: Option<u64>,
    /// Whether it calls tools.
    pub tools: bool,
    /// Whether it takes pictures.
    pub images: bool,
    /// Whether it takes documents.
    pub documents: bool,
    /// Whether it shows what it thinks.
    pub thinking: bool,
    /// Whether it can be held to a JSON Schema.
    pub structured_output: bool,
    /// Whether its provider caches prompts.
    pub prompt_caching: bool,
}
