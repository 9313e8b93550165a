//! The measuring programs of the package `benches`, which print their measures as JSON.

use std::env::consts::EXE_SUFFIX;

use anyhow::{Context, Result};
use cargo_metadata::camino::Utf8PathBuf;
use xshell::Shell;

use super::measures::Values;
use crate::cargo::cargo;
use crate::workspace::Workspace;

/// Builds a program, runs it and reads what it prints on stdout.
pub(crate) fn run(shell: &Shell, name: &str, profile: &str, arguments: &[&str]) -> Result<Values> {
    let command = cargo(shell).args(["run", "--quiet", "--profile", profile]);
    let command = command.args(["--package", "benches", "--bin", name, "--"]);
    parse(&command.args(arguments).read()?).with_context(|| format!("the program {name}"))
}

/// The file of a program that was built in release profile.
pub(crate) fn built(workspace: &Workspace, name: &str) -> Utf8PathBuf {
    let folder = workspace.target().join("release");
    folder.join(format!("{name}{EXE_SUFFIX}"))
}

fn parse(output: &str) -> Result<Values> {
    serde_json::from_str(output).context("expected one JSON object of names and numbers on stdout")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_output_is_an_object_of_numbers_and_nothing_else() {
        let values = parse("{\"allocations/turn/10\": 81,\n \"load/ratio\": 0.97}\n");
        let values = values.expect("an object of numbers");
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        assert_eq!(
            values,
            [("allocations/turn/10", 81.0), ("load/ratio", 0.97)]
        );
        for output in ["", "done", "[1]", "{\"a\": \"1\"}", "{\"a\": 1} {\"b\": 2}"] {
            assert!(parse(output).is_err(), "{output}");
        }
    }
}
