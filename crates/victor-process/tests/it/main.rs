//! Processes that a program leaves behind.

#[cfg(unix)]
mod left_behind;
