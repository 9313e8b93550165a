//! The behaviour of the tool coordinator, through its public API.

mod cost;
mod function;
mod registry;
mod review;
mod run;
mod support;
