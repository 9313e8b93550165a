//! The behaviour of the stores, on both databases.

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
