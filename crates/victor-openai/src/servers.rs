//! The table of the servers that are known. It is the place for the next quirk of a vendor.
//!
//! Each row is by the vendor's documentation or by a recording, as of November 2026. What a row does not name is as
//! with [`Quirks::COMPATIBLE`].

use victor_http::KeyHeader;

use crate::{CallIdForm, Dialect, MaxTokensField, Quirks, ReasoningField, ReasoningReplay, Server};

/// `max_completion_tokens`, for servers that have retired the old name.
const NEW_LIMIT: Quirks = Quirks {
    max_tokens: MaxTokensField::MaxCompletionTokens,
    ..Quirks::COMPATIBLE
};

/// Servers on one's own machine run any model. They hold it to a schema by its grammar, and it finds its own
/// identifiers unchanged.
const LOCAL: Quirks = Quirks {
    call_ids: CallIdForm::Any,
    structured_output: true,
    ..Quirks::COMPATIBLE
};

/// Their models lose the thread, or fail, where they do not find what they thought before a call.
const THOUGHTS_REQUIRED: Quirks = Quirks {
    reasoning_replay: ReasoningReplay::Required(ReasoningField::ReasoningContent),
    ..Quirks::COMPATIBLE
};

impl Server {
    /// OpenAI itself, through the Responses API.
    pub const OPENAI: Self = Self {
        dialect: Dialect::Responses,
        quirks: Quirks {
            reasoning_replay: ReasoningReplay::Never,
            strict_roles: false,
            prompt_cache_key: true,
            ..NEW_LIMIT
        },
        ..hosted("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")
    };
    /// Models of OpenAI and others at Azure. Its address is that of one's own resource:
    /// `https://NAME.openai.azure.com/openai/v1`, or
    /// `https://NAME.openai.azure.com/openai/deployments/MODEL?api-version=2024-10-21`.
    /// See <https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle>.
    pub const AZURE: Self = Self {
        hosts: &[
            ".openai.azure.com",
            ".services.ai.azure.com",
            ".cognitiveservices.azure.com",
        ],
        quirks: Quirks {
            reasoning_replay: ReasoningReplay::Never,
            strict_roles: false,
            key_header: KeyHeader::Named("api-key"),
            ..NEW_LIMIT
        },
        ..hosted("azure", "", "AZURE_OPENAI_API_KEY")
    };
    /// Gemini, through Google's own Chat Completions: <https://ai.google.dev/gemini-api/docs/openai>. It refuses calls
    /// without a signature but for this one: <https://ai.google.dev/gemini-api/docs/thought-signatures>.
    pub const GEMINI: Self = Self {
        quirks: Quirks {
            unsigned_call: Some(
                r#"{"extra_content":{"google":{"thought_signature":"skip_thought_signature_validator"}}}"#,
            ),
            ..Quirks::COMPATIBLE
        },
        ..hosted(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "GEMINI_API_KEY",
        )
    };
    /// Mistral. It refuses every field that it does not know, `stream_options` and `max_completion_tokens` among them,
    /// and sends its counts unasked: <https://docs.mistral.ai/api>.
    pub const MISTRAL: Self = Self {
        quirks: Quirks {
            stream_options: false,
            call_ids: CallIdForm::Nine,
            ..Quirks::COMPATIBLE
        },
        ..hosted("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY")
    };
    /// Kimi, of Moonshot AI: <https://platform.moonshot.ai/docs/api/chat>. Its models read their own identifiers of
    /// calls in the prompt.
    pub const KIMI: Self = Self {
        hosts: &["api.moonshot.cn", "api.kimi.com"],
        quirks: Quirks {
            max_tokens: MaxTokensField::MaxCompletionTokens,
            call_ids: CallIdForm::Any,
            ..THOUGHTS_REQUIRED
        },
        ..hosted("kimi", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY")
    };
    /// GLM, of z.ai.
    pub const ZAI: Self = Self {
        hosts: &["open.bigmodel.cn"],
        ..hosted("zai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY")
    };
    /// MiniMax: <https://platform.minimax.io/docs/api-reference/text-openai-api>. Its thoughts stand in the text,
    /// between `<think>` and `</think>`; it tells them apart in the dialect of Anthropic.
    pub const MINIMAX: Self = Self {
        hosts: &["api.minimaxi.com"],
        quirks: NEW_LIMIT,
        ..hosted("minimax", "https://api.minimax.io/v1", "MINIMAX_API_KEY")
    };
    /// DeepSeek: <https://api-docs.deepseek.com/guides/thinking_mode>.
    pub const DEEPSEEK: Self = Self {
        quirks: THOUGHTS_REQUIRED,
        ..hosted("deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY")
    };
    /// Grok, of xAI: <https://docs.x.ai/docs/api-reference>. All of its models hold to a schema.
    pub const XAI: Self = Self {
        quirks: Quirks {
            structured_output: true,
            ..NEW_LIMIT
        },
        ..hosted("xai", "https://api.x.ai/v1", "XAI_API_KEY")
    };
    /// Groq. It sends its counts unasked.
    pub const GROQ: Self = Self {
        quirks: Quirks {
            stream_options: false,
            ..NEW_LIMIT
        },
        ..hosted("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY")
    };
    /// OpenRouter.
    pub const OPENROUTER: Self = Self {
        quirks: NEW_LIMIT,
        ..hosted(
            "openrouter",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
        )
    };
    /// Together: <https://docs.together.ai/docs/openai-api-compatibility>.
    pub const TOGETHER: Self = Self {
        hosts: &["api.together.ai"],
        ..hosted(
            "together",
            "https://api.together.xyz/v1",
            "TOGETHER_API_KEY",
        )
    };
    /// Fireworks: <https://docs.fireworks.ai/tools-sdks/openai-compatibility>. It holds any model to a schema.
    pub const FIREWORKS: Self = Self {
        quirks: Quirks {
            structured_output: true,
            ..Quirks::COMPATIBLE
        },
        ..hosted(
            "fireworks",
            "https://api.fireworks.ai/inference/v1",
            "FIREWORKS_API_KEY",
        )
    };
    /// Ollama on this machine.
    pub const OLLAMA: Self = local("ollama", "http://localhost:11434/v1");
    /// The server of llama.cpp on this machine. It fails over a message without a text.
    pub const LLAMA_CPP: Self = Self {
        quirks: Quirks {
            empty_content: true,
            ..LOCAL
        },
        ..local("llama.cpp", "http://localhost:8080/v1")
    };
    /// vLLM on this machine.
    pub const VLLM: Self = local("vllm", "http://localhost:8000/v1");
    /// LM Studio on this machine.
    pub const LM_STUDIO: Self = local("lm-studio", "http://localhost:1234/v1");
    /// A server of which nothing is known but its address, which is still to be set.
    pub const COMPATIBLE: Self = Self {
        quirks: Quirks::COMPATIBLE,
        ..local("openai-compatible", "")
    };

    /// All that are known.
    pub const ALL: [Self; 17] = [
        Self::OPENAI,
        Self::AZURE,
        Self::GEMINI,
        Self::MISTRAL,
        Self::KIMI,
        Self::ZAI,
        Self::MINIMAX,
        Self::DEEPSEEK,
        Self::XAI,
        Self::GROQ,
        Self::OPENROUTER,
        Self::TOGETHER,
        Self::FIREWORKS,
        Self::OLLAMA,
        Self::LLAMA_CPP,
        Self::VLLM,
        Self::LM_STUDIO,
    ];
}

const fn local(name: &'static str, base_url: &'static str) -> Server {
    Server {
        name,
        base_url,
        hosts: &[],
        key_variable: None,
        dialect: Dialect::ChatCompletions,
        quirks: LOCAL,
    }
}

const fn hosted(name: &'static str, base_url: &'static str, key_variable: &'static str) -> Server {
    Server {
        key_variable: Some(key_variable),
        quirks: Quirks::COMPATIBLE,
        ..local(name, base_url)
    }
}
