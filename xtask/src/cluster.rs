//! `cargo xtask cluster`: processes and a PostgreSQL server that are killed for a minute.

use std::fs;

use anyhow::{Context as _, Result};
use xshell::Shell;

use crate::cargo::cargo;
use crate::workspace::Workspace;

/// The time for which something is killed every second, in seconds, where no other is named.
const SECONDS: u64 = 60;

/// Runs the test of `victor-orchestrator` for so many seconds, and prints its figures as JSON.
pub(crate) fn run(workspace: &Workspace, seconds: Option<u64>) -> Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(workspace.root());
    let folder = shell.create_temp_dir()?;
    let report = folder.path().join("figures.json");
    cargo(&shell)
        .args([
            "test",
            "--quiet",
            "--package",
            "victor-orchestrator",
            "--test",
            "it",
        ])
        .args(["--", "cluster::a_cluster"])
        .env(
            "VICTOR_CLUSTER_SECONDS",
            seconds.unwrap_or(SECONDS).to_string(),
        )
        .env("VICTOR_CLUSTER_REPORT", &report)
        .run()?;
    let figures = fs::read_to_string(report)
        .context("the test has told no figures: is PostgreSQL installed?")?;
    println!("{}", figures.trim());
    Ok(())
}
