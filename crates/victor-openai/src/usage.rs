//! What a call used, in either dialect.

use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::debug;
use victor_core::Usage;

/// The counts as they are sent: Chat Completions says `prompt` and `completion`, the Responses API `input` and
/// `output`. The cached tokens are a share of the input.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    input_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    output_tokens: Option<u64>,
    prompt_tokens_details: Option<InputDetails>,
    input_tokens_details: Option<InputDetails>,
    completion_tokens_details: Option<OutputDetails>,
    output_tokens_details: Option<OutputDetails>,
    /// DeepSeek's name for the cached tokens.
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

/// Reads what was used; nothing if it is in no form that is known, since an answer is worth more than its count.
pub(crate) fn parse(raw: &RawValue) -> Option<Usage> {
    match serde_json::from_str::<WireUsage>(raw.get()) {
        Ok(usage) => Some(usage.normalise()),
        Err(error) => {
            debug!(%error, "the usage of an answer could not be read");
            None
        }
    }
}

impl WireUsage {
    fn normalise(self) -> Usage {
        let input = self.prompt_tokens.or(self.input_tokens).unwrap_or(0);
        let output = self.completion_tokens.or(self.output_tokens).unwrap_or(0);
        let of_input = self
            .prompt_tokens_details
            .or(self.input_tokens_details)
            .unwrap_or_default();
        let of_output = self
            .completion_tokens_details
            .or(self.output_tokens_details)
            .unwrap_or_default();
        let cached = of_input
            .cached_tokens
            .or(self.prompt_cache_hit_tokens)
            .unwrap_or(0);
        let cache_read = cached.min(input);
        let cache_write = of_input
            .cache_write_tokens
            .unwrap_or(0)
            .min(input - cache_read);
        let mut usage = Usage::new(input - cache_read - cache_write, output);
        usage.cache_read = cache_read;
        usage.cache_write = cache_write;
        usage.reasoning = of_output.reasoning_tokens.unwrap_or(0).min(output);
        usage
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
            r#"{"prompt_tokens":4020,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":4000},"completion_tokens":4}"#,
            [12, 8, 4000, 4, 0],
        );
        check(
            r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":6},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":5}}"#,
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
            r#"{"prompt_tokens":5,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":9,"cache_write_tokens":9},"completion_tokens_details":{"reasoning_tokens":11}}"#,
            [0, 5, 0, 10, 10],
        );
    }

    #[test]
    fn what_is_no_usage_counts_nothing() {
        assert_eq!(parse(serde_json::from_str(r#""many""#).unwrap()), None);
        assert_eq!(
            parse(serde_json::from_str(r#"{"prompt_tokens":-1}"#).unwrap()),
            None
        );
    }
}
