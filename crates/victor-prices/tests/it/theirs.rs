//! Our costs beside those of others: genai-prices in Python, and LiteLLM's table.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use victor_prices::core::Usage;
use victor_prices::{GenaiPrices, LiteLlmPrices};

use crate::{NOW, cost, usage};

/// The folder into which pip has installed `genai-prices` and `litellm`.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("VICTOR_PRICES").map(PathBuf::from);
    if folder.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI compares prices: set VICTOR_PRICES"
        );
        eprintln!("SKIPPED: comparing prices needs VICTOR_PRICES, see docs/CONTRIBUTING.md");
    }
    folder
}

/// Calls that each price one kind of tokens, and one that is beyond every step.
fn calls() -> [(&'static str, Usage); 6] {
    [
        ("fresh", usage(1000, 0, 0, 0, 0)),
        ("written", usage(0, 1000, 0, 0, 0)),
        ("cache read", usage(0, 0, 1000, 0, 0)),
        ("cache write", usage(0, 0, 0, 1000, 0)),
        ("cache write for an hour", usage(0, 0, 0, 0, 1000)),
        ("long", usage(900_000, 10, 0, 0, 0)),
    ]
}

/// Models of LiteLLM's table that chat, with our name of the provider.
fn models(text: &str) -> Vec<(&'static str, String)> {
    const PROVIDERS: [(&str, &str); 6] = [
        ("anthropic", "anthropic"),
        ("google", "gemini"),
        ("groq", "groq"),
        ("mistral", "mistral"),
        ("openai", "openai"),
        ("xai", "xai"),
    ];
    let document: BTreeMap<String, Value> = serde_json::from_str(text).unwrap();
    let models = document.iter().filter_map(|(name, fields)| {
        let (ours, theirs) = PROVIDERS
            .into_iter()
            .find(|(_, theirs)| fields["litellm_provider"] == *theirs)?;
        let chats = ["chat", "responses"]
            .iter()
            .any(|mode| fields["mode"] == *mode);
        let prefix = format!("{theirs}/");
        let model = name.strip_prefix(&prefix).unwrap_or(name);
        chats.then(|| (ours, model.to_owned()))
    });
    models.collect()
}

/// Models about which the two tables disagree as of November 2026, each seen and left: the tables are maintained by
/// different people, and which of them is right is a matter of the vendor's page on that day. Names that move
/// (`-latest`) point at different versions.
const DISAGREE: [&str; 24] = [
    "claude-sonnet-4-5", // the step at 200,000 tokens is gone in one
    "claude-sonnet-4-5-20250929",
    "codestral-latest",
    "devstral-small-latest",
    "ft:gpt-4o-2024-08-06", // cached input of fine-tuned models
    "ft:gpt-4o-2024-11-20",
    "ft:gpt-4o-mini-2024-07-18",
    "gemini-2.5-pro-preview-tts",
    "gpt-4o-search-preview",
    "gpt-4o-search-preview-2025-03-11",
    "gpt-5.6-cyber",
    "grok-code-fast",
    "grok-code-fast-1",
    "grok-code-fast-1-0825",
    "magistral-medium-latest",
    "magistral-small-latest",
    "mistral-large-4",
    "mistral-large-4-0",
    "mistral-large-latest",
    "mistral-medium",
    "mistral-tiny",
    "open-mistral-nemo",
    "openai/gpt-oss-safeguard-20b", // rounded to thousandths of a dollar in one
    "pixtral-large-latest",
];

#[test]
fn litellm_charges_the_same() {
    let Some(folder) = folder() else { return };
    let file = folder.join("litellm/model_prices_and_context_window_backup.json");
    let text = std::fs::read_to_string(file).unwrap();
    let (ours, theirs) = (
        GenaiPrices::bundled(),
        LiteLlmPrices::from_json(&text).unwrap(),
    );
    let mut same = 0;
    let mut differ = Vec::new();
    let mut tolerated = BTreeSet::new();
    for (provider, model) in models(&text) {
        for (kind, usage) in calls() {
            let a = cost(&ours, provider, &model, &usage, None, NOW);
            let b = cost(&theirs, provider, &model, &usage, None, NOW);
            match (a, b) {
                (Some(a), Some(b)) if a == b => same += 1,
                (Some(_), Some(_)) if DISAGREE.contains(&model.as_str()) => {
                    tolerated.insert(model.clone());
                }
                (Some(a), Some(b)) => {
                    differ.push(format!("{provider}/{model}, {kind}: {a} here, {b} there"));
                }
                _ => {}
            }
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(same > 1000, "only {same} prices were compared");
    let stale: Vec<_> = DISAGREE
        .iter()
        .filter(|model| !tolerated.contains(**model))
        .collect();
    assert!(stale.is_empty(), "the tables agree about {stale:?} now");
}

/// Prices what it reads, a JSON list of calls, in the Python edition of genai-prices.
const SCRIPT: &str = r#"
import datetime, json, sys
from genai_prices import Usage, calc_price
results = []
for call in json.load(sys.stdin):
    try:
        price = calc_price(Usage(**call["usage"]), model_ref=call["model"], provider_id=call["provider"],
            genai_request_timestamp=datetime.datetime.fromisoformat(call["at"]))
        results.append(str(price.total_price))
    except Exception:
        results.append(None)
json.dump(results, sys.stdout)
"#;

#[test]
fn genai_prices_in_python_charges_the_same() {
    let Some(folder) = folder() else { return };
    let file = folder.join("litellm/model_prices_and_context_window_backup.json");
    let text = std::fs::read_to_string(file).unwrap();
    let ours = GenaiPrices::bundled();
    let (mut costs, mut queries) = (Vec::new(), Vec::new());
    for (provider, model) in models(&text) {
        for (kind, usage) in calls() {
            costs.push((
                format!("{provider}/{model}, {kind}"),
                cost(&ours, provider, &model, &usage, None, NOW),
            ));
            let hour = usage.extra.get("cache_creation.ephemeral_1h_input_tokens");
            queries.push(json!({
                "provider": provider, "model": model, "at": "2026-11-30T12:00:00+00:00",
                "usage": {
                    "input_tokens": usage.input_tokens(), "output_tokens": usage.output,
                    "cache_read_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write,
                    "cache_write_1h_tokens": hour.cloned().unwrap_or_else(|| json!(0)),
                },
            }));
        }
    }
    let mut child = Command::new("python3")
        .args(["-c", SCRIPT])
        .env("PYTHONPATH", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(&queries).unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    let theirs: Vec<Option<String>> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(costs.len(), theirs.len());
    let mut same = 0;
    for ((call, ours), theirs) in costs.into_iter().zip(theirs) {
        // Theirs is a decimal, without the rounding to nano-dollars.
        let theirs = theirs.map(|dollars| (dollars.parse::<f64>().unwrap() * 1e9).round());
        #[expect(clippy::cast_precision_loss, reason = "the amounts are small")]
        let ours = ours.map(|nanos| nanos as f64);
        assert_eq!(ours, theirs, "{call}");
        same += usize::from(ours.is_some());
    }
    assert!(same > 1000, "only {same} prices were compared");
}
