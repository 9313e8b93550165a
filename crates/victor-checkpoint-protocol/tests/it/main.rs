//! The contracts of checkpoints through their public API.

mod memory;
mod stored_forms;
