//! One HTML page with plots of what an agent has used: cost and tokens by day and model, latency, tools, errors, and
//! the course of single turns.
//!
//! [`render`] makes the page of data that its caller has read: the entries of the ledger, and the tool calls of the
//! transcripts. The page is one file. It asks no server for anything, is readable on a phone and in the dark, and tells
//! everything without its few lines of script, which choose the turn that is shown.
//!
//! ```
//! use victor_core::Timestamp;
//! use victor_provider_protocol::LedgerEntry;
//! use victor_report::{ReportData, render};
//!
//! let mut data = ReportData::new(Timestamp::now());
//! data.attempts.push(LedgerEntry::begin("main", "acme", "acme-1".into(), 1));
//! assert!(render(&data).starts_with("<!DOCTYPE html>"));
//! ```

mod charts;
mod data;
mod figures;
mod html;
mod page;
mod stats;
mod turns;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as provider;

pub use data::{ReportData, ToolRecord};
pub use page::render;
