use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_core::{AttemptId, Lock};
use victor_provider_protocol::{
    AttemptOutcome, LedgerEntry, LedgerError, LedgerQuery, LedgerStore,
};
use victor_testkit::conformance;

use super::{Bug, breaks};

#[derive(Debug)]
struct Store(Bug, Lock<BTreeMap<AttemptId, LedgerEntry>>);

#[async_trait]
impl LedgerStore for Store {
    async fn write(&self, entries: &[LedgerEntry]) -> Result<(), LedgerError> {
        let Self(bug, stored) = self;
        assert!(!bug.is("panics") || entries.is_empty(), "bug");
        if bug.is("refuses") {
            return Err(LedgerError::new("full").with_source("no space left"));
        }
        yield_now().await;
        let mut copy = stored.lock().clone();
        for entry in entries {
            let old = copy.get(&entry.id);
            let runs = |entry: &LedgerEntry| entry.outcome == AttemptOutcome::Pending;
            let keep = match bug.name {
                "never settles" => old.is_some(),
                "runs again" => false,
                _ => runs(entry) && old.is_some_and(|old| !runs(old)),
            };
            if keep {
                continue;
            }
            let mut entry = entry.clone();
            match bug.name {
                "forgets extra" => entry.extra = Default::default(),
                "waits for the end" if runs(&entry) => continue,
                "doubles" => {
                    let mut again = entry.clone();
                    again.id = AttemptId::generate();
                    copy.insert(again.id, again);
                }
                _ => {}
            }
            copy.insert(entry.id, entry.clone());
            if bug.is("piecemeal") {
                stored.lock().insert(entry.id, entry);
                yield_now().await;
            }
        }
        if bug.is("races") {
            yield_now().await;
            *stored.lock() = copy;
        } else if !bug.is("piecemeal") {
            stored.lock().extend(copy);
        }
        Ok(())
    }

    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        let Self(bug, stored) = self;
        let mut query = query.clone();
        if bug.is("ignores tags") {
            query.tag = None;
        }
        let stored = stored.lock();
        let mut found: Vec<_> = stored
            .values()
            .filter(|entry| query.matches(entry))
            .cloned()
            .collect();
        if bug.is("backwards") {
            found.reverse();
        }
        Ok(found)
    }
}

async fn suite(bug: &'static str) {
    conformance::ledger_store(Store(Bug::new(bug), Lock::default())).await;
}

#[tokio::test]
async fn a_right_store_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        ("refuses", "a valid call succeeds"),
        ("forgets extra", "what is written is read"),
        (
            "backwards",
            "what is written is read, in the order of identifiers",
        ),
        ("doubles", "what is written is read"),
        ("waits for the end", "an attempt that runs is stored"),
        ("never settles", "the later form replaces the earlier one"),
        ("runs again", "an attempt that has ended does not run again"),
        ("ignores tags", "a query finds what matches it"),
        ("races", "no entry is lost to a writer beside it"),
        ("piecemeal", "a cancelled write has stored all or nothing"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
