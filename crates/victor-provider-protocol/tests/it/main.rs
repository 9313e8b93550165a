//! The contracts of providers through their public API.

mod stored_forms;
mod stream;
