//! Usage of a call, in either dialect.

use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::debug;
use victor_core::Usage;
use victor_model_api::lenient::count;

/// The counts as they are sent. Each server has some of these fields, and some have both names of one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    /// Chat Completions says `prompt` and `completion`, the Responses API `input` and `output`.
    #[serde(deserialize_with = "count")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<InputDetails>,
    input_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    output_tokens_details: Option<OutputDetails>,
    /// DeepSeek's name for the cached tokens.
    #[serde(deserialize_with = "count")]
    prompt_cache_hit_tokens: Option<u64>,
    /// Kimi's.
    #[serde(deserialize_with = "count")]
    cached_tokens: Option<u64>,
    /// Mistral's.
    #[serde(deserialize_with = "count")]
    num_cached_tokens: Option<u64>,
    /// Those of servers between us and Anthropic.
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    /// Reasoning tokens that are not among the details.
    #[serde(deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
    /// Cohere puts the counts into an object of their own.
    tokens: Option<Box<WireUsage>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    #[serde(deserialize_with = "count")]
    cached_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    #[serde(deserialize_with = "count")]
    reasoning_tokens: Option<u64>,
}

/// Reads what was used; nothing if it is in no form that is known, since an answer is worth more than its count.
pub(crate) fn parse(raw: &RawValue) -> Option<Usage> {
    match serde_json::from_str::<WireUsage>(raw.get()) {
        Ok(usage) => usage.normalise(),
        Err(error) => {
            debug!(%error, "the usage of an answer could not be read");
            None
        }
    }
}

impl WireUsage {
    /// The counts, each token in one of them; nothing if neither the request nor the answer is counted.
    fn normalise(self) -> Option<Usage> {
        let input = self.prompt_tokens.or(self.input_tokens);
        let output = self.completion_tokens.or(self.output_tokens);
        if input.is_none() && output.is_none() {
            return self.tokens.and_then(|tokens| tokens.normalise());
        }
        let (mut input, mut output) = (input.unwrap_or(0), output.unwrap_or(0));
        let of_input = self
            .prompt_tokens_details
            .or(self.input_tokens_details)
            .unwrap_or_default();
        let of_output = self
            .completion_tokens_details
            .or(self.output_tokens_details)
            .unwrap_or_default();
        let cache_read = of_input
            .cached_tokens
            .or(self.prompt_cache_hit_tokens)
            .or(self.cached_tokens)
            .or(self.num_cached_tokens)
            .or(self.cache_read_input_tokens)
            .unwrap_or(0);
        let cache_write = of_input
            .cache_write_tokens
            .or(self.cache_creation_input_tokens)
            .unwrap_or(0);
        let mut reasoning = of_output
            .reasoning_tokens
            .or(self.reasoning_tokens)
            .unwrap_or(0);
        // What the sum has and its parts have not is the share of one that was not counted with it.
        let total = self.total_tokens.unwrap_or(0);
        let uncounted = total.saturating_sub(input.saturating_add(output));
        if uncounted > 0
            && uncounted != reasoning
            && uncounted == cache_read.saturating_add(cache_write)
        {
            input += uncounted;
        } else if uncounted > 0 {
            // The reasoning, with xAI and Gemini. Gemini does not say that it is.
            output += uncounted;
            reasoning = reasoning.max(uncounted);
        }
        let cache_read = cache_read.min(input);
        let cache_write = cache_write.min(input - cache_read);
        let mut usage = Usage::new(input - cache_read - cache_write, output);
        usage.cache_read = cache_read;
        usage.cache_write = cache_write;
        usage.reasoning = reasoning.min(output);
        Some(usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wire: &str, [input, cache_read, cache_write, output, reasoning]: [u64; 5]) {
        let usage = parse(serde_json::from_str(wire).unwrap()).unwrap();
        let mut expected = Usage::new(input, output);
        (expected.cache_read, expected.cache_write) = (cache_read, cache_write);
        expected.reasoning = reasoning;
        assert_eq!(usage, expected, "{wire}");
    }

    #[test]
    fn the_counts_are_disjoint() {
        check(
            r#"{"prompt_tokens":24,"completion_tokens":8}"#,
            [24, 0, 0, 8, 0],
        );
        check(
            r#"{"prompt_tokens":24,"completion_tokens":8,"prompt_tokens_details":null}"#,
            [24, 0, 0, 8, 0],
        );
        check(
            r#"{"prompt_tokens":4020,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":4000},
                "completion_tokens":4}"#,
            [12, 8, 4000, 4, 0],
        );
        check(
            r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":6},"output_tokens":7,
                "output_tokens_details":{"reasoning_tokens":5}}"#,
            [4, 6, 0, 7, 5],
        );
        check(
            r#"{"prompt_tokens":10,"prompt_cache_hit_tokens":3,"completion_tokens":1}"#,
            [7, 3, 0, 1, 0],
        );
    }

    #[test]
    fn a_share_is_no_larger_than_the_whole() {
        check(
            r#"{"prompt_tokens":5,"completion_tokens":10,
                "prompt_tokens_details":{"cached_tokens":9,"cache_write_tokens":9},
                "completion_tokens_details":{"reasoning_tokens":11}}"#,
            [0, 5, 0, 10, 10],
        );
    }

    #[test]
    fn every_vendor_counts_in_a_form_of_its_own() {
        // xAI: the reasoning is part of the sum only.
        check(
            r#"{"prompt_tokens":32,"completion_tokens":9,"total_tokens":357,
                "completion_tokens_details":{"reasoning_tokens":316}}"#,
            [32, 0, 0, 325, 316],
        );
        // Gemini: so it is, and is named nowhere.
        check(
            r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":40}"#,
            [10, 0, 0, 30, 25],
        );
        // OpenAI: the sum says nothing new.
        check(
            r#"{"prompt_tokens":10,"completion_tokens":8,"total_tokens":18,
                "completion_tokens_details":{"reasoning_tokens":5}}"#,
            [10, 0, 0, 8, 5],
        );
        // A server before Anthropic that leaves the cached tokens out of the request.
        check(
            r#"{"prompt_tokens":3,"completion_tokens":8,"total_tokens":111,
                "cache_read_input_tokens":60,"cache_creation_input_tokens":40}"#,
            [3, 60, 40, 8, 0],
        );
        // Kimi, Mistral.
        check(
            r#"{"prompt_tokens":10,"completion_tokens":1,"cached_tokens":4}"#,
            [6, 4, 0, 1, 0],
        );
        check(
            r#"{"prompt_tokens":10,"completion_tokens":1,"num_cached_tokens":4}"#,
            [6, 4, 0, 1, 0],
        );
        // Both names of one count, numbers of every form.
        check(
            r#"{"prompt_tokens":10.0,"input_tokens":10,"completion_tokens":"7","output_tokens":7,
                "total_tokens":null,"reasoning_tokens":2}"#,
            [10, 0, 0, 7, 2],
        );
        // Cohere.
        check(
            r#"{"billed_units":{"input_tokens":1},"tokens":{"input_tokens":10,"output_tokens":7}}"#,
            [10, 0, 0, 7, 0],
        );
        // A sum that is too small is wrong.
        check(
            r#"{"prompt_tokens":10,"completion_tokens":7,"total_tokens":7}"#,
            [10, 0, 0, 7, 0],
        );
    }

    #[test]
    fn what_is_no_usage_counts_nothing() {
        for wire in [r#""many""#, "{}", r#"{"prompt_tokens":-1}"#] {
            assert_eq!(parse(serde_json::from_str(wire).unwrap()), None, "{wire}");
        }
    }
}
