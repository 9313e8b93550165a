//! The names of the two versions of the conventions.

/// The conventions whose names are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conventions {
    /// The general semantic conventions, version 1.41: the last one that names generative AI, and the one that back
    /// ends know.
    #[default]
    V1_41,
    /// The semantic conventions for generative AI, version 0.1.0.
    GenAiV0_1,
}

impl Conventions {
    pub(crate) const fn schema_url(self) -> &'static str {
        match self {
            Self::V1_41 => "https://opentelemetry.io/schemas/1.41.0",
            // Version 0.1.0 has no schema file of its own; this is that of the version which it depends on.
            Self::GenAiV0_1 => "https://opentelemetry.io/schemas/1.45.0",
        }
    }

    /// The tokens that were written to the provider's prompt cache.
    pub(crate) const fn cache_write(self) -> &'static str {
        match self {
            Self::V1_41 => "gen_ai.usage.cache_creation.input_tokens",
            Self::GenAiV0_1 => "gen_ai.usage.cache_write.input_tokens",
        }
    }

    /// The metric of the duration of a model call.
    pub(crate) const fn call_duration(self) -> &'static str {
        match self {
            Self::V1_41 => "gen_ai.client.operation.duration",
            Self::GenAiV0_1 => "gen_ai.client.inference.duration",
        }
    }

    /// The metric of the time until the first piece of an answer.
    pub(crate) const fn first_chunk(self) -> &'static str {
        match self {
            Self::V1_41 => "gen_ai.client.operation.time_to_first_chunk",
            Self::GenAiV0_1 => "gen_ai.client.inference.time_to_first_chunk",
        }
    }
}

/// Returns the well-known value of `gen_ai.provider.name` for a provider, or else its own name.
pub(crate) fn provider_name(provider: &str) -> &str {
    match provider {
        "mistral" => "mistral_ai",
        "xai" | "grok" => "x_ai",
        "gemini" | "google" => "gcp.gemini",
        "vertex" | "vertexai" => "gcp.vertex_ai",
        "bedrock" => "aws.bedrock",
        "azure" | "azure-openai" => "azure.ai.openai",
        "moonshot" => "moonshot_ai",
        provider => provider,
    }
}

/// Returns the reason to stop in the words of the conventions' messages.
pub(crate) fn finish_reason(reason: &str) -> &str {
    match reason {
        "end_turn" | "stop_sequence" | "pause_turn" => "stop",
        "max_tokens" | "context_full" => "length",
        "tool_use" => "tool_call",
        "refusal" => "content_filter",
        reason => reason,
    }
}
