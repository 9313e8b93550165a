//! The behaviour of the provider coordinator, through its public API.

mod fake;
mod laws;
mod property;
mod retry;
mod routing;
mod trouble;
