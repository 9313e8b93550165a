//! Workflows with the journals that keep them: the laws of runners on SQLite and PostgreSQL, and processes that are killed.
//! Here because the tests of a coordinator know no adapter.

#[cfg(unix)]
mod killed;
#[cfg(unix)]
mod laws;
#[cfg(unix)]
#[path = "../../../crates/victor-sql/tests/it/server.rs"]
#[allow(dead_code, reason = "the tests of victor-sql use more of it")]
mod server;
