//! Files of definitions, and the faults in them.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use victor_orchestrator::workflow::{InvalidWorkflow, Workflow};
use victor_workflow::from_yaml_for;

use super::opened::HANDLERS;
use crate::exit::{Exit, Failure};
use crate::terminal;

/// A file of a definition.
#[derive(Debug)]
pub(super) struct DefinitionFile {
    name: String,
    text: String,
}

impl DefinitionFile {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let mut text = String::new();
            let read = io::stdin().lock().read_to_string(&mut text);
            read.context("the definition cannot be read from standard input")
                .map_err(Failure::usage)?;
            let name = "standard input".to_owned();
            return Ok(Self { name, text });
        }
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("the definition `{name}` cannot be read"));
        Ok(Self {
            text: text.map_err(Failure::usage)?,
            name,
        })
    }

    /// Returns the definition. Prints its faults, one a line, if it has some.
    pub(super) fn workflow(&self) -> Result<Workflow, Failure> {
        from_yaml_for(&self.text, HANDLERS).map_err(|error| {
            let count = self.print(&error);
            let faults = if count == 1 { "a fault" } else { "faults" };
            Failure::usage(anyhow!(
                "`{}` has {faults}, told above; nothing has run",
                self.name
            ))
        })
    }

    /// Prints faults as compilers do, so that editors find their places.
    fn print(&self, error: &InvalidWorkflow) -> usize {
        for fault in &error.faults {
            let place = fault
                .position
                .map(|(line, column)| format!(":{line}:{column}"));
            let path = match fault.path.as_str() {
                "" => String::new(),
                path => format!("{path}: "),
            };
            let line = format!(
                "{}{}: {path}{}",
                self.name,
                place.unwrap_or_default(),
                fault.message
            );
            terminal::print(&terminal::one_line(&line));
        }
        error.faults.len()
    }
}

/// Checks files.
pub(super) fn check(files: &[PathBuf]) -> Result<Exit, Failure> {
    let mut exit = Exit::Answered;
    for path in files {
        let file = DefinitionFile::read(path)?;
        match from_yaml_for(&file.text, HANDLERS) {
            Ok(workflow) => {
                let count = count(workflow.steps.len(), "step");
                terminal::status(&format!(
                    "{}: workflow `{}`, {count}, no fault",
                    file.name, workflow.name
                ));
            }
            Err(error) => {
                let count = file.print(&error);
                terminal::status(&format!("{}: {}", file.name, self::count(count, "fault")));
                exit = Exit::Usage;
            }
        }
    }
    Ok(exit)
}

/// Returns a number with its noun.
pub(super) fn count(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
