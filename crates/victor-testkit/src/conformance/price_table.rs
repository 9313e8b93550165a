//! The laws of price tables.

use victor_core::{ModelId, Timestamp, Usage};
use victor_provider_protocol::{NanoDollars, Price, PriceQuery, PriceTable};

use super::guarded;

/// Numbers of tokens, from none to more than any model reads.
const COUNTS: [u64; 8] = [0, 1, 999, 100_000, 200_001, 300_000, 2_000_000, u64::MAX];

/// A share of the tokens.
type Share = fn(&mut Usage) -> &mut u64;

/// Checks a table with calls of each `(provider, model)` in `known`, which it must price, and in `unknown`, which it
/// must not.
///
/// # Panics
///
/// A law is broken.
pub fn price_table<P: PriceTable + ?Sized>(
    table: &P,
    known: &[(&str, &str)],
    unknown: &[(&str, &str)],
) {
    law!(!guarded(|| table.name().is_empty()), "a table has a name");
    for &(provider, model) in known {
        check_shares(table, provider, model);
    }
    for &(provider, model) in unknown {
        for count in COUNTS {
            let price = ask(table, provider, model, &Usage::new(count, count));
            law!(
                price.is_none(),
                "an unknown price is unknown, also for no tokens",
                "{provider}/{model}: {price:?}"
            );
        }
    }
}

fn ask<P: PriceTable + ?Sized>(
    table: &P,
    provider: &str,
    model: &str,
    usage: &Usage,
) -> Option<Price> {
    let (model, at) = (ModelId::from(model), Timestamp::now());
    let query = PriceQuery::new(provider, &model, usage, at);
    let price = guarded(|| table.price(&query));
    let again = guarded(|| table.price(&query));
    law!(
        price == again,
        "the same query has the same answer",
        "{price:?}, then {again:?}"
    );
    price
}

fn check_shares<P: PriceTable + ?Sized>(table: &P, provider: &str, model: &str) {
    let cost = |usage: &Usage| {
        let price = ask(table, provider, model, usage);
        let Some(price) = price else {
            panic!("law broken: a known model has a price: {provider}/{model} has none");
        };
        law!(!price.source.is_empty(), "a price has a source");
        price.cost
    };
    let shares: [(&str, Share); 4] = [
        ("input", |usage| &mut usage.input),
        ("output", |usage| &mut usage.output),
        ("cache_read", |usage| &mut usage.cache_read),
        ("cache_write", |usage| &mut usage.cache_write),
    ];
    for (name, share) in shares {
        let mut last = NanoDollars::ZERO;
        for count in COUNTS {
            let mut usage = Usage::default();
            *share(&mut usage) = count;
            let now = cost(&usage);
            law!(
                now >= last,
                "more tokens never cost less",
                "{count} of {name}"
            );
            last = now;
        }
    }
    let plain = cost(&Usage::new(1000, 1000));
    let mut usage = Usage::new(1000, 1000);
    usage.reasoning = 1000;
    law!(
        cost(&usage) == plain,
        "reasoning is a part of the output and is not charged again"
    );
    let mut cached = Usage::new(0, 1000);
    cached.cache_read = 1000;
    law!(
        cost(&cached) <= plain,
        "a token read from the cache costs no more than a fresh one"
    );
}
