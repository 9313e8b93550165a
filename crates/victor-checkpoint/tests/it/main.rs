//! The checkpoint coordinator, through its public API.

mod stores;
