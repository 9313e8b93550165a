//! The way of a call from its arguments to its result.
//!
//! It reads from top to bottom, and each file knows only those below it: [`schedule`] starts the calls of a message,
//! one after the other or in parallel. [`runner`] turns one call into one result. [`invocation`] attempts it within its
//! limits of time, and [`retry`] decides whether another attempt follows. [`liveness`] hears of a running call,
//! [`permits`] limit the calls of a tool, and [`batch`] and [`progress`] hold what the calls of a message share.

mod batch;
mod invocation;
mod liveness;
mod permits;
mod progress;
mod retry;
mod runner;
mod schedule;

pub(crate) use invocation::tool_context;
pub(crate) use runner::Runner;
pub(crate) use schedule::start;
