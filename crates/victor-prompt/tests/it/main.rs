//! The behaviour of the prompt coordinator, through its public API.

mod crowd;
mod fakes;
mod faults;
mod files;
mod laws;
mod order;
mod sections;
mod sharing;
mod sources;
mod stable;
