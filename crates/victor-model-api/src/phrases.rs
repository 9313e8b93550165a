//! The classes of errors, by the words of servers that have no code for them.

use std::time::Duration;

use victor_provider_protocol::ProviderErrorKind;

use ProviderErrorKind as Kind;

/// The words by which an error is known whatever its status, in small letters. The first line that fits counts.
const ANYWHERE: &[(Kind, &[&str])] = &[
    (
        Kind::Quota,
        &[
            "insufficient balance",
            "insufficient_quota",
            "exceeded your current quota",
            "credit balance",
            "usage limits",
            "spend limit",
            "exceeded_current_quota_error", // Kimi
        ],
    ),
    (Kind::Overloaded, &["overloaded"]),
    (
        Kind::Loading,
        &[
            "loading model",     // llama.cpp, while it starts
            "model is loading",  // LM Studio
            "currently loading", // Hugging Face
        ],
    ),
];

/// The words by which a request that was refused for what it says is known.
const REFUSED: &[(Kind, &[&str])] = &[
    (
        Kind::ContextTooLong,
        &[
            "maximum context length", // OpenAI, vLLM, DeepSeek, OpenRouter, Mistral, SGLang
            "context length exceeded", // OpenAI
            "context window",         // OpenAI, MiniMax
            "context size",           // llama.cpp
            "exceed context",         // Anthropic
            "exceeds the context length", // Ollama
            "model's context length", // vLLM, SGLang
            "context length of only", // LM Studio
            "maximum model length",   // vLLM
            "maximum prompt length",  // xAI
            "maximum number of tokens allowed", // Gemini
            "input tokens exceed",    // OpenAI
            "token count exceeds",    // SGLang
            "model token limit",      // Kimi
            "prompt is too long",     // Anthropic, Fireworks, Ollama
            "prompt exceeds max length", // z.ai
            "input is too long",      // Bedrock
            "input length and `max_tokens` exceed", // Anthropic
            "reduce the length of",   // OpenAI, Groq, Cerebras
            "reduce your message size", // Groq, of one request that is larger than a minute's allowance
            "requested tokens",         // llama.cpp for Python
            "too many tokens",          // Cohere
            "`max_new_tokens` must be <=", // Together, text-generation-inference
            "is too large to process",  // llama.cpp, of a text to be embedded
            "too long to be embedded",
        ],
    ),
    (
        Kind::InvalidHistory,
        &[
            // Calls and results that do not belong together: OpenAI and nearly all after it.
            "messages with role 'tool' must be",
            "must be followed by tool messages",
            "did not have response messages",
            "no tool output found",
            "no tool call found",
            "tool_call_id",
            "insufficient tool messages",                 // DeepSeek
            "tool call result does not follow tool call", // MiniMax
            "tool result's tool id",                      // MiniMax
            "not the same number of function calls",      // Mistral
            "number of function response parts",          // Gemini
            "function call turn comes immediately after", // Gemini
            // Reasoning, and what is sealed: OpenAI.
            "without its required",
            "missing namespace for function_call",
            "encrypted content",
            "item with id",
            "must be passed back",           // DeepSeek
            "reasoning_content is missing",  // Kimi
            "missing a `thought_signature`", // Gemini
            "missing a thought_signature",
            "thought signature is not valid",
            // The order of roles: the templates of models, as vLLM and llama.cpp use them, and Mistral.
            "roles must alternate",
            "should alternate with",
            "expected last role",
            "unexpected role",
            "system message must be at the beginning",
            "only user and assistant roles",
            "only user, assistant",
        ],
    ),
    (
        Kind::InvalidRequest,
        &[
            "does not support", // llama.cpp says so with status 500 or 501
            "not supported",
            "unsupported",
            "not implemented",
        ],
    ),
];

/// Returns the class of an error by its text, where the text tells it. `refused` says that the request may have been
/// refused for what it says: its status, if it has one, is that of a wrong request or of a failure.
#[must_use]
pub fn class_of_text(text: &str, refused: bool) -> Option<ProviderErrorKind> {
    let text = text.to_lowercase();
    let lines = ANYWHERE.iter().chain(REFUSED.iter().filter(|_| refused));
    let mut fitting = lines.filter(|(_, phrases)| phrases.iter().any(|said| text.contains(said)));
    fitting.next().map(|(kind, _)| kind.clone())
}

/// Returns the class of an error by its code, where servers give codes that tell it.
#[must_use]
pub fn class_of_code(code: &str) -> Option<ProviderErrorKind> {
    Some(match code {
        "context_length_exceeded" | "exceed_context_size_error" | "request_too_large" => {
            Kind::ContextTooLong
        }
        "insufficient_quota"
        | "billing_hard_limit_reached"
        | "usage_limit_reached"
        | "billing_error"
        | "exceeded_current_quota_error" => Kind::Quota,
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "invalid_authentication_error"
        | "PERMISSION_DENIED"
        | "UNAUTHENTICATED" => Kind::Authentication,
        "model_not_found" | "not_found_error" | "resource_not_found_error" => Kind::NotFound,
        "rate_limit_exceeded" | "rate_limit_error" | "rate_limit_reached_error" => Kind::RateLimit,
        "overloaded_error" | "engine_overloaded_error" | "slow_down" => Kind::Overloaded,
        "timeout_error" | "vector_store_timeout" => Kind::Timeout,
        "not_supported_error" | "content_filter" | "failed_to_download_image" => {
            Kind::InvalidRequest
        }
        // The model wrote a call that its server could not read. The request was right, and the next answer to it may
        // be, too.
        "tool_use_failed" | "server_error" | "api_error" => Kind::Server,
        // OpenAI: `bio_policy`, `image_content_policy_violation`, `image_too_large`, `invalid_base64_image`, ...
        code if code.contains("policy") || code.contains("image") => Kind::InvalidRequest,
        _ => return None,
    })
}

/// Returns how long a text asks to wait: `try again in 1m11.5s`, `retry after 6 seconds`, `retry in 34.07s`. Where a
/// server says that its model is being loaded, and says no time, it is five seconds.
#[must_use]
pub fn delay_of_text(text: &str) -> Option<Duration> {
    let text = text.to_lowercase();
    let said = ["try again in ", "retry after ", "retry in ", "again after "];
    let asked = said.into_iter().find_map(|phrase| {
        let mut places = text.match_indices(phrase);
        places.find_map(|(at, _)| duration(&text[at + phrase.len()..]))
    });
    let loads = || text.contains("loading model") || text.contains("model is loading");
    asked.or_else(|| loads().then_some(Duration::from_secs(5)))
}

/// The duration at the beginning of a text, such as `1h2m3.5s`, `11.054s`, `320ms` or `6 seconds`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    let mut found = false;
    loop {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
        // A full stop may end the sentence.
        let Ok(number) = number.trim_end_matches('.').parse::<f64>() else {
            break;
        };
        let after = after.trim_start();
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, after) = after.split_at(unit_end.unwrap_or(after.len()));
        let factor = match unit {
            "ms" | "milliseconds" => 0.001,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3_600.0,
            _ => break,
        };
        seconds += number * factor;
        found = true;
        rest = after;
    }
    found.then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_every_server_tell_the_class() {
        let check =
            |text: &str, kind: Option<Kind>| assert_eq!(class_of_text(text, true), kind, "{text}");
        let history = Some(Kind::InvalidHistory);
        for text in [
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
            "Function call is missing a thought_signature in functionCall parts.",
            "Please ensure that the number of function response parts is equal to the number of function call parts",
            "Missing namespace for function_call 'x'. Round-trip the model's function_call item",
            "Conversation roles must alternate user/assistant/user/assistant/...",
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
            "Unexpected role 'user' after role 'tool'",
            "After the (optional) system message(s), user or tool message(s) should alternate with assistant \
            message(s).",
            "tool call result does not follow tool call (2013)",
            "The encrypted content for item rs_1 could not be verified.",
        ] {
            check(text, history.clone());
        }
        for text in [
            "the request exceeds the available context size",
            "input (6000 tokens) is too large to process. increase the physical batch size",
            "invalid params, context window exceeds limit (2013)",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "Your request exceeded model token limit: 262144",
        ] {
            check(text, Some(Kind::ContextTooLong));
        }
        check(
            "This model does not support tools",
            Some(Kind::InvalidRequest),
        );
        check("Loading model", Some(Kind::Loading));
        check(
            "Insufficient balance or no resource package",
            Some(Kind::Quota),
        );
        check("temperature must be positive", None);
        // A limit on the rate of tokens is no limit on the length of the context.
        assert_eq!(
            class_of_text("requested tokens exceed the limit", false),
            None
        );
    }

    #[test]
    fn codes_tell_the_class() {
        for (code, kind) in [
            ("bio_policy", Kind::InvalidRequest),
            ("image_too_large", Kind::InvalidRequest),
            ("invalid_base64_image", Kind::InvalidRequest),
            ("content_policy_violation", Kind::InvalidRequest),
            ("server_error", Kind::Server),
            ("vector_store_timeout", Kind::Timeout),
            ("engine_overloaded_error", Kind::Overloaded),
        ] {
            assert_eq!(class_of_code(code), Some(kind), "{code}");
        }
        assert_eq!(class_of_code("bored"), None);
    }

    #[test]
    fn times_to_wait_are_read_from_words() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(
                delay_of_text(text),
                millis.map(Duration::from_millis),
                "{text}"
            );
        };
        check("Please try again in 11.054s. Visit", Some(11_054));
        check("Please try again in 1m11.5s.", Some(71_500));
        check("try again in 320ms", Some(320));
        check("Please retry after 6 seconds.", Some(6_000));
        check("Please retry in 34.07s.", Some(34_070));
        check("Loading model", Some(5_000));
        check("try again in a moment", None);
        check("try again in 5", None);
        check("try again in 9999999999999999999999h", None);
        check("slow down", None);
    }
}
