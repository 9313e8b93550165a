//! `victor config`: shows, explains, checks and begins the settings.

mod template;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::json;
use victor_orchestrator::config::{Setting, SettingRange, SettingScope, Settings};
use victor_orchestrator::coordinators::config::{ConfigCoordinator, Explanation};
use victor_text::json_escaped;

use crate::exit::{Exit, Failure};
use crate::settings::SettingsArgs;
use crate::table::table;
use crate::terminal;

const MORE: &str = "\
Settings come from a victor.toml, .yaml or .json in the current directory, then from one in victor/ of the user's folder of \
settings, which overrides it, and from the environment: VICTOR_ and the key in capitals, which overrides both.";

/// Show, explain and check the settings, or begin a file of them
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every setting with its value and the source of it
    Show {
        /// Show only those that are set
        #[arg(long)]
        set: bool,

        /// Print one setting a line as JSON
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Explain one setting: its value, the source of it, its meaning and what it takes
    Explain {
        /// The key of the setting, such as `model`, or of a value of your own under `extra`
        key: String,

        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Print the JSON Schema of a file of settings, for editors
    Schema,
    /// Check a file of settings, or all that is in force, and tell everything that is wrong
    Check {
        /// The file; without it, every source is checked
        file: Option<PathBuf>,
    },
    /// Write a victor.toml with every setting, its documentation and its default, all commented out
    Init {
        /// The file to write, which must not be there yet
        #[arg(default_value = "victor.toml")]
        file: PathBuf,
    },
}

pub(crate) fn run(command: &ConfigCommand) -> Result<Exit, Failure> {
    match &command.action {
        Action::Show {
            set,
            json,
            settings,
        } => show(settings, *set, *json),
        Action::Explain { key, settings } => explain(settings, key),
        Action::Schema => {
            let schema = serde_json::to_string_pretty(&Settings::json_schema())?;
            writeln!(io::stdout(), "{schema}")?;
            Ok(Exit::Answered)
        }
        Action::Check { file } => check(file.as_deref()),
        Action::Init { file } => init(file),
    }
}

fn show(settings: &SettingsArgs, set: bool, json: bool) -> Result<Exit, Failure> {
    let config = settings.read(None, None).map_err(Failure::usage)?;
    let is_shown = |explanation: &Explanation| !set || explanation.is_set();
    let explanations: Vec<_> = config.explain_all().into_iter().filter(is_shown).collect();
    let mut out = io::stdout().lock();
    if json {
        for explanation in &explanations {
            let source = explanation.source.to_string();
            let line =
                json!({ "key": explanation.key, "value": explanation.shown(), "source": source });
            writeln!(out, "{}", json_escaped(&line.to_string()))?;
        }
        return Ok(Exit::Answered);
    }
    if explanations.is_empty() {
        terminal::status("nothing is set: the defaults are in force");
        return Ok(Exit::Answered);
    }
    let mut rows = vec![["setting", "value", "source"].map(str::to_owned)];
    rows.extend(explanations.iter().map(|explanation| {
        let value = explanation.shown();
        let value = match value.is_null() {
            true => "-".to_owned(),
            false => value.to_string(),
        };
        [
            explanation.key.clone(),
            value,
            explanation.source.to_string(),
        ]
    }));
    writeln!(out, "{}", table(&rows, &[]))?;
    Ok(Exit::Answered)
}

fn explain(settings: &SettingsArgs, key: &str) -> Result<Exit, Failure> {
    let config = settings.read(None, None).map_err(Failure::usage)?;
    let explanation = config.explain(key).map_err(Failure::usage)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", terminal::printable(&explanation.to_string()))?;
    let Some(setting) = Settings::declaration(key) else {
        return Ok(Exit::Answered);
    };
    writeln!(out, "\n{}\n", setting.description())?;
    let rows = [
        ["takes".to_owned(), takes(setting)],
        [
            "default".to_owned(),
            Settings::default().get(key).unwrap_or_default().to_string(),
        ],
        ["read".to_owned(), read_when(setting.scope).to_owned()],
        [
            "variable".to_owned(),
            format!("VICTOR_{}", key.to_ascii_uppercase()),
        ],
    ];
    writeln!(out, "{}", table(&rows, &[]))?;
    Ok(Exit::Answered)
}

fn takes(setting: &Setting) -> String {
    let range = match setting.range {
        SettingRange::Any => String::new(),
        range => format!(", {range}"),
    };
    let none = if setting.is_optional { ", or none" } else { "" };
    format!("{}{range}{none}", setting.kind)
}

fn read_when(scope: SettingScope) -> &'static str {
    match scope {
        SettingScope::Session => "for every turn, so that sessions may differ",
        SettingScope::Process => "once, when the program starts",
        _ => "by nothing yet",
    }
}

/// Prints everything that is wrong, one problem a line.
fn check(file: Option<&Path>) -> Result<Exit, Failure> {
    let (checked, what) = match file {
        Some(file) => (
            ConfigCoordinator::builder().file(file).build(),
            file.display().to_string(),
        ),
        None => (
            SettingsArgs::default().builder().build(),
            "the settings".to_owned(),
        ),
    };
    match checked {
        Ok(config) => {
            let set = config
                .explain_all()
                .iter()
                .filter(|explanation| explanation.is_set())
                .count();
            let settings = if set == 1 { "setting" } else { "settings" };
            writeln!(io::stdout(), "no problem in {what}: {set} {settings}")?;
            Ok(Exit::Answered)
        }
        Err(error) => {
            let problems = error.all();
            for problem in problems {
                terminal::error(&victor_orchestrator::core::with_causes(problem));
            }
            Ok(Exit::Failed)
        }
    }
}

fn init(file: &Path) -> Result<Exit, Failure> {
    let created = OpenOptions::new().write(true).create_new(true).open(file);
    let mut created = match created {
        Ok(created) => created,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = anyhow!(
                "`{}` is there already, and stays as it is: name another file",
                file.display()
            );
            return Err(Failure::usage(there));
        }
        Err(error) => {
            return Err(anyhow!(error)
                .context(format!("`{}` cannot be written", file.display()))
                .into());
        }
    };
    let written = created.write_all(template::toml().as_bytes());
    written.with_context(|| format!("`{}` cannot be written", file.display()))?;
    terminal::status(&format!(
        "wrote {}: every setting is in it, commented out",
        file.display()
    ));
    Ok(Exit::Answered)
}
