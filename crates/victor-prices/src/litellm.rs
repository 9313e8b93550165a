//! Prices in the form of LiteLLM.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use victor_core::JsonMap;
use victor_provider_protocol::{Price, PriceQuery, PriceTable};

use crate::PriceFileError;
use crate::rates::{Rate, Rates, Row, price};

/// Providers that LiteLLM calls otherwise than Victor's adapters do.
const ALIASES: [(&str, &str); 5] = [
    ("fireworks", "fireworks_ai"),
    ("google", "gemini"),
    ("kimi", "moonshot"),
    ("together", "together_ai"),
    ("z.ai", "zai"),
];

/// The service tiers that have keys of their own, with the end of these keys.
const TIERS: [(Option<&str>, &str); 4] = [
    (None, ""),
    (Some("batch"), "_batches"),
    (Some("flex"), "_flex"),
    (Some("priority"), "_priority"),
];

/// Prices in the form of LiteLLM's `model_prices_and_context_window.json`, which has one object for each model with its
/// prices in dollars per token.
///
/// A model is looked up as `provider/model`, and by its name alone where `litellm_provider` is the provider. Read are
/// the prices of tokens, of the prompt cache, of service tiers, of steps (`_above_200k_tokens`) and of web searches;
/// other models and prices (images, audio, hours) are passed over. The file has no dates: its prices hold at any time.
#[derive(Debug, Clone, Default)]
pub struct LiteLlmPrices {
    /// By the name of the model in the file.
    models: BTreeMap<String, Model>,
}

#[derive(Debug, Clone)]
struct Model {
    provider: String,
    rows: Vec<Row>,
}

impl LiteLlmPrices {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The text is no JSON object, or a price is negative or no number. The error names the model.
    pub fn from_json(text: &str) -> Result<Self, PriceFileError> {
        let document: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(PriceFileError::syntax)?;
        let mut models = BTreeMap::new();
        for (name, fields) in document {
            // An example of the form stands among the models.
            let Some(fields) = fields.as_object().filter(|_| name != "sample_spec") else {
                continue;
            };
            let rows = rows(&name, fields)?;
            let provider = fields.get("litellm_provider").and_then(Value::as_str);
            if let (Some(provider), false) = (provider, rows.is_empty()) {
                let provider = provider.to_owned();
                models.insert(name, Model { provider, rows });
            }
        }
        Ok(Self { models })
    }
}

impl PriceTable for LiteLlmPrices {
    fn name(&self) -> &str {
        "litellm"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let alias = ALIASES.iter().find(|(name, _)| *name == query.provider);
        let provider = alias.map_or(query.provider, |(_, alias)| alias);
        let name = query.model.as_str();
        let qualified = self.models.get(&format!("{provider}/{name}"));
        let model = qualified.or_else(|| {
            let model = self.models.get(name)?;
            (model.provider == provider).then_some(model)
        })?;
        price(&model.rows, query)
    }
}

/// The rows of a model: one for each service tier and step for which it has prices.
fn rows(name: &str, fields: &JsonMap) -> Result<Vec<Row>, PriceFileError> {
    let steps: BTreeSet<_> = fields.keys().filter_map(|key| step(key)).collect();
    let steps: Vec<_> = [(0, String::new())].into_iter().chain(steps).collect();
    let mut rows = Vec::new();
    for (service_tier, tier_end) in TIERS {
        for (above, step_end) in &steps {
            let key = |stem: &str| format!("{stem}{step_end}{tier_end}");
            let rate = |stem: &str| rate(name, fields, &key(stem), 1_000_000.0);
            let (Some(input), Some(output)) = (
                rate("input_cost_per_token")?,
                rate("output_cost_per_token")?,
            ) else {
                continue;
            };
            // The price of an hour has no form for tiers or steps.
            let hour = "cache_creation_input_token_cost_above_1hr";
            let is_plain = step_end.is_empty() && tier_end.is_empty();
            let rates = Rates {
                input,
                output,
                cache_read: rate("cache_read_input_token_cost")?,
                cache_write: rate("cache_creation_input_token_cost")?,
                cache_write_hour: if is_plain { rate(hour)? } else { None },
                web_search: search(name, fields)?,
            };
            rows.push(Row {
                provider: None,
                model: "*".to_owned(),
                service_tier: service_tier.map(str::to_owned),
                from: None,
                above: *above,
                rates,
                source: format!("litellm: {name}").into(),
            });
        }
    }
    Ok(rows)
}

/// The step that a key names: 200,000 and `_above_200k_tokens` for `input_cost_per_token_above_200k_tokens`.
fn step(key: &str) -> Option<(u64, String)> {
    let rest = key.strip_prefix("input_cost_per_token_above_")?;
    let thousands = rest.strip_suffix("k_tokens")?;
    let above = thousands.parse::<u64>().ok()?.checked_mul(1000)?;
    Some((above, format!("_above_{thousands}k_tokens")))
}

/// The price of a search; they are the same for each size of context where there are several.
fn search(name: &str, fields: &JsonMap) -> Result<Option<Rate>, PriceFileError> {
    let sizes = fields
        .get("search_context_cost_per_query")
        .and_then(Value::as_object);
    match sizes {
        Some(sizes) => rate(name, sizes, "search_context_size_medium", 1_000_000.0),
        None => Ok(None),
    }
}

fn rate(
    name: &str,
    fields: &JsonMap,
    key: &str,
    per_million: f64,
) -> Result<Option<Rate>, PriceFileError> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let dollars = value.as_f64().ok_or_else(|| PriceFileError::Amount {
                row: name.to_owned(),
                key: key.to_owned(),
                value: value.to_string(),
            })?;
            Rate::new(dollars, per_million, name, key).map(Some)
        }
    }
}
