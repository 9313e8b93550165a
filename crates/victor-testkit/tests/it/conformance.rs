//! Each suite lets a right implementation pass, and names the law that a wrong one breaks.

mod agent;
mod analytics_exporter;
mod analytics_tracker;
mod approval_policy;
mod chat_engine;
mod chat_provider;
mod checkpoint_manager;
mod checkpoint_store;
mod compaction_strategy;
mod config_loader;
mod config_provider;
mod context_manager;
mod embedder;
mod evaluation_runner;
mod evaluator;
mod event_outbox;
mod ledger_store;
mod mode_manager;
mod price_table;
mod prompt_builder;
mod prompt_contributor;
mod prompt_source;
mod provider_router;
mod receipt_store;
mod result_store;
mod session_manager;
mod session_store;
mod token_counter;
mod tool;
mod tool_executor;
mod tool_selection_strategy;
mod tool_selector;
mod turn_event_log;
mod workflow_journal;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::task::yield_now;

/// Asserts that a suite finds a law broken: this one.
async fn breaks(law: &str, suite: impl Future<Output = ()>) {
    let found = match victor_core::contain(suite).await {
        Ok(()) => "none".to_owned(),
        Err(panicked) => panicked.message,
    };
    assert!(
        found.starts_with(&format!("law broken: {law}")),
        "expected `{law}`, found `{found}`"
    );
}

/// What is wrong with an implementation, and when it shows.
#[derive(Debug)]
struct Bug {
    name: &'static str,
    calls: AtomicU32,
    running: AtomicU32,
    dropped: AtomicBool,
}

impl Bug {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            calls: AtomicU32::default(),
            running: AtomicU32::default(),
            dropped: AtomicBool::default(),
        }
    }

    fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// The second of these texts if the bug has this name and it is not the first call, otherwise the first.
    fn changes<'a>(&self, name: &str, texts: [&'a str; 2]) -> &'a str {
        texts[usize::from(self.is(name) && self.calls.load(Ordering::Relaxed) > 0)]
    }

    /// Waits once, as every call does, and says whether one of the bugs that come from calls shows in it:
    /// `second call`, `every other call`, `side by side` or `after a drop`. With `panics`, it panics.
    async fn shows(&self) -> bool {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let guard = DropGuard {
            bug: self,
            done: false,
        };
        let beside = self.running.fetch_add(1, Ordering::Relaxed) > 0;
        yield_now().await;
        guard.finish();
        match self.name {
            "panics" => panic!("bug"),
            "second call" => number > 1,
            "every other call" => number.is_multiple_of(2),
            "side by side" => beside,
            "after a drop" => self.dropped.load(Ordering::Relaxed),
            _ => false,
        }
    }
}

struct DropGuard<'a> {
    bug: &'a Bug,
    done: bool,
}

impl DropGuard<'_> {
    fn finish(mut self) {
        self.done = true;
    }
}

impl Drop for DropGuard<'_> {
    fn drop(&mut self) {
        self.bug.running.fetch_sub(1, Ordering::Relaxed);
        if !self.done {
            self.bug.dropped.store(true, Ordering::Relaxed);
        }
    }
}
