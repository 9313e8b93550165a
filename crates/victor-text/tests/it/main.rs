//! Tests of `victor-text` through its public API.

mod hidden;
mod lines;
mod properties;
mod sheet;
