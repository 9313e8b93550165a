//! Known models.

use victor_provider_protocol::{Capabilities, CapabilitySource};

/// The models whose names begin alike.
struct Family {
    prefix: &'static str,
    window: u64,
    output: u64,
    can: &'static str,
}

/// `can` has one letter for each ability: **t**ools, **i**mages, **d**ocuments, thin**k**ing, **s**tructured output,
/// prompt **c**aching.
const fn family(prefix: &'static str, window: u64, output: u64, can: &'static str) -> Family {
    Family {
        prefix,
        window,
        output,
        can,
    }
}

/// By the documentation of November 2026. The first line whose prefix fits counts.
const FAMILIES: [Family; 23] = [
    family("gpt-5-chat", 128_000, 16_384, "tidsc"),
    family("gpt-5.4-mini", 400_000, 128_000, "tidksc"),
    family("gpt-5.4-nano", 400_000, 128_000, "tidksc"),
    family("gpt-5.4", 1_050_000, 128_000, "tidksc"),
    family("gpt-5.5", 1_050_000, 128_000, "tidksc"),
    family("gpt-5.6", 1_050_000, 128_000, "tidksc"),
    family("gpt-5", 400_000, 128_000, "tidksc"),
    family("gpt-4.1", 1_047_576, 32_768, "tidsc"),
    family("gpt-4o", 128_000, 16_384, "tidsc"),
    family("gpt-4-turbo", 128_000, 4_096, "ti"),
    family("gpt-4", 8_192, 8_192, "t"),
    family("gpt-3.5-turbo", 16_385, 4_096, "t"),
    family("gpt-oss-", 131_072, 131_072, "tks"),
    family("o1-mini", 128_000, 65_536, "k"),
    family("o1", 200_000, 100_000, "tidksc"),
    family("o3-mini", 200_000, 100_000, "tksc"),
    family("o3", 200_000, 100_000, "tidksc"),
    family("o4-mini", 200_000, 100_000, "tidksc"),
    family("codex-mini", 200_000, 100_000, "tiksc"),
    family("glm-4.5", 131_072, 98_304, "tkc"),
    family("glm-4", 200_000, 131_072, "tkc"),
    family("deepseek-reasoner", 131_072, 65_536, "tkc"),
    family("deepseek-chat", 131_072, 8_192, "tc"),
];

/// Returns the capabilities of a model. A model that is not in the table is assumed to call tools: one that cannot says
/// so, while one that is never asked to never does.
pub(crate) fn of(model: &str) -> Capabilities {
    let mut capabilities = Capabilities::default();
    capabilities.tools = true;
    // Routers put the maker before the name, as in `openai/gpt-4o`.
    let name = model.rsplit('/').next().unwrap_or(model);
    // And OpenAI a mark before that of a model which was trained further.
    let name = name.strip_prefix("ft:").unwrap_or(name);
    if let Some(family) = FAMILIES
        .iter()
        .find(|family| name.starts_with(family.prefix))
    {
        let can = |letter| family.can.contains(letter);
        capabilities.source = CapabilitySource::Table;
        capabilities.context_window = Some(family.window);
        capabilities.max_output_tokens = Some(family.output);
        capabilities.tools = can('t');
        capabilities.images = can('i');
        capabilities.documents = can('d');
        capabilities.thinking = can('k');
        capabilities.structured_output = can('s');
        capabilities.prompt_caching = can('c');
    }
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prefix_that_fits_counts() {
        let check = |model: &str, window, thinking| {
            let found = of(model);
            assert_eq!(
                (found.context_window, found.thinking),
                (window, thinking),
                "{model}"
            );
            assert!(found.tools, "{model}");
        };
        check("gpt-5.6-sol", Some(1_050_000), true);
        check("gpt-5-2025-08-07", Some(400_000), true);
        check("gpt-5-chat-latest", Some(128_000), false);
        check("openai/gpt-4o-mini", Some(128_000), false);
        check("ft:gpt-4o-mini:us:x", Some(128_000), false);
        check("openai/gpt-oss-120b", Some(131_072), true);
        check("tiny", None, false);
        assert!(!of("o1-mini").tools);
        assert_eq!(of("o1").source, CapabilitySource::Table);
        assert_eq!(of("tiny").source, CapabilitySource::Assumed);
    }

    #[test]
    fn no_line_hides_another() {
        for (index, family) in FAMILIES.iter().enumerate() {
            let mut earlier = FAMILIES[..index].iter();
            let hidden = earlier.any(|earlier| family.prefix.starts_with(earlier.prefix));
            assert!(!hidden, "{} is never found", family.prefix);
        }
    }
}
