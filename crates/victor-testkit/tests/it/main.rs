//! The testkit through its public API.

mod cancel;
mod conformance;
mod faults;
mod recorder;
mod scripted;

use victor_core::{Context, Message};
use victor_provider_protocol::ChatRequest;

/// A request of a user who says this.
fn request(text: &str) -> ChatRequest {
    ChatRequest::new("model", Context::from_iter([Message::user(text)]))
}

/// Asserts that a function panics, and returns what it says.
#[track_caller]
fn panic_of<T>(function: impl FnOnce() -> T) -> String {
    match victor_core::contain_sync(function) {
        Ok(_) => panic!("it did not panic"),
        Err(panicked) => panicked.message,
    }
}
