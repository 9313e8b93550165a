//! Laws of every implementation of a protocol, as functions that a test calls.
//!
//! There is a suite for each of these traits:
//!
//! - extension points: `AnalyticsExporter`, `ApprovalPolicy`, `ChatProvider`, `CheckpointStore`, `CompactionStrategy`,
//!   `ConfigProvider`, `Embedder`, `Evaluator`, `EventOutbox`, `EventStore`, `LedgerStore`, `MetricsExporter`,
//!   `PriceTable`, `PromptContributor`, `PromptSource`, `ReceiptStore`, `ResultStore`, `SessionStore`, `TokenCounter`,
//!   `Tool`, `ToolSelectionStrategy`, `TurnEventLog`, `WorkflowJournal`;
//! - all roles: `AnalyticsTracker`, `ChatEngine`, `CheckpointManager`, `ConfigLoader`, `ContextManager`,
//!   `EvaluationRunner`, `MetricsRecorder`, `ModeManager`, `PromptBuilder`, `ProviderRouter`, `SessionManager`,
//!   `ToolExecutor`, `ToolSelector`, `WorkflowRunner`; and `Agent`, which is all of them together.
//!
//! `ModePolicy`, `ToolListener`, `TurnPorts`, `TurnObserver` and `LedgerObserver` have none yet.
//!
//! A suite panics at the first law that is broken, with a message that begins with `law broken:` and names it. Suites
//! are to be run in a tokio test and need no network, unless the implementation does. Where a suite plugs in something
//! that never answers, it waits until the implementation gives that up, which takes no time in a test whose clock is
//! paused (`#[tokio::test(start_paused = true)]`).
//!
//! ```
//! use victor_testkit::{CharCounter, conformance};
//!
//! conformance::token_counter(&CharCounter);
//! ```

/// Panics with the law's name unless it holds.
macro_rules! law {
    ($holds:expr, $law:literal) => {
        assert!($holds, "law broken: {}", $law)
    };
    ($holds:expr, $law:literal, $($detail:tt)+) => {
        assert!($holds, "law broken: {}: {}", $law, format_args!($($detail)+))
    };
}

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
mod event_store;
mod ledger_store;
mod life;
mod metrics_exporter;
mod metrics_recorder;
mod mode_manager;
mod price_table;
mod prompt_builder;
mod prompt_contributor;
mod prompt_source;
mod provider_router;
mod puppet;
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
mod workflow_runner;

use std::fmt::Debug;

pub use agent::agent;
pub use analytics_exporter::analytics_exporter;
pub use analytics_tracker::analytics_tracker;
pub use approval_policy::approval_policy;
pub use chat_engine::chat_engine;
pub use chat_provider::chat_provider;
pub use checkpoint_manager::checkpoint_manager;
pub use checkpoint_store::checkpoint_store;
pub use compaction_strategy::compaction_strategy;
pub use config_loader::config_loader;
pub use config_provider::config_provider;
pub use context_manager::context_manager;
pub use embedder::embedder;
pub use evaluation_runner::evaluation_runner;
pub use evaluator::evaluator;
pub use event_outbox::event_outbox;
pub use event_store::{event_store, stored_events};
pub use ledger_store::ledger_store;
pub use metrics_exporter::metrics_exporter;
pub use metrics_recorder::metrics_recorder;
pub use mode_manager::mode_manager;
pub use price_table::price_table;
pub use prompt_builder::prompt_builder;
pub use prompt_contributor::prompt_contributor;
pub use prompt_source::{PromptShelf, prompt_source};
pub use provider_router::provider_router;
pub use receipt_store::receipt_store;
pub use result_store::result_store;
pub use session_manager::session_manager;
pub use session_store::{durable_session_store, session_store};
pub use token_counter::token_counter;
pub use tool::tool;
pub use tool_executor::tool_executor;
pub use tool_selection_strategy::tool_selection_strategy;
pub use tool_selector::tool_selector;
pub use turn_event_log::turn_event_log;
pub use workflow_journal::workflow_journal;
pub use workflow_runner::{Handlers, workflow_runner};

use crate::poll_at_most;

/// At how many polls, and after how many events, a suite tries to drop something.
const DROPS: usize = 32;

/// Number of calls that a suite makes side by side.
const SIDE_BY_SIDE: usize = 4;

/// Names that a store must keep apart and give back as they are.
const NAMES: [&str; 15] = [
    "a",
    "A",
    "a ",
    " a",
    "",
    "..",
    "../a",
    "a/b",
    "a\\b",
    "a%2Fb",
    "'; drop table sessions; --",
    "日本語",
    "caf\u{e9}",
    "cafe\u{301}",
    "👩‍👩‍👧‍👦\n\"quoted\"",
];

/// Awaits somebody else's future, and takes a panic in it for a broken law.
async fn calm<F: Future>(future: F) -> F::Output {
    let outcome = victor_core::contain(future).await;
    outcome.unwrap_or_else(|panicked| panic!("law broken: no call panics: it {panicked}"))
}

/// Calls somebody else's function, and takes a panic in it for a broken law.
fn guarded<T>(function: impl FnOnce() -> T) -> T {
    let outcome = victor_core::contain_sync(function);
    outcome.unwrap_or_else(|panicked| panic!("law broken: no call panics: it {panicked}"))
}

/// The value of a call that must succeed.
fn succeed<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| {
        panic!("law broken: a valid call succeeds: it failed with {error:?}")
    })
}

/// Drops a call at its first polls, one after the other, and checks each time what it left behind.
async fn drop_at_polls<T>(mut call: impl AsyncFnMut() -> T, mut check: impl AsyncFnMut(usize)) {
    for polls in 1..=DROPS {
        if poll_at_most(polls, call()).await.is_some() {
            return;
        }
        check(polls).await;
    }
}
