//! Tests of the crate's public API.

mod answers;
mod cassettes;
mod embedder;
mod errors;
mod expected;
mod fake;
mod garbage;
mod history;
mod laws;
mod lenient;
mod models;
mod own;
mod replay;
mod requests;
mod secrets;
mod turns;
