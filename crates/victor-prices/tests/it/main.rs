//! The tables of prices, through their public interface.

mod files;
mod tables;
mod theirs;

use victor_prices::core::{ModelId, Timestamp, Usage};
use victor_prices::protocol::{PriceQuery, PriceTable};

/// A moment after the bundled prices were made.
const NOW: &str = "2026-11-30T12:00:00Z";

/// Tokens of each kind: fresh, written by the model, read from the cache and written to it, the last for an hour.
fn usage(input: u64, output: u64, cache_read: u64, cache_write: u64, hour: u64) -> Usage {
    let mut usage = Usage::new(input, output);
    (usage.cache_read, usage.cache_write) = (cache_read, cache_write + hour);
    if hour > 0 {
        usage
            .extra
            .insert("cache_creation.ephemeral_1h_input_tokens", hour);
    }
    usage
}

/// The cost in nano-dollars.
fn cost(
    table: &dyn PriceTable,
    provider: &str,
    model: &str,
    usage: &Usage,
    tier: Option<&str>,
    at: &str,
) -> Option<u64> {
    let (model, at) = (ModelId::from(model), at.parse::<Timestamp>().unwrap());
    let query = PriceQuery::new(provider, &model, usage, at).with_service_tier(tier);
    table.price(&query).map(|price| price.cost.as_nanos())
}
