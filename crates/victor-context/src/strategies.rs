//! The strategies, and what they share.

mod budget_aware;
mod cached_embedder;
mod content_key;
mod hybrid;
mod judgement;
mod recent;
mod selection;
mod semantic;
mod summarization;
mod task_aware;
mod texts;
mod tool_results;
mod transcript;
mod truncation;

use std::collections::BTreeMap;
use std::sync::Arc;

use victor_context_protocol::CompactionStrategy;

pub use budget_aware::BudgetAware;
pub use cached_embedder::CachedEmbedder;
pub use hybrid::Hybrid;
pub use recent::RecentMessages;
pub use semantic::Semantic;
pub use summarization::Summarization;
pub use task_aware::TaskAware;
pub use tool_results::ToolResults;
pub use truncation::Truncation;
pub(crate) use truncation::truncate;

/// The strategies that every coordinator knows, by name.
pub(crate) fn defaults() -> BTreeMap<String, Arc<dyn CompactionStrategy>> {
    let strategies: [Arc<dyn CompactionStrategy>; 7] = [
        Arc::new(RecentMessages::default()),
        Arc::new(Truncation),
        Arc::new(ToolResults::default()),
        Arc::new(TaskAware),
        Arc::new(Semantic::default()),
        Arc::new(BudgetAware::default()),
        Arc::new(Hybrid::default()),
    ];
    strategies
        .into_iter()
        .map(|strategy| (strategy.name().to_owned(), strategy))
        .collect()
}
