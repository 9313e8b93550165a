//! The behaviour of the tool coordinator, through its public API.

mod cost;
mod function;
mod policy;
mod registry;
mod review;
mod run;
mod support;
#[cfg(feature = "typed")]
mod typed;
