//! The coordinator through its public API.

mod laws;
