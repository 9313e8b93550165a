//! `cargo xtask eval`: how good judgement is, measured with real data that is not part of the repository.

mod compaction;

pub(crate) use compaction::compaction;
