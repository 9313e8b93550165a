//! The measurements that ledgers have.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use victor_core::{Lock, ModelId, SessionId, contain_sync};
use victor_metrics_protocol::{Metric, MetricKey};
use victor_provider_protocol::{LedgerReader, LedgerTotal};

use crate::registry::counted;

/// Names and descriptions.
pub(crate) const HELP: [(&str, &str); 6] = [
    (ATTEMPTS, "Attempts of model calls that have ended."),
    (UNPRICED, "Attempts whose price is unknown."),
    (
        UNCOUNTED,
        "Attempts whose tokens were estimated or are unknown.",
    ),
    (
        TOKENS,
        "Tokens of all attempts, those that failed included; the kinds are disjoint.",
    ),
    (REASONING, "Tokens of reasoning, a share of the output."),
    (COST, "Cost of the attempts whose price is known."),
];

const ATTEMPTS: &str = "victor_attempts_total";
const UNPRICED: &str = "victor_attempts_unpriced_total";
const UNCOUNTED: &str = "victor_attempts_uncounted_total";
const TOKENS: &str = "victor_tokens_total";
const REASONING: &str = "victor_reasoning_tokens_total";
const COST: &str = "victor_cost_nanodollars_total";

/// Ledgers, and the targets and models that are told apart in them.
#[derive(Debug)]
pub(crate) struct Ledgers {
    ledgers: Lock<Vec<Arc<dyn LedgerReader>>>,
    /// The first targets and models that there were. It only grows, so that no counter shrinks.
    known: Lock<HashSet<(Arc<str>, ModelId)>>,
    label_sets: usize,
}

impl Ledgers {
    pub(crate) fn new(label_sets: usize) -> Self {
        Self {
            ledgers: Lock::default(),
            known: Lock::default(),
            label_sets,
        }
    }

    pub(crate) fn add(&self, ledger: Arc<dyn LedgerReader>) {
        let mut ledgers = self.ledgers.lock();
        let is_same = |known: &Arc<_>| std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(&ledger));
        if !ledgers.iter().any(is_same) {
            ledgers.push(ledger);
        }
    }

    /// Returns the measurements of all sessions, by target and model.
    pub(crate) fn read(&self) -> Vec<Metric> {
        let ledgers = self.ledgers.lock().clone();
        let mut totals = BTreeMap::<(Arc<str>, ModelId), LedgerTotal>::new();
        for ledger in &ledgers {
            let sums = contain_sync(|| ledger.by_model()).unwrap_or_default();
            let mut known = self.known.lock();
            for (key, total) in sums {
                let is_known = known.contains(&key)
                    || (known.len() < self.label_sets && known.insert(key.clone()));
                let key = if is_known {
                    key
                } else {
                    (MetricKey::OVERFLOW.into(), MetricKey::OVERFLOW.into())
                };
                *totals.entry(key).or_default() += &total;
            }
        }
        let label = |(target, model): &(Arc<str>, ModelId), name| {
            MetricKey::new(name)
                .with("target", target.to_string())
                .with("model", model.to_string())
        };
        (totals.iter())
            .flat_map(|(of, total)| metrics(total, |name| label(of, name)))
            .collect()
    }

    /// Returns the measurements of a session; none if it has made no attempts.
    pub(crate) fn read_session(&self, session: &SessionId) -> Vec<Metric> {
        let mut total = LedgerTotal::default();
        for ledger in self.ledgers.lock().clone() {
            total += &contain_sync(|| ledger.session(session)).unwrap_or_default();
        }
        if total.attempts == 0 {
            return Vec::new();
        }
        metrics(&total, MetricKey::new)
    }
}

fn metrics(total: &LedgerTotal, key: impl Fn(&'static str) -> MetricKey) -> Vec<Metric> {
    let usage = &total.usage;
    let cost = total.cost.as_nanos();
    let tokens = [
        ("input", usage.input),
        ("output", usage.output),
        ("cache_read", usage.cache_read),
        ("cache_write", usage.cache_write),
    ];
    let tokens = tokens.map(|(kind, tokens)| (key(TOKENS).with("kind", kind), tokens));
    let others = [
        (ATTEMPTS, total.attempts),
        (UNPRICED, total.unpriced),
        (UNCOUNTED, total.uncounted),
        (REASONING, usage.reasoning),
        (COST, cost),
    ];
    let others = others.map(|(name, value)| (key(name), value));
    (others.into_iter().chain(tokens))
        .map(|(key, value)| Metric::new(key, counted(value)))
        .collect()
}
