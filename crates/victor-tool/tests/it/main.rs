//! The behaviour of the tool coordinator, through its public API.

mod approvals;
mod cache;
mod concurrency;
mod cost;
mod function;
mod hostile;
mod laws;
mod life;
mod policy;
mod receipts;
mod registry;
mod retry;
mod review;
mod run;
mod spill;
mod support;
#[cfg(feature = "typed")]
mod typed;
