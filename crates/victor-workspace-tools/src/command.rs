//! The tool `run_command`.

mod environment;
mod run_command;

pub(crate) use run_command::{CommandTime, RunCommand};
