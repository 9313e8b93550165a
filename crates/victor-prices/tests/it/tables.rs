//! The bundled table, and several tables as one.

use std::sync::Arc;

use victor_prices::protocol::{NanoDollars, Price, PriceQuery, PriceTable};
use victor_prices::{GenaiPrices, Layered, LiteLlmPrices, PriceFile};
use victor_testkit::conformance;

use crate::{NOW, cost, usage};

#[test]
fn the_bundled_table_knows_shares_lifetimes_steps_dates_and_tiers() {
    let table = GenaiPrices::bundled();
    let check = |provider, model, tier, at, usage, expected| {
        assert_eq!(
            cost(&table, provider, model, &usage, tier, at),
            expected,
            "{model}"
        );
    };
    // <https://platform.claude.com/docs/en/about-claude/pricing>: 2.00, 10.00, cache read 0.20, write 2.50 and 4.00.
    let all = || usage(1_000, 100, 10_000, 1_000, 500);
    let expected = 2_000_000 + 1_000_000 + 2_000_000 + 2_500_000 + 2_000_000;
    check(
        "anthropic",
        "claude-sonnet-5",
        None,
        NOW,
        all(),
        Some(expected),
    );
    check(
        "anthropic",
        "claude-sonnet-5",
        Some("batch"),
        NOW,
        usage(1_000_000, 0, 0, 0, 0),
        Some(1_000_000_000),
    );
    // A step at 272,000 tokens.
    check(
        "openai",
        "gpt-5.4",
        None,
        NOW,
        usage(1_000, 0, 0, 0, 0),
        Some(2_500_000),
    );
    check(
        "openai",
        "gpt-5.4",
        None,
        NOW,
        usage(300_000, 0, 0, 0, 0),
        Some(1_500_000_000),
    );
    // A price that has changed on a day.
    let day = |day| {
        cost(
            &table,
            "x-ai",
            "grok-4.20",
            &usage(1_000, 0, 0, 0, 0),
            None,
            day,
        )
    };
    assert_eq!(day("2026-04-29T00:00:00Z"), Some(2_000_000));
    assert_eq!(day("2026-05-01T00:00:00Z"), Some(1_250_000));
}

#[test]
fn the_tables_keep_the_laws() {
    let known = [
        ("anthropic", "claude-sonnet-5"),
        ("openai", "gpt-5.4"),
        ("deepseek", "deepseek-chat"),
    ];
    let unknown = [("openai", "no-such-model"), ("acme", "gpt-5.4")];
    conformance::price_table(&GenaiPrices::bundled(), &known, &unknown);
    let text = "[[price]]\nmodel = \"m-*\"\ninput = 1.0\noutput = 5.0\ncache_read = 0.1\n";
    let file = PriceFile::from_toml(text).unwrap();
    conformance::price_table(&file, &[("acme", "m-1")], &[("acme", "n")]);
    conformance::price_table(&Arc::new(file), &[("acme", "m-2")], &[("acme", "n")]);
    let text = r#"{"m": {"litellm_provider": "acme", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}}"#;
    let file = LiteLlmPrices::from_json(text).unwrap();
    conformance::price_table(&file, &[("acme", "m")], &[("acme", "n"), ("other", "m")]);
}

#[test]
fn an_unknown_price_is_unknown() {
    let table = GenaiPrices::bundled();
    let tokens = usage(1_000, 10, 0, 0, 0);
    assert_eq!(
        cost(&table, "openai", "no-such-model", &tokens, None, NOW),
        None
    );
    assert_eq!(
        cost(&table, "no-such-provider", "gpt-5.4", &tokens, None, NOW),
        None
    );
    assert_eq!(cost(&table, "ollama", "qwen3:8b", &tokens, None, NOW), None);
}

#[test]
fn tables_are_asked_in_order_and_a_panic_is_an_unknown_price() {
    #[derive(Debug)]
    struct Broken;
    impl PriceTable for Broken {
        fn name(&self) -> &str {
            "broken"
        }
        fn price(&self, _: &PriceQuery<'_>) -> Option<Price> {
            panic!("no prices today")
        }
    }
    let file = "[[price]]\nmodel = \"gpt-5.4\"\ninput = 1.0\noutput = 1.0\n";
    let file = Arc::new(PriceFile::from_toml(file).unwrap());
    let tables: [Arc<dyn PriceTable>; 3] =
        [Arc::new(Broken), file, Arc::new(GenaiPrices::bundled())];
    let layered = Layered::new(tables);
    let cost = |model| {
        cost(
            &layered,
            "openai",
            model,
            &usage(1_000, 0, 0, 0, 0),
            None,
            NOW,
        )
    };
    assert_eq!(cost("gpt-5.4"), Some(1_000_000));
    assert_eq!(cost("gpt-5"), Some(1_250_000));
    assert_eq!(cost("gpt-x"), None);
    assert_eq!(NanoDollars::ZERO.as_nanos(), 0);
}

#[test]
fn newer_prices_can_be_loaded() {
    let json = r#"[{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": [
        {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1, "output_mtok": 2}}]}]"#;
    let table = GenaiPrices::from_json(json).unwrap();
    assert_eq!(
        cost(&table, "acme", "m", &usage(1, 1, 0, 0, 0), None, NOW),
        Some(3_000)
    );
    assert!(
        GenaiPrices::from_json("{}")
            .unwrap_err()
            .to_string()
            .starts_with("the prices cannot be read")
    );
}
