//! The reasons to stop.

use victor_core::StopReason;
use victor_provider_protocol::ProviderErrorKind;

use Finish::{Failed, Stopped};
use ProviderErrorKind as Kind;
use StopReason::{ContextFull, EndTurn, MaxTokens, PauseTurn, Refusal, StopSequence, ToolUse};

/// The reason for which an answer ended, whoever says it in whichever words.
///
/// ```
/// use victor_core::StopReason;
/// use victor_model_api::lenient::Finish;
///
/// assert_eq!(Finish::of("MAX_TOKENS"), Finish::Stopped(StopReason::MaxTokens));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// The answer ended, and this is why. What nobody knows is [`StopReason::Other`].
    Stopped(StopReason),
    /// The server broke it off; the answer is not one.
    Failed(ProviderErrorKind),
}

/// The reasons that are known, in small letters.
const REASONS: &[(&str, Finish)] = &[
    // OpenAI, and nearly all after it.
    ("stop", Stopped(EndTurn)),
    ("tool_calls", Stopped(ToolUse)),
    ("function_call", Stopped(ToolUse)),
    ("length", Stopped(MaxTokens)),
    ("content_filter", Stopped(Refusal)),
    // The Responses API.
    ("completed", Stopped(EndTurn)),
    ("max_output_tokens", Stopped(MaxTokens)),
    // Anthropic, and servers between it and us.
    ("end_turn", Stopped(EndTurn)),
    ("stop_sequence", Stopped(StopSequence)),
    ("tool_use", Stopped(ToolUse)),
    ("max_tokens", Stopped(MaxTokens)),
    ("refusal", Stopped(Refusal)),
    ("pause_turn", Stopped(PauseTurn)),
    // Anthropic and z.ai.
    ("model_context_window_exceeded", Stopped(ContextFull)),
    // It paused after the summary that it was asked for, and goes on from it.
    ("compaction", Stopped(PauseTurn)),
    // Mistral.
    ("model_length", Stopped(ContextFull)),
    // Together, text-generation-inference.
    ("eos", Stopped(EndTurn)),
    ("eos_token", Stopped(EndTurn)),
    // vLLM and SGLang, where the request was cancelled on the server's side.
    ("abort", Failed(Kind::Server)),
    ("error", Failed(Kind::Server)),
    // DeepSeek.
    ("insufficient_system_resource", Failed(Kind::Overloaded)),
    // z.ai.
    ("sensitive", Stopped(Refusal)),
    ("network_error", Failed(Kind::Server)),
    // Gemini: <https://ai.google.dev/api/generate-content#FinishReason>.
    ("safety", Stopped(Refusal)),
    ("recitation", Stopped(Refusal)),
    ("language", Stopped(Refusal)),
    ("blocklist", Stopped(Refusal)),
    ("prohibited_content", Stopped(Refusal)),
    ("spii", Stopped(Refusal)),
    ("image_safety", Stopped(Refusal)),
    ("model_armor", Stopped(Refusal)),
    // The model wrote a call that its server could not read; the next answer may be better.
    ("malformed_function_call", Failed(Kind::Server)),
    ("unexpected_tool_call", Failed(Kind::Server)),
    // Cohere.
    ("complete", Stopped(EndTurn)),
    ("tool_call", Stopped(ToolUse)),
    ("error_limit", Stopped(ContextFull)),
    ("error_toxic", Stopped(Refusal)),
    ("timeout", Failed(Kind::Timeout)),
];

impl Finish {
    /// Returns what a reason means, in large or small letters.
    #[must_use]
    pub fn of(reason: &str) -> Self {
        let mut known = REASONS.iter();
        match known.find(|(name, _)| reason.eq_ignore_ascii_case(name)) {
            Some((_, finish)) => finish.clone(),
            None => Stopped(StopReason::from(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_every_vendor() {
        assert_eq!(Finish::of("STOP"), Stopped(EndTurn));
        assert_eq!(Finish::of("model_length"), Stopped(ContextFull));
        assert_eq!(Finish::of("SAFETY"), Stopped(Refusal));
        assert_eq!(Finish::of("network_error"), Failed(Kind::Server));
        let other = StopReason::Other("bored".into());
        assert_eq!(Finish::of("bored"), Stopped(other));
        for (index, (name, _)) in REASONS.iter().enumerate() {
            assert_eq!(*name, name.to_ascii_lowercase());
            let earlier = REASONS[..index].iter().any(|(known, _)| known == name);
            assert!(!earlier, "{name} stands twice");
        }
    }
}
