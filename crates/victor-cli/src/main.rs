//! The victor command: chat with an agent from a terminal.
//!
//! ```sh
//! cargo install victor-cli
//! victor chat "Which crate retries a failed model call? Read docs/architecture.md"
//! ```
//!
//! It finds a model by the keys in the environment (`ANTHROPIC_API_KEY`, `OPENAI_API_KEY`) or a running Ollama, and
//! works without any by picking sentences from what it reads. It asks before it changes a file or runs a command.
//! `victor help` lists all commands.
//!
//! # Inside
//!
//! Each command is a module, named after it: [`chat`], [`sessions`], [`checkpoints`], [`usage`], [`metrics`],
//! [`analytics`], [`report`], [`config`], [`tools`], [`skills`], [`trust`], [`eval`], [`workflow`],
//! [`worker`], [`mcp`].
//!
//! They share: [`agent`], which builds the orchestrator from the flags, with [`provider`] for the model, [`routing`]
//! and [`prices`] for the way to it, [`toolbox`] for the tools, [`prompt_library`] for the system prompt, [`settings`],
//! [`recording`] and [`approvals`]; [`data`], the stores on disk, with [`folder_record`]; [`session_lookup`], sessions by name, and [`period`], records by session and day; [`interrupt`], the signals; [`secrets`], the
//! values to keep out of logs and recordings; [`terminal`], [`table`], [`selection`] and [`misuse`], the output;
//! [`exit`], the exit codes; [`telemetry`], traces for others.

mod agent;
mod analytics;
mod approvals;
mod chat;
mod checkpoints;
mod config;
mod data;
mod eval;
mod exit;
mod folder_record;
mod interrupt;
mod logging;
mod mcp;
mod metrics;
mod misuse;
mod period;
mod prices;
mod prompt;
mod prompt_library;
mod provider;
mod recording;
mod report;
mod routing;
mod secrets;
mod selection;
mod session_lookup;
mod sessions;
mod settings;
mod skills;
mod table;
mod telemetry;
mod terminal;
mod toolbox;
mod tools;
mod trust;
mod usage;
mod worker;
mod workflow;

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
    Usage(Box<usage::UsageArgs>),
    Metrics(Box<metrics::MetricsCommand>),
    Report(Box<report::ReportArgs>),
    Analytics(Box<analytics::AnalyticsArgs>),
    Config(Box<config::ConfigCommand>),
    Prompt(prompt::PromptCommand),
    Tools(Box<tools::ToolsCommand>),
    Skills(skills::SkillsCommand),
    Trust(trust::TrustCommand),
    Eval(Box<eval::EvalCommand>),
    Workflow(Box<workflow::WorkflowCommand>),
    Worker(Box<worker::WorkerArgs>),
    Mcp(Box<mcp::McpArgs>),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misuse::explain(&error).into(),
    };
    let run = || match cli.command {
        Some(Command::Chat(args)) => {
            logging::start()?;
            chat::run(*args)
        }
        Some(Command::Prompt(command)) => {
            logging::start()?;
            prompt::run(&command)
        }
        Some(Command::Tools(command)) => {
            logging::start()?;
            tools::run(&command)
        }
        Some(Command::Skills(command)) => {
            logging::start()?;
            skills::run(&command)
        }
        Some(Command::Trust(command)) => {
            logging::start()?;
            trust::run(&command)
        }
        Some(Command::Eval(command)) => {
            logging::start()?;
            eval::run(*command)
        }
        Some(Command::Workflow(command)) => {
            logging::start()?;
            workflow::run(*command)
        }
        Some(Command::Worker(args)) => {
            logging::start()?;
            worker::run(&args)
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
        Some(Command::Usage(args)) => {
            logging::start()?;
            usage::run(&args)
        }
        Some(Command::Report(args)) => {
            logging::start()?;
            report::run(&args)
        }
        Some(Command::Analytics(args)) => {
            logging::start()?;
            analytics::run(&args)
        }
        Some(Command::Config(command)) => {
            logging::start()?;
            config::run(&command)
        }
        Some(Command::Metrics(args)) => {
            logging::start()?;
            metrics::run(&args)
        }
        None => {
            Cli::command().print_help()?;
            Ok(Exit::Answered)
        }
    };
    run().unwrap_or_else(|failure| failure.report()).into()
}
