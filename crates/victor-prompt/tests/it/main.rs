//! The behaviour of the prompt coordinator, through its public API.

mod fakes;
mod faults;
mod order;
mod sharing;
