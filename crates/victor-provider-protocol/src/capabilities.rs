//! Capabilities of models.

use serde::{Deserialize, Serialize};

victor_core::open_string_enum! {
    /// The origin of a model's known capabilities, from the least to the most reliable.
    #[derive(Default)]
    pub enum CapabilitySource {
        /// It is assumed, because nothing is known of the model.
        #[default]
        Assumed = "assumed",
        /// It stands in the adapter's table.
        Table = "table",
        /// The provider said so.
        Provider = "provider",
        /// The provider told the window when it refused a request as too long; the rest came from elsewhere.
        Learned = "learned",
        /// The program or its user said so, which beats everything else.
        Declared = "declared",
    }
}

/// The capabilities of a model, as far as its provider knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Origin of this knowledge.
    pub source: CapabilitySource,
    /// Most tokens of a request and its answer together; unknown if absent.
    pub context_window: Option<u64>,
    /// Most tokens of an answer; unknown if absent.
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
