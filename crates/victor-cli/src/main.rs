//! The victor command: chat with an agent from a terminal.
//!
//! Each command is a module of its own, named as it is called. What they share: [`agent`] builds the orchestrator from
//! the flags, [`toolbox`] its tools (of which [`wanted`] keeps those away that are not named), [`settings`] are read from
//! files and the environment, [`data`] has what is kept, [`exit`] knows how the program ends, [`interrupt`] hears the
//! signals, [`provider`] chooses whose models are asked, [`say`] writes to the terminal, [`secrets`] knows what must not be
//! told, [`table`] sets what it lists, [`tape`] records and replays.

mod agent;
mod approvals;
mod chat;
mod checkpoints;
mod data;
mod exit;
mod interrupt;
mod logging;
mod mcp;
mod provider;
mod say;
mod secrets;
mod sessions;
mod settings;
mod table;
mod tape;
mod toolbox;
mod tools;
mod usage;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit::Exit;

/// Talk with an agent that calls tools.
#[derive(Debug, Parser)]
#[command(name = "victor", version, max_term_width = 100)]
#[command(after_help = "Begin with: victor chat \"Which files are here?\"")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Chat(Box<chat::ChatArgs>),
    Sessions(Box<sessions::SessionsCommand>),
    Checkpoints(Box<checkpoints::CheckpointsCommand>),
    Tools(Box<tools::ToolsCommand>),
    Mcp(Box<mcp::McpArgs>),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error).into(),
    };
    let run = || match cli.command {
        Some(Command::Chat(args)) => {
            logging::start()?;
            chat::run(*args)
        }
        Some(Command::Tools(command)) => {
            logging::start()?;
            tools::run(&command)
        }
        Some(Command::Mcp(args)) => {
            logging::start()?;
            mcp::run(&args)
        }
        Some(Command::Sessions(command)) => {
            logging::start()?;
            sessions::run(*command)
        }
        Some(Command::Checkpoints(command)) => {
            logging::start()?;
            checkpoints::run(&command)
        }
        None => {
            Cli::command().print_help()?;
            Ok(Exit::Answered)
        }
    };
    run().unwrap_or_else(|failure| failure.report()).into()
}
