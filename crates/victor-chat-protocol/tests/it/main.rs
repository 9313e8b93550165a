//! The contracts of chat through their public API.

mod errors;
mod input;
mod stored_forms;
mod stream;
