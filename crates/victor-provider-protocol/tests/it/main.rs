//! The contracts of providers through their public API.

mod error;
mod request;
mod stored_forms;
mod stream;
