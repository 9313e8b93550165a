//! Tests of the crate's public API.

mod reference;
mod support;
