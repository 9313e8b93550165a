//! Numbers in the refusal of a request that is too long.

/// The numbers that a server names when it refuses a request as too long for its model.
///
/// ```
/// use victor_model_api::Overflow;
///
/// let overflow = Overflow::of_text("prompt is too long: 213462 tokens > 200000 maximum");
/// assert_eq!((overflow.context_window, overflow.request_tokens), (Some(200_000), Some(213_462)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overflow {
    /// The most tokens that the server takes, if it says so.
    pub context_window: Option<u64>,
    /// The tokens of the refused request by the server's own count, if it says so. Some servers count the room for the
    /// answer with it.
    pub request_tokens: Option<u64>,
}

/// The words before and after the window. The first line that fits counts.
const WINDOW: &[(&str, &str)] = &[
    // OpenAI, Azure, vLLM, DeepSeek, OpenRouter: "This model's maximum context length is 8192 tokens."
    ("context length is ", ""),
    // Older vLLM: "the model's context length is only 4096 tokens".
    ("context length is only ", ""),
    // LM Studio: "loaded with context length of only 4096 tokens".
    ("context length of only ", ""),
    // SGLang: "maximum context length of 4096 tokens", "context length (4096 tokens)".
    ("context length of ", ""),
    ("context length (", ""),
    // Fireworks: "model maximum context length: 131071".
    ("context length: ", ""),
    // Mistral: "too large for model with 32768 maximum context length".
    ("model with ", " maximum context length"),
    // llama.cpp: "exceeds the available context size (1024 tokens)".
    ("context size (", " tokens"),
    // vLLM: "longer than the maximum model length of 4096".
    ("maximum model length of ", ""),
    // xAI: "maximum prompt length is 131072 but the request contains 537812 tokens".
    ("maximum prompt length is ", ""),
    // Gemini: "exceeds the maximum number of tokens allowed (1048576)".
    ("number of tokens allowed (", ""),
    // OpenAI's Responses API: "Input tokens exceed the configured limit of 272000 tokens."
    ("configured limit of ", " tokens"),
    // GitHub Copilot: "prompt token count of 128044 exceeds the limit of 128000".
    ("exceeds the limit of ", ""),
    // Kimi: "exceeded model token limit: 262144 (requested: 300000)".
    ("token limit: ", ""),
    // Together and text-generation-inference: "must be <= 4097. Given: 5000 `inputs` tokens".
    ("must be <= ", ""),
    // Cohere: "tokens in the prompt cannot exceed 4081 - received 4500".
    ("cannot exceed ", ""),
    // Cerebras: "Current length is 9000 while limit is 8192".
    ("while limit is ", ""),
    // Anthropic: "213462 tokens > 200000 maximum", "190000 + 20000 > 200000".
    ("> ", ""),
];

/// The words before and after the size of the request. The first line that fits counts.
const REQUEST: &[(&str, &str)] = &[
    // OpenAI: "your messages resulted in 9000 tokens".
    ("resulted in ", " tokens"),
    // OpenAI and vLLM: "you requested 4927 tokens (3927 in the messages, 1000 in the completion)".
    ("(", " in the messages"),
    // OpenRouter: "(160000 of text input, 10000 in the output)".
    ("(", " of text input"),
    // SGLang: "4000 tokens from the input messages".
    (": ", " tokens from the input messages"),
    ("you requested about ", " tokens"),
    ("you requested ", " tokens"),
    // vLLM: "your request has 100 input tokens", "You passed 4097 input tokens", "prompt (length 5000)".
    ("your request has ", ""),
    ("you passed ", " input tokens"),
    ("prompt (length ", ""),
    // The servers of the table above, in its order.
    ("keep the first ", " tokens"),
    ("input (", " tokens"),
    ("prompt contains ", " tokens"),
    ("request (", " tokens"),
    ("request contains ", " tokens"),
    ("token count (", ""),
    ("token count of ", ""),
    ("(requested: ", ""),
    ("given: ", ""),
    ("received ", ""),
    ("current length is ", ""),
    // Anthropic and Fireworks: "prompt is too long: 213462"; Anthropic: "exceed context limit: 190000 + 20000".
    ("too long: ", ""),
    ("context limit: ", " +"),
];

impl Overflow {
    /// Returns the numbers that the text of a refusal names.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let text = text.to_lowercase();
        let number = |lines: &[(&str, &str)]| {
            let mut found = lines.iter();
            found.find_map(|(before, after)| between(&text, before, after))
        };
        Self {
            context_window: number(WINDOW),
            request_tokens: number(REQUEST),
        }
    }
}

/// The first number that stands between these words.
fn between(text: &str, before: &str, after: &str) -> Option<u64> {
    text.match_indices(before).find_map(|(at, _)| {
        let rest = &text[at + before.len()..];
        let is_part = |c: char| c.is_ascii_digit() || c == ',';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let number = rest[..end].trim_end_matches(',').replace(',', "");
        if !rest[end..].starts_with(after) {
            return None;
        }
        number.parse().ok().filter(|number| *number > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_says_it_in_its_own_words() {
        let check = |text: &str, window: u64, request: u64| {
            let some = |number: u64| (number > 0).then_some(number);
            let found = Overflow::of_text(text);
            let found = (found.context_window, found.request_tokens);
            assert_eq!(found, (some(window), some(request)), "{text}");
        };
        check(
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens (8500 \
            in the messages, 500 in the functions).",
            8192,
            9000,
        );
        check(
            "This model's maximum context length is 4097 tokens. However, you requested 4927 tokens (3927 in the \
            messages, 1000 in the completion).",
            4097,
            3927,
        );
        check(
            "Input tokens exceed the configured limit of 272,000 tokens. Your messages resulted in 300,017 tokens.",
            272_000,
            300_017,
        );
        check(
            "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request has \
            100 input tokens (5000 > 4096 - 100).",
            4096,
            100,
        );
        check(
            "You passed 4097 input tokens and requested 0 output tokens. However, the model's context length is only \
            4096 tokens",
            4096,
            4097,
        );
        check(
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            4096,
            5000,
        );
        check(
            "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of \
            5000 tokens: 4000 tokens from the input messages and 1000 tokens for the completion.",
            4096,
            4000,
        );
        check(
            "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
            4096,
            5000,
        );
        check(
            "request (13810 tokens) exceeds the available context size (1024 tokens), try increasing it",
            1024,
            13_810,
        );
        check(
            "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with \
            context length of only 4096 tokens",
            4096,
            9000,
        );
        check(
            "This endpoint's maximum context length is 163840 tokens. However, you requested about 170000 tokens \
            (160000 of text input, 10000 in the output).",
            163_840,
            160_000,
        );
        check(
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            1_048_576,
            1_200_000,
        );
        check(
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            32_768,
            40_000,
        );
        check(
            "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
            131_072,
            537_812,
        );
        check(
            "Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)",
            262_144,
            300_000,
        );
        check(
            "prompt token count of 128044 exceeds the limit of 128000",
            128_000,
            128_044,
        );
        check(
            "The prompt is too long: 140000, model maximum context length: 131071",
            131_071,
            140_000,
        );
        check(
            "`inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 `inputs` tokens and 1000 `max_new_tokens`",
            4097,
            5000,
        );
        check(
            "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4500. Try using a \
            shorter prompt",
            4081,
            4500,
        );
        check(
            "Please reduce the length of the messages. Current length is 9000 while limit is 8192",
            8192,
            9000,
        );
        check(
            "prompt is too long: 213462 tokens > 200000 maximum",
            200_000,
            213_462,
        );
        check(
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length",
            200_000,
            190_000,
        );
        // A number that means something else is none.
        check("invalid params, context window exceeds limit (2013)", 0, 0);
        check("Your input exceeds the context window of this model.", 0, 0);
        check("the context length is 0", 0, 0);
    }
}
