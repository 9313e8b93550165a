//! The behaviour of the provider coordinator, through its public API.

mod fake;
mod property;
mod retry;
mod routing;
mod trouble;
