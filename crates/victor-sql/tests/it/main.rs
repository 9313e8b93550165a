//! The behaviour of the stores, on both databases.

mod config_query;
mod faults;
mod home;
mod laws;
mod processes;
mod prompts;
mod restarts;
mod salvage;
mod schema;
mod server;
mod shared;
mod stores;
mod sweep;
mod workflows;
