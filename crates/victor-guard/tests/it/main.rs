//! Tests of `victor-guard` through its public API.

mod calls;
mod plugins;
