//! A context manager for Victor that forgets the oldest exchanges first.
//!
//! It plays the role of `victor-context`, and knows of Victor the vocabulary and the contract alone.

mod compaction;
mod history;
mod manager;
mod tokens;

pub use manager::AcmeContext;
