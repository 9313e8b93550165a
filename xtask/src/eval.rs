//! `cargo xtask eval`: how good judgement is, measured with real data that is not part of the repository.

mod compaction;
mod tool_selection;

pub(crate) use compaction::compaction;
pub(crate) use tool_selection::tool_selection;
