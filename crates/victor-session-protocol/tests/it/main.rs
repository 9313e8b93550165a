//! The contracts of sessions through their public API.

mod memory;
mod stored_forms;
