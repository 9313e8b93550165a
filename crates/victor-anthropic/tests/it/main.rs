//! Behaviour through the public API: recordings of the real API and hand-written answers, replayed by a local server.
//!
//! The recordings are found through the environment variable `VICTOR_CASSETTES`; tests that need them say on standard
//! error that they skip where it is not set.

mod cassettes;
mod conformance;
mod decoder;
mod errors;
mod fuzz;
mod lenient;
mod own;
mod replay;
mod said;
mod secrets;
mod server;
