//! Known models.

use victor_provider_protocol::{Capabilities, CapabilitySource};

/// The models whose names begin alike.
struct Family {
    prefix: &'static str,
    window: u64,
    output: u64,
    thinking: Thinking,
    structured_output: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Thinking {
    No,
    Yes,
    /// It binds its thoughts to everything that was said before them, and refuses them elsewhere.
    Bound,
}

const fn family(
    prefix: &'static str,
    window: u64,
    output: u64,
    thinking: Thinking,
    structured_output: bool,
) -> Family {
    Family {
        prefix,
        window,
        output,
        thinking,
        structured_output,
    }
}

/// By the provider's documentation of November 2026. The first line whose prefix fits counts.
const FAMILIES: [Family; 26] = [
    family(
        "claude-fable-5-1",
        1_000_000,
        128_000,
        Thinking::Bound,
        true,
    ),
    family(
        "claude-fable-5-2",
        1_000_000,
        128_000,
        Thinking::Bound,
        true,
    ),
    family(
        "claude-mythos-5-1",
        1_000_000,
        128_000,
        Thinking::Bound,
        true,
    ),
    family(
        "claude-mythos-5-2",
        1_000_000,
        128_000,
        Thinking::Bound,
        true,
    ),
    family("claude-opus-5-5", 1_000_000, 128_000, Thinking::Bound, true),
    family(
        "claude-sonnet-5-5",
        1_000_000,
        128_000,
        Thinking::Bound,
        true,
    ),
    family(
        "claude-haiku-5-5",
        1_000_000,
        128_000,
        Thinking::Bound,
        true,
    ),
    family("claude-fable-5", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-mythos", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-opus-5", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-sonnet-5", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-opus-4-8", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-opus-4-7", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-opus-4-6", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-sonnet-4-6", 1_000_000, 128_000, Thinking::Yes, true),
    family("claude-opus-4-5", 200_000, 64_000, Thinking::Yes, true),
    family("claude-sonnet-4-5", 200_000, 64_000, Thinking::Yes, true),
    family("claude-haiku-4-5", 200_000, 64_000, Thinking::Yes, true),
    family("claude-opus-4-1", 200_000, 32_000, Thinking::Yes, true),
    family("claude-opus-4", 200_000, 32_000, Thinking::Yes, false),
    family("claude-sonnet-4", 200_000, 64_000, Thinking::Yes, false),
    family("claude-3-7-sonnet", 200_000, 64_000, Thinking::Yes, false),
    family("claude-3-5-", 200_000, 8_192, Thinking::No, false),
    family("claude-3-", 200_000, 4_096, Thinking::No, false),
    // What is newer than this table is hardly less than the least of its time.
    family("claude-", 200_000, 32_000, Thinking::Yes, true),
    family("anthropic/claude-", 200_000, 32_000, Thinking::Yes, true),
];

/// Most tokens of an answer of an unknown model.
pub(crate) const UNKNOWN_OUTPUT: u64 = 4_096;

fn find(model: &str) -> Option<&'static Family> {
    FAMILIES
        .iter()
        .find(|family| model.starts_with(family.prefix))
}

/// Returns the capabilities of a model. A model that is not in the table is assumed to call tools.
pub(crate) fn of(model: &str) -> Capabilities {
    let mut capabilities = Capabilities::default();
    capabilities.tools = true;
    if let Some(family) = find(model) {
        capabilities.source = CapabilitySource::Table;
        capabilities.context_window = Some(family.window);
        capabilities.max_output_tokens = Some(family.output);
        capabilities.images = true;
        capabilities.documents = true;
        capabilities.thinking = family.thinking != Thinking::No;
        capabilities.structured_output = family.structured_output;
        capabilities.prompt_caching = true;
    }
    capabilities
}

/// Whether a model refuses its own thoughts once anything before them has changed.
pub(crate) fn binds_thinking(model: &str) -> bool {
    find(model).is_some_and(|family| family.thinking == Thinking::Bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_that_fits_counts() {
        let check = |model: &str, window: Option<u64>, output: Option<u64>, bound: bool| {
            let found = of(model);
            let found = (
                found.context_window,
                found.max_output_tokens,
                binds_thinking(model),
            );
            assert_eq!(found, (window, output, bound), "{model}");
        };
        check("claude-sonnet-5-5", Some(1_000_000), Some(128_000), true);
        check("claude-sonnet-5", Some(1_000_000), Some(128_000), false);
        check(
            "claude-opus-4-1-20250805",
            Some(200_000),
            Some(32_000),
            false,
        );
        check(
            "claude-sonnet-4-20250514",
            Some(200_000),
            Some(64_000),
            false,
        );
        check("claude-haiku-4-5", Some(200_000), Some(64_000), false);
        check("claude-3-5-haiku-latest", Some(200_000), Some(8_192), false);
        check("claude-opus-9", Some(200_000), Some(32_000), false);
        check("tiny", None, None, false);
        for (index, family) in FAMILIES.iter().enumerate() {
            let hidden = FAMILIES[..index]
                .iter()
                .find(|earlier| family.prefix.starts_with(earlier.prefix));
            assert!(hidden.is_none(), "{} is never found", family.prefix);
        }
    }
}
