//! The coordinator through its public API.

mod broken;
mod definitions;
mod laws;
mod together;
