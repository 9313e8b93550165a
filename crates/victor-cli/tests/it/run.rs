//! Runs the command in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The file that tests ask about.
pub(crate) const NOTES: &str = "We met on Monday. The deadline is Friday noon. There was cake.\n";
pub(crate) const QUESTION: &str = "What does notes.txt say about the deadline?";
pub(crate) const ANSWER: &str = "The deadline is Friday noon. (from notes.txt)\n";

/// A folder with a file to ask about.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("notes.txt"), NOTES).unwrap();
    folder
}

/// An address at which nobody listens.
pub(crate) const NOWHERE: &str = "127.0.0.1:1";

/// The command, to be run in a folder and with nothing of the environment that could change what it does.
///
/// No key of whoever runs the tests is there, and no Ollama, so that no test asks a real model.
pub(crate) fn victor(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_victor"));
    for (name, _) in std::env::vars_os() {
        if is_foreign(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("OLLAMA_HOST", NOWHERE)
        .env("VICTOR_DATA_DIR", folder.join("data"));
    command
}

/// Whether a variable of the environment could change what the command does.
fn is_foreign(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let begins = [
        "VICTOR_",
        "XDG_",
        "CLICOLOR",
        "ANTHROPIC_",
        "OPENAI_",
        "OLLAMA_",
        "OTEL_",
        "TRACE",
    ];
    let ends = ["_API_KEY", "_PROXY"];
    name == "NO_COLOR"
        || begins.iter().any(|begin| name.starts_with(begin))
        || ends.iter().any(|end| name.ends_with(end))
}

/// The outcome of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `victor chat` in a folder with these arguments and this standard input.
pub(crate) fn chat(folder: &Path, arguments: &[&str], stdin: &str) -> Ran {
    ran(victor(folder).arg("chat").args(arguments), stdin)
}

/// Runs a command to its end.
pub(crate) fn ran(command: &mut Command, stdin: &str) -> Ran {
    let mut command = assert_cmd::Command::from_std(std::mem::replace(command, Command::new("")));
    let output = command
        .write_stdin(stdin)
        .timeout(std::time::Duration::from_secs(60))
        .output()
        .unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
