//! The behaviour of the stores, on both databases.

mod config_query;
mod faults;
mod home;
mod laws;
mod processes;
mod prompts;
mod salvage;
mod schema;
mod server;
mod stores;
mod sweep;
mod workflows;
