//! The behaviour of the stores, on both databases.

mod home;
mod laws;
mod server;
