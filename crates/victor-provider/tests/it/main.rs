//! The behaviour of the provider coordinator, through its public API.

mod fake;
mod laws;
mod ledger;
mod property;
mod retry;
mod routes;
mod routing;
mod trouble;
