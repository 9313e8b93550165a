//! The behaviour of the tool coordinator, through its public API.

mod function;
mod registry;
mod review;
mod run;
mod support;
