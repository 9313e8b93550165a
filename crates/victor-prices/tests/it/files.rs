//! Files of prices: what they say, and what is wrong with others.

use victor_prices::{LiteLlmPrices, PriceFile};

use crate::{NOW, cost, usage};

const FILE: &str = r#"
    [[price]]
    model = "acme-*"
    input = 1.0
    output = 2.0

    [[price]]
    provider = "acme"
    model = "acme-large"
    input = 3.0
    output = 15.0
    cache_read = 0.3
    cache_write = 3.75
    cache_write_1h = 6.0
    web_search = 10.0

    [[price]]
    provider = "acme"
    model = "acme-large"
    input = 6.0
    output = 22.5
    above = 200_000

    [[price]]
    provider = "acme"
    model = "acme-large"
    service_tier = "batch"
    input = 1.5
    output = 7.5

    [[price]]
    provider = "acme"
    model = "acme-large"
    from = "2027-01-01"
    input = 0.0
    output = 0.0
"#;

#[test]
fn rows_are_chosen_by_name_tier_time_and_size() {
    let file = PriceFile::from_toml(FILE).unwrap();
    let check = |provider, model, tier, at, usage, expected| {
        assert_eq!(cost(&file, provider, model, &usage, tier, at), expected);
    };
    let small = || usage(1000, 10, 0, 0, 0);
    check("other", "acme-large", None, NOW, small(), Some(1_020_000));
    check("acme", "acme-small", None, NOW, small(), Some(1_020_000));
    check("acme", "acme-large", None, NOW, small(), Some(3_150_000));
    check(
        "acme",
        "acme-large",
        Some("flex"),
        NOW,
        small(),
        Some(3_150_000),
    );
    check(
        "acme",
        "acme-large",
        Some("batch"),
        NOW,
        small(),
        Some(1_575_000),
    );
    check(
        "acme",
        "acme-large",
        None,
        "2027-01-01T00:00:00Z",
        small(),
        Some(0),
    );
    check("acme", "bcme", None, NOW, small(), None);
    let large = usage(1, 1, 200_000, 0, 0);
    check(
        "acme",
        "acme-large",
        None,
        NOW,
        large,
        Some(6_000 * 200_001 + 22_500),
    );
}

#[test]
fn each_share_has_its_rate_once() {
    let file = PriceFile::from_toml(FILE).unwrap();
    let cost = |usage| cost(&file, "acme", "acme-large", &usage, None, NOW);
    assert_eq!(cost(usage(1, 0, 0, 0, 0)), Some(3_000));
    assert_eq!(cost(usage(0, 1, 0, 0, 0)), Some(15_000));
    assert_eq!(cost(usage(0, 0, 1, 0, 0)), Some(300));
    assert_eq!(cost(usage(0, 0, 0, 1, 0)), Some(3_750));
    assert_eq!(cost(usage(0, 0, 0, 0, 1)), Some(6_000));
    assert_eq!(cost(usage(1, 1, 1, 1, 1)), Some(28_050));
    let mut searched = usage(0, 0, 0, 0, 0);
    searched
        .extra
        .insert("server_tool_use.web_search_requests", 2);
    assert_eq!(cost(searched), Some(20_000_000));
    let mut thoughtful = usage(0, 5, 0, 0, 0);
    thoughtful.reasoning = 5;
    assert_eq!(
        cost(thoughtful),
        Some(75_000),
        "reasoning is a part of the output"
    );
    assert_eq!(cost(usage(u64::MAX, u64::MAX, 0, 0, 0)), Some(u64::MAX));
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = PriceFile::from_toml(text).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_wrong_file_is_refused_with_the_row() {
    let row = |rest: &str| format!("[[price]]\nmodel = \"m\"\n{rest}");
    refused(&row("input = 1\n"), "missing field `output`");
    refused(
        &row("input = -1.0\noutput = 1.0\n"),
        "price 1 (m): `input` is -1, and a price is a number of dollars",
    );
    refused(&row("input = 1.0\noutput = nan\n"), "`output` is NaN");
    refused(
        &row("input = 1.0\noutput = 2e9\n"),
        "`output` is 2000000000",
    );
    refused(
        &row("input = 1.0\noutput = 1.0\ncached = 1.0\n"),
        "unknown field `cached`",
    );
    refused(
        &row("input = 1.0\noutput = 1.0\nfrom = \"soon\"\n"),
        "write a day such as 2026-06-01",
    );
    refused(
        "[[price]]\nmodel = \"\"\ninput = 1.0\noutput = 1.0\n",
        "`model` is empty",
    );
    refused("[[price]\n", "the prices cannot be read");
}

#[test]
fn prices_of_litellm() {
    let text = r#"{
        "sample_spec": {"input_cost_per_token": "none"},
        "m": {"litellm_provider": "acme", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06,
              "cache_read_input_token_cost": 1e-07, "cache_creation_input_token_cost": 1.25e-06,
              "cache_creation_input_token_cost_above_1hr": 2e-06,
              "input_cost_per_token_above_200k_tokens": 3e-06, "output_cost_per_token_above_200k_tokens": 4e-06,
              "input_cost_per_token_batches": 5e-07, "output_cost_per_token_batches": 1e-06},
        "gemini/m": {"litellm_provider": "gemini", "input_cost_per_token": 9e-06, "output_cost_per_token": 9e-06},
        "picture": {"litellm_provider": "acme", "output_cost_per_image": 0.02}
    }"#;
    let table = LiteLlmPrices::from_json(text).unwrap();
    let check = |provider, model, tier, usage, expected| {
        assert_eq!(cost(&table, provider, model, &usage, tier, NOW), expected);
    };
    check("acme", "m", None, usage(1, 1, 0, 0, 0), Some(3_000));
    check(
        "acme",
        "m",
        None,
        usage(0, 0, 1, 1, 1),
        Some(100 + 1_250 + 2_000),
    );
    check(
        "acme",
        "m",
        None,
        usage(200_001, 1, 0, 0, 0),
        Some(3_000 * 200_001 + 4_000),
    );
    check(
        "acme",
        "m",
        Some("batch"),
        usage(1, 1, 0, 0, 0),
        Some(1_500),
    );
    check("google", "m", None, usage(1, 0, 0, 0, 0), Some(9_000));
    check("other", "m", None, usage(1, 0, 0, 0, 0), None);
    check("acme", "picture", None, usage(1, 0, 0, 0, 0), None);

    let negative = r#"{"m": {"litellm_provider": "a", "input_cost_per_token": -1e-06, "output_cost_per_token": 0}}"#;
    let error = LiteLlmPrices::from_json(negative).unwrap_err().to_string();
    assert!(
        error.starts_with("m: `input_cost_per_token` is "),
        "{error}"
    );
    let word = r#"{"m": {"litellm_provider": "a", "input_cost_per_token": "free"}}"#;
    let error = LiteLlmPrices::from_json(word).unwrap_err().to_string();
    assert!(
        error.contains("\"free\", and a price is a number"),
        "{error}"
    );
    assert!(LiteLlmPrices::from_json("[]").is_err());
}
