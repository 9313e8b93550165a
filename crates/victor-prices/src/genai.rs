//! The prices that come with the crate.

use std::time::SystemTime;

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};
use victor_provider_protocol::{NanoDollars, Price, PriceQuery, PriceTable};

use crate::PriceFileError;
use crate::rates::{hour_share, searches};

/// Providers that genai-prices calls otherwise than Victor's adapters do, beside the aliases that it has.
const ALIASES: [(&str, &str); 2] = [("kimi", "moonshotai"), ("z.ai", "zai")];

/// The prices of [genai-prices](https://github.com/pydantic/genai-prices): dated, with steps, cache lifetimes, service
/// tiers and times of day, for some fifty providers.
///
/// Its amounts are floating-point numbers; each is rounded to the nearest nano-dollar when it is taken over. A model of
/// a provider that it does not know has no price, also if another provider has a model of that name.
#[derive(Debug)]
pub struct GenaiPrices(Table);

#[derive(Debug)]
enum Table {
    Bundled,
    Loaded(Box<Calculator>),
}

impl GenaiPrices {
    /// The prices as they were when this version of genai-prices was released. They are read at the first query, which
    /// takes some tens of milliseconds; [`load`](Self::load) reads them now.
    #[must_use]
    pub const fn bundled() -> Self {
        Self(Table::Bundled)
    }

    /// Reads the bundled prices, so that no query has to.
    pub fn load() {
        let _ = Calculator::bundled();
    }

    /// Prices of a later date, in the form in which genai-prices publishes them (`prices/new_data/v2/data.json`).
    ///
    /// # Errors
    ///
    /// The text is not in that form.
    pub fn from_json(text: &str) -> Result<Self, PriceFileError> {
        let calculator = Calculator::from_json(text).map_err(PriceFileError::syntax)?;
        Ok(Self(Table::Loaded(Box::new(calculator))))
    }
}

impl PriceTable for GenaiPrices {
    fn name(&self) -> &str {
        "genai-prices"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let calculator = match &self.0 {
            Table::Bundled => Calculator::bundled(),
            Table::Loaded(calculator) => calculator,
        };
        let alias = ALIASES.iter().find(|(name, _)| *name == query.provider);
        let provider = alias.map_or(query.provider, |(_, alias)| alias);
        let usage = usage(query);
        let mut request = PriceRequest::new(query.model.as_str(), &usage)
            .with_provider_id(provider)
            .with_timestamp(SystemTime::from(query.at));
        match query.service_tier {
            // The batch API is a way of sending, and a key of its own.
            Some("batch") => request = request.with_price_context("processing", "batch"),
            Some(tier) => request = request.with_price_context("service_tier", tier),
            None => {}
        }
        let priced = calculator.calculate(&request).ok()?;
        let cost = NanoDollars::from_dollars(priced.total_price)?;
        let (provider, model) = (priced.provider_id, priced.model_id);
        Some(Price::new(
            cost,
            format!("genai-prices: {provider}/{model}"),
        ))
    }
}

/// The usage in the form of genai-prices, in which cached tokens are a share of the input.
#[expect(
    clippy::cast_precision_loss,
    reason = "no call has more than 2^52 tokens"
)]
fn usage(query: &PriceQuery<'_>) -> Usage {
    let counts = query.usage;
    let mut usage = Usage::new();
    usage.insert(UsageKey::INPUT_TOKENS, counts.input_tokens() as f64);
    usage.insert(UsageKey::OUTPUT_TOKENS, counts.output as f64);
    usage.insert(UsageKey::CACHE_READ_TOKENS, counts.cache_read as f64);
    usage.insert(UsageKey::CACHE_WRITE_TOKENS, counts.cache_write as f64);
    let hour = hour_share(query).min(counts.cache_write);
    let searches = searches(query);
    for (key, count) in [
        (UsageKey::CACHE_WRITE_1H_TOKENS, hour),
        (UsageKey::WEB_SEARCHES, searches),
    ] {
        if count > 0 {
            usage.insert(key, count as f64);
        }
    }
    usage
}
