//! The servers that are known, and in what they differ.

/// A form of requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// `/chat/completions`, which every compatible server speaks.
    ChatCompletions,
    /// `/responses`, in which a model's reasoning goes back to it from call to call.
    Responses,
}

/// A server, and what is peculiar to it. It is data: take the one that is nearest and change what differs.
///
/// ```
/// use victor_openai::{OpenAiProvider, Quirks, Server};
///
/// let mut server = Server::COMPATIBLE;
/// server.name = "gateway";
/// server.base_url = "http://localhost:4000/v1";
/// server.quirks.stream_options = false;
/// let provider = OpenAiProvider::builder().server(server).build()?;
/// # Ok::<(), victor_provider_protocol::ProviderError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// The provider's name, for example `groq`. What one provider sealed, only a provider of that name is sent back.
    pub name: &'static str,
    /// Where its API is.
    pub base_url: &'static str,
    /// The variable of the environment that holds the key; none for servers that need no key.
    pub key_variable: Option<&'static str>,
    /// Which dialect is spoken with it.
    pub dialect: Dialect,
    /// In what it differs from others.
    pub quirks: Quirks,
}

/// In what servers differ that speak one dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// What the limit on the length of an answer is called in Chat Completions.
    pub max_tokens: MaxTokensField,
    /// Whether it is asked for usage at the end of a stream of Chat Completions. Those that are not asked send it
    /// anyway, or refuse to be asked.
    pub stream_options: bool,
    /// Whether a message without text that calls tools has an empty text, because the server fails over none.
    pub empty_content: bool,
    /// As whom the system prompt speaks in Chat Completions, and messages of the system in both dialects.
    pub instruction_role: InstructionRole,
    /// Whether the model's thoughts go back to it, as far as they can be read.
    pub reasoning_replay: ReasoningReplay,
    /// Whether roles must alternate, as chat templates of many models demand: instructions stand at the beginning alone,
    /// the user speaks first, and an answer stands between the results of tools and what the user says.
    pub strict_roles: bool,
    /// What the identifiers of calls must look like in Chat Completions.
    pub call_ids: CallIdForm,
    /// The fields, as the text of an object, that the first call of an answer has in Chat Completions where the server
    /// itself has put none on its calls, as with those of another model. Gemini refuses calls without a signature but for
    /// `{"extra_content":{"google":{"thought_signature":"skip_thought_signature_validator"}}}`:
    /// <https://ai.google.dev/gemini-api/docs/thought-signatures>.
    pub unsigned_call: Option<&'static str>,
    /// Whether the session is named as the key of the prompt cache.
    pub prompt_cache_key: bool,
}

/// What the limit on the length of an answer is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MaxTokensField {
    /// `max_tokens`, the old name, which most servers know.
    MaxTokens,
    /// `max_completion_tokens`, the new one.
    MaxCompletionTokens,
}

/// As whom the program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstructionRole {
    /// `system`, which all servers and models know.
    System,
    /// `developer`.
    Developer,
}

/// Whether the thoughts of a model go back to the server that sent them. What is sealed goes back in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningReplay {
    /// They do not, because the server refuses them, or keeps them itself.
    Never,
    /// They go back where they stood, which most servers read and none of the others refuses.
    AsReceived,
    /// The server wants them in this field of Chat Completions, and an empty text with calls for which there are none:
    /// <https://api-docs.deepseek.com/guides/thinking_mode>.
    Required(ReasoningField),
}

/// What the identifiers of calls must look like. Those that do not are written anew, with their results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallIdForm {
    /// At most 40 ASCII letters, digits, `_` and `-`, which every server takes that does not want [`Nine`](Self::Nine).
    Plain,
    /// At most 40 characters of any kind. Some models, as those of Kimi, read their own identifiers in the prompt, so
    /// that a server that takes them should find them unchanged.
    Any,
    /// Nine ASCII letters and digits, as Mistral and its chat templates want it.
    Nine,
}

/// What thoughts are called that go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningField {
    /// `reasoning_content`.
    ReasoningContent,
    /// `reasoning`.
    Reasoning,
}

impl Quirks {
    /// Those of a server of which nothing is known.
    pub const COMPATIBLE: Self = Self {
        max_tokens: MaxTokensField::MaxTokens,
        stream_options: true,
        empty_content: false,
        instruction_role: InstructionRole::System,
        reasoning_replay: ReasoningReplay::AsReceived,
        strict_roles: true,
        call_ids: CallIdForm::Plain,
        unsigned_call: None,
        prompt_cache_key: false,
    };

    const OPENAI: Self = Self {
        max_tokens: MaxTokensField::MaxCompletionTokens,
        reasoning_replay: ReasoningReplay::Never,
        strict_roles: false,
        prompt_cache_key: true,
        ..Self::COMPATIBLE
    };

    const MAX_COMPLETION_TOKENS: Self = Self {
        max_tokens: MaxTokensField::MaxCompletionTokens,
        ..Self::COMPATIBLE
    };

    const UNASKED_USAGE: Self = Self {
        stream_options: false,
        ..Self::MAX_COMPLETION_TOKENS
    };

    /// Whatever model runs there finds its identifiers unchanged.
    const LOCAL: Self = Self {
        call_ids: CallIdForm::Any,
        ..Self::COMPATIBLE
    };

    const EMPTY_CONTENT: Self = Self {
        empty_content: true,
        ..Self::LOCAL
    };

    /// Their models lose the thread, or fail, where they do not find what they thought before a call.
    const REASONING_CONTENT: Self = Self {
        reasoning_replay: ReasoningReplay::Required(ReasoningField::ReasoningContent),
        ..Self::COMPATIBLE
    };
}

impl Server {
    /// OpenAI itself, through the Responses API.
    pub const OPENAI: Self = Self {
        name: "openai",
        base_url: "https://api.openai.com/v1",
        key_variable: Some("OPENAI_API_KEY"),
        dialect: Dialect::Responses,
        quirks: Quirks::OPENAI,
    };
    /// Ollama on this machine.
    pub const OLLAMA: Self = Self {
        quirks: Quirks::LOCAL,
        ..Self::local("ollama", "http://localhost:11434/v1")
    };
    /// The server of llama.cpp on this machine.
    pub const LLAMA_CPP: Self = Self {
        quirks: Quirks::EMPTY_CONTENT,
        ..Self::local("llama.cpp", "http://localhost:8080/v1")
    };
    /// vLLM on this machine.
    pub const VLLM: Self = Self {
        quirks: Quirks::LOCAL,
        ..Self::local("vllm", "http://localhost:8000/v1")
    };
    /// LM Studio on this machine.
    pub const LM_STUDIO: Self = Self {
        quirks: Quirks::LOCAL,
        ..Self::local("lm-studio", "http://localhost:1234/v1")
    };
    /// Groq.
    pub const GROQ: Self = Self::hosted(
        "groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        Quirks::UNASKED_USAGE,
    );
    /// OpenRouter.
    pub const OPENROUTER: Self = Self::hosted(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        Quirks::MAX_COMPLETION_TOKENS,
    );
    /// DeepSeek.
    pub const DEEPSEEK: Self = Self::hosted(
        "deepseek",
        "https://api.deepseek.com",
        "DEEPSEEK_API_KEY",
        Quirks::REASONING_CONTENT,
    );
    /// z.ai.
    pub const ZAI: Self = Self::hosted(
        "zai",
        "https://api.z.ai/api/paas/v4",
        "ZAI_API_KEY",
        Quirks::COMPATIBLE,
    );
    /// A server of which nothing is known but its address, which is still to be set.
    pub const COMPATIBLE: Self = Self::local("openai-compatible", "");

    /// All that are known.
    pub const ALL: [Self; 9] = [
        Self::OPENAI,
        Self::OLLAMA,
        Self::LLAMA_CPP,
        Self::VLLM,
        Self::LM_STUDIO,
        Self::GROQ,
        Self::OPENROUTER,
        Self::DEEPSEEK,
        Self::ZAI,
    ];

    /// The server of this name, for example `ollama`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name == name)
    }

    /// The server at this address, or [`COMPATIBLE`](Self::COMPATIBLE) if none is known there.
    #[must_use]
    pub fn at(base_url: &str) -> Self {
        let host = |url: &str| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            rest.split('/')
                .next()
                .unwrap_or_default()
                .replace("127.0.0.1", "localhost")
        };
        let wanted = host(base_url.trim());
        let known = Self::ALL
            .into_iter()
            .find(|server| host(server.base_url) == wanted);
        known.unwrap_or(Self::COMPATIBLE)
    }

    const fn local(name: &'static str, base_url: &'static str) -> Self {
        Self {
            name,
            base_url,
            key_variable: None,
            dialect: Dialect::ChatCompletions,
            quirks: Quirks::COMPATIBLE,
        }
    }

    const fn hosted(
        name: &'static str,
        base_url: &'static str,
        key_variable: &'static str,
        quirks: Quirks,
    ) -> Self {
        Self {
            key_variable: Some(key_variable),
            quirks,
            ..Self::local(name, base_url)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_found_by_name_and_by_address() {
        for server in Server::ALL {
            assert_eq!(Server::named(server.name), Some(server));
            assert_eq!(Server::at(server.base_url), server);
        }
        assert_eq!(Server::named("nobody"), None);
        assert_eq!(Server::at("http://127.0.0.1:11434"), Server::OLLAMA);
        assert_eq!(Server::at("https://openai.example/v1"), Server::COMPATIBLE);
    }
}
