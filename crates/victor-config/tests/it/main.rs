//! The behaviour of the configuration coordinator, through its public API.

mod check;
mod environment;
mod fakes;
mod files;
mod laws;
mod layers;
mod providers;
