//! The vocabulary through its public API.

mod context;
mod stored_forms;
