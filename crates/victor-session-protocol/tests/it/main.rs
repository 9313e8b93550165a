//! The contracts of sessions through their public API.

mod export;
mod memory;
mod queries;
mod stored_forms;
