//! Rates and the rows that carry them.

use std::sync::Arc;

use victor_core::{Timestamp, matches_pattern};
use victor_provider_protocol::{NanoDollars, Price, PriceQuery};

use crate::PriceFileError;

/// The tokens for which a rate is stated.
const PER: u128 = 1_000_000;

/// The highest rate: a million dollars for a million tokens.
const MAX_DOLLARS: f64 = 1_000_000.0;

/// The cost of a million tokens, or of a million searches, in nano-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(NanoDollars);

impl Rate {
    /// The rate of `dollars` for `units`, or an error that names `row` and `key`.
    pub(crate) fn new(
        dollars: f64,
        per_million: f64,
        row: &str,
        key: &str,
    ) -> Result<Self, PriceFileError> {
        let rate = dollars * per_million;
        let amount = (0.0..=MAX_DOLLARS)
            .contains(&rate)
            .then(|| NanoDollars::from_dollars(rate))
            .flatten()
            .ok_or_else(|| PriceFileError::Amount {
                row: row.to_owned(),
                key: key.to_owned(),
                value: dollars.to_string(),
            })?;
        Ok(Self(amount))
    }

    /// Millionths of a nano-dollar.
    fn of(self, units: u64) -> u128 {
        u128::from(units) * u128::from(self.0.as_nanos())
    }
}

/// The rates of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) input: Rate,
    pub(crate) output: Rate,
    /// The rate of `input` where it is absent.
    pub(crate) cache_read: Option<Rate>,
    /// The rate of `input` where it is absent.
    pub(crate) cache_write: Option<Rate>,
    /// The share of `cache_write` that is kept for an hour; the rate of `cache_write` where it is absent.
    pub(crate) cache_write_hour: Option<Rate>,
    /// Searches of the web by the provider; free where it is absent.
    pub(crate) web_search: Option<Rate>,
}

impl Rates {
    /// Adds up the shares of a query and rounds once, to the nearest nano-dollar.
    pub(crate) fn cost(&self, query: &PriceQuery<'_>) -> NanoDollars {
        let usage = query.usage;
        let hour = hour_share(query).min(usage.cache_write);
        let cache_write = self.cache_write.unwrap_or(self.input);
        let shares = [
            self.input.of(usage.input),
            self.output.of(usage.output),
            self.cache_read.unwrap_or(self.input).of(usage.cache_read),
            cache_write.of(usage.cache_write - hour),
            self.cache_write_hour.unwrap_or(cache_write).of(hour),
            self.web_search.map_or(0, |rate| rate.of(searches(query))),
        ];
        let total = shares.into_iter().fold(0_u128, u128::saturating_add);
        let nanos = total.saturating_add(PER / 2) / PER;
        NanoDollars::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The tokens that were written to a cache that lives for an hour, as Anthropic counts them:
/// <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>.
pub(crate) fn hour_share(query: &PriceQuery<'_>) -> u64 {
    counted(query, "cache_creation.ephemeral_1h_input_tokens")
}

/// The searches that the provider made, as Anthropic counts them.
pub(crate) fn searches(query: &PriceQuery<'_>) -> u64 {
    counted(query, "server_tool_use.web_search_requests")
}

fn counted(query: &PriceQuery<'_>, field: &str) -> u64 {
    let value = query.usage.extra.get(field);
    value.and_then(serde_json::Value::as_u64).unwrap_or(0)
}

/// Rates and the calls for which they hold.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// A pattern with `*`.
    pub(crate) provider: Option<String>,
    /// A pattern with `*`.
    pub(crate) model: String,
    pub(crate) service_tier: Option<String>,
    pub(crate) from: Option<Timestamp>,
    /// Tokens of the request above which the rates hold, for all tokens of the call.
    pub(crate) above: u64,
    pub(crate) rates: Rates,
    pub(crate) source: Arc<str>,
}

impl Row {
    fn matches(&self, query: &PriceQuery<'_>) -> bool {
        let has_tier = match (self.service_tier.as_deref(), query.service_tier) {
            (None, _) => true,
            (Some(tier), found) => found == Some(tier),
        };
        let provider = self.provider.as_deref();
        has_tier
            && provider.is_none_or(|pattern| matches_pattern(pattern, query.provider))
            && matches_pattern(&self.model, query.model.as_str())
            && self.from.is_none_or(|from| from <= query.at)
            && (self.above == 0 || query.usage.input_tokens() > self.above)
    }

    /// The order of rows that match: the exact name of a model before a pattern, a service tier before none, the latest
    /// price, and the highest step.
    fn precedence(&self) -> impl Ord + use<> {
        let is_exact = !self.model.contains('*');
        (is_exact, self.service_tier.is_some(), self.from, self.above)
    }
}

/// Finds the row for a query and computes its price. Of rows that are alike, the last one counts.
pub(crate) fn price<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    query: &PriceQuery<'_>,
) -> Option<Price> {
    let matching = rows.into_iter().filter(|row| row.matches(query));
    let row = matching.max_by_key(|row| row.precedence())?;
    Some(Price::new(row.rates.cost(query), row.source.clone()))
}
