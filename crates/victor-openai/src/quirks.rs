//! In what servers differ.

use victor_http::KeyHeader;
use victor_model_api::{Side, Turn};

/// In what servers differ that speak one dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quirks {
    /// Name of the limit on the length of an answer in Chat Completions.
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
    /// Whether roles must alternate, as chat templates of many models demand: instructions stand at the beginning
    /// alone, the user speaks first, and an answer stands between the results of tools and what the user says.
    pub strict_roles: bool,
    /// Form of the identifiers of calls in Chat Completions.
    pub call_ids: CallIdForm,
    /// The fields, as the text of an object, that the first call of an answer has in Chat Completions where the server
    /// itself has put none on its calls, as with those of another model.
    pub unsigned_call: Option<&'static str>,
    /// Whether the session is named as the key of the prompt cache.
    pub prompt_cache_key: bool,
    /// Whether the server holds any model to a JSON Schema in Chat Completions, whatever is known of the model. In the
    /// Responses API local servers pass over `text.format`, as llama.cpp does in version b11549.
    pub structured_output: bool,
    /// In which header the API key is sent.
    pub key_header: KeyHeader,
}

/// The name of the limit on the length of an answer.
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

/// The form of the identifiers of calls. Others are replaced, with their results.
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

/// The name of thoughts that are sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningField {
    /// `reasoning_content`.
    ReasoningContent,
    /// `reasoning`.
    Reasoning,
}

impl Quirks {
    /// Whether a conversation that begins with these turns needs something that the user said before it.
    pub(crate) fn lacks_user(&self, turns: &[Turn<'_>]) -> bool {
        let is_answer = |turn: &Turn<'_>| turn.side == Side::Assistant;
        self.strict_roles && turns.first().is_some_and(is_answer)
    }

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
        structured_output: false,
        key_header: KeyHeader::Bearer,
    };
}
