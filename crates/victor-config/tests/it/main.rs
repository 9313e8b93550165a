//! The behaviour of the configuration coordinator, through its public API.

mod cache;
mod check;
mod environment;
mod fakes;
mod files;
mod laws;
mod layers;
mod local_providers;
mod providers;
mod reload;
