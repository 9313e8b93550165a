//! The checks and chores of this repository, behind `cargo xtask`.
//!
//! The checks guard what the compiler cannot see: which crate knows which, what documents say about
//! the tree, what manifests look like. Each command has a file of its own. A check is a function
//! from a [`Workspace`] to findings, lines of the form `path:line: message`; its tests break a
//! small workspace in a temporary directory and look whether it notices.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks through these"
)]

mod alone;
mod bans;
mod bench;
mod cargo;
mod ci;
mod cluster;
mod eval;
#[cfg(test)]
mod fixture;
mod flags;
mod layers;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, ensure};

use flags::{EvalCmd, Xtask, XtaskCmd};
use workspace::Workspace;

fn main() -> ExitCode {
    match run(&Xtask::from_env_or_exit().subcommand) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &XtaskCmd) -> Result<()> {
    match command {
        XtaskCmd::Ci(_) => ci::run(),
        XtaskCmd::Layers(_) => report(layers::check(&Workspace::load(".")?)?),
        XtaskCmd::Alone(_) => report(alone::check(&Workspace::load(".")?)?),
        XtaskCmd::Bans(_) => report(bans::check(&Workspace::load(".")?)?),
        XtaskCmd::Bench(options) => bench::run(&Workspace::load(".")?, options),
        XtaskCmd::Cluster(flags) => cluster::run(&Workspace::load(".")?, flags.seconds),
        XtaskCmd::Eval(eval) => match &eval.subcommand {
            EvalCmd::Compaction(flags) => eval::compaction(&flags.data),
            EvalCmd::ToolSelection(flags) => eval::tool_selection(&flags.data),
        },
        XtaskCmd::Tidy(tidy) => {
            let workspace = Workspace::load(".")?;
            if tidy.write {
                tidy::write(&workspace)?;
            }
            report(tidy::check(&workspace)?)
        }
    }
}

/// Prints all findings of a check, and fails if there are any.
fn report(mut findings: Vec<String>) -> Result<()> {
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "findings: {}", findings.len());
    Ok(())
}
