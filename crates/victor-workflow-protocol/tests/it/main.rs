//! The contracts of workflows through their public API.

mod memory;
mod stored_forms;
