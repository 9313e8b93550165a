use std::sync::atomic::Ordering;

use victor_provider_protocol::{NanoDollars, Price, PriceQuery, PriceTable};
use victor_testkit::conformance;

use super::{Bug, breaks};

#[derive(Debug)]
struct Table(Bug);

impl PriceTable for Table {
    fn name(&self) -> &str {
        if self.0.is("nameless") { "" } else { "table" }
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let bug = &self.0;
        let usage = query.usage;
        let calls = bug.calls.fetch_add(1, Ordering::Relaxed);
        if query.model.as_str() != "acme-1" {
            return bug
                .is("zero for unknown")
                .then(|| Price::new(NanoDollars::ZERO, "nowhere"));
        }
        assert!(!bug.is("panics"), "bug");
        if bug.is("forgetful") {
            return None;
        }
        let per = |rate, tokens| NanoDollars::from_nanos(rate).saturating_mul(tokens);
        let mut cost = per(3_000, usage.input) + per(15_000, usage.output);
        cost += match bug.name {
            "dear cache" => per(4_000, usage.cache_read),
            _ => per(300, usage.cache_read),
        };
        cost += match bug.name {
            "rebates" if usage.cache_write > 250_000 => NanoDollars::ZERO,
            _ => per(3_750, usage.cache_write),
        };
        if bug.is("charges thoughts") {
            cost += per(15_000, usage.reasoning);
        }
        if bug.is("fickle") {
            cost += NanoDollars::from_nanos(calls.into());
        }
        let source = if bug.is("sourceless") {
            ""
        } else {
            "table: acme-1"
        };
        Some(Price::new(cost, source))
    }
}

fn suite(bug: &'static str) {
    let table = Table(Bug::new(bug));
    conformance::price_table(&table, &[("acme", "acme-1")], &[("acme", "acme-2")]);
}

#[test]
fn a_right_table_passes() {
    suite("none");
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a table has a name"),
        ("zero for unknown", "an unknown price is unknown"),
        ("panics", "no call panics"),
        ("forgetful", "a known model has a price"),
        ("sourceless", "a price has a source"),
        ("fickle", "the same query has the same answer"),
        ("rebates", "more tokens never cost less"),
        ("charges thoughts", "reasoning is a part of the output"),
        ("dear cache", "a token read from the cache costs no more"),
    ] {
        breaks(law, async { suite(bug) }).await;
    }
}
