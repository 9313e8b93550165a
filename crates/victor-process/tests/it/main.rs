//! What is left behind when a program ends.

#[cfg(unix)]
mod left_behind;
