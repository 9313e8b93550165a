//! The behaviour of the stores, on both databases.

mod faults;
mod home;
mod laws;
mod processes;
mod salvage;
mod schema;
mod server;
mod stores;
mod sweep;
