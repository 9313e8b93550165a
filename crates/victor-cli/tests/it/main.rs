//! The command as people and programs use it: with flags, files, pipes, signals and a terminal.

mod analytics;
mod answers;
#[cfg(target_os = "linux")]
mod approvals;
mod config;
mod conversation;
mod eval;
mod events;
mod judge;
mod kept;
mod mcp;
mod metrics;
mod peer;
mod pipes;
mod project;
mod prompt;
mod providers;
mod real_model;
mod refusals;
mod returns;
mod run;
mod sections;
mod server;
#[cfg(unix)]
mod signals;
mod tapes;
mod telemetry;
#[cfg(target_os = "linux")]
mod terminal;
mod tools;
mod usage;
#[cfg(unix)]
mod worker;
mod workflow;
#[cfg(target_os = "linux")]
mod workflow_people;
mod wrong_use;
