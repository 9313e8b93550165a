//! The behaviour of the prompt coordinator, through its public API.

mod fakes;
mod faults;
mod laws;
mod order;
mod sharing;
