//! The behaviour of the stores, on both databases.

mod laws;
mod server;
