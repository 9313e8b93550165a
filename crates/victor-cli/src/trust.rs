//! `victor trust`: whether the files of a project may go into the system prompt; asked once, and stored.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use rustyline::error::ReadlineError;
use serde::{Deserialize, Serialize};
use victor_prompt_library::Project;

use crate::chat::editor::editor_for_question;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::{folder_record, terminal};

/// The folder of the records, below the one for data.
const FOLDER: &str = "trust";

/// The most files that a question names.
const MAX_NAMED: usize = 8;

/// Show or change whether this project is trusted, so that its AGENTS.md and its skills go into the system prompt
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  victor trust grant")]
pub(crate) struct TrustCommand {
    #[command(subcommand)]
    action: Option<Action>,

    /// The folder in which the agent works; its project is the repository around it
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    root: PathBuf,

    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show what was decided, and what there is to read
    Show,
    /// Trust the project from now on
    Grant,
    /// Do not trust the project, and do not ask
    Refuse,
    /// Ask again
    Forget,
}

/// A decision about a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    Trusted,
    Refused,
}

/// The decision about a project, with the place where it is stored.
#[derive(Debug)]
pub(crate) struct ProjectTrust {
    folder: PathBuf,
    /// The file that stores it; `None` if it cannot be stored.
    file: Option<PathBuf>,
    pub(crate) decision: Option<Decision>,
}

/// The stored form.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// The folder, for people who read the file.
    folder: PathBuf,
    decision: Decision,
}

impl ProjectTrust {
    /// Reads the decision about a project. A file that cannot be read counts as none, and is reported.
    pub(crate) fn read(data: &DataArgs, project: &Project) -> Self {
        let folder = project.folder().to_owned();
        let read = || {
            let file = folder_record::path(&data.path()?, &folder, FOLDER)?;
            let decision = file.as_deref().map(load).transpose()?.flatten();
            anyhow::Ok((file, decision))
        };
        let (file, decision) = read().unwrap_or_else(|error| {
            terminal::status(&format!(
                "decisions about projects are not stored: {error:#}"
            ));
            (None, None)
        });
        Self {
            folder,
            file,
            decision,
        }
    }

    /// Stores a decision, or removes it.
    fn decide(&mut self, decision: Option<Decision>) -> anyhow::Result<()> {
        self.decision = decision;
        let Some(file) = &self.file else {
            bail!(
                "the decision cannot be stored in the project itself: choose another folder with --data-dir, or use \
                 --trust"
            );
        };
        let cannot = || format!("`{}` cannot be written", file.display());
        match decision {
            Some(decision) => {
                let stored = Stored {
                    folder: self.folder.clone(),
                    decision,
                };
                let text = serde_json::to_vec_pretty(&stored)?;
                folder_record::write(file, &text).with_context(cannot)
            }
            None => match fs::remove_file(file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(error).with_context(cannot)
                }
                _ => Ok(()),
            },
        }
    }

    /// Asks a person, and stores the answer. Nothing is decided if there is nobody to ask, or after Ctrl-C. Blocks.
    pub(crate) fn ask(&mut self, contents: &[String]) {
        let Some(mut editor) = editor_for_question() else {
            return;
        };
        terminal::print(&format!(
            "The project {} has files that tell an agent how to work in it: {}.",
            self.folder.display(),
            named(contents)
        ));
        terminal::print(
            "Others may have written them. If you trust the project, they go into the system prompt.",
        );
        let decision = loop {
            match editor.readline("trust this project? [y/N] ") {
                Ok(line) => match &*line.trim().to_lowercase() {
                    "y" | "yes" => break Decision::Trusted,
                    "" | "n" | "no" => break Decision::Refused,
                    _ => terminal::print(
                        "y: yes, from now on; n or Enter: no. `victor trust` changes it.",
                    ),
                },
                Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => return,
                Err(_) => break Decision::Refused,
            }
        };
        if let Err(error) = self.decide(Some(decision)) {
            terminal::status(&format!("you will be asked again: {error:#}"));
        }
    }
}

fn load(file: &std::path::Path) -> anyhow::Result<Option<Decision>> {
    let cannot = || {
        format!(
            "`{}` cannot be read; remove it to decide anew",
            file.display()
        )
    };
    let text = match fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.with_context(cannot)?,
    };
    let stored: Stored = serde_json::from_slice(&text).with_context(cannot)?;
    Ok(Some(stored.decision))
}

/// Lists files in one line, the first few by name.
pub(crate) fn named(files: &[String]) -> String {
    let named = files.iter().take(MAX_NAMED);
    let mut text = victor_text::listed(named, "and");
    if files.len() > MAX_NAMED {
        text += &format!(", and {} more", files.len() - MAX_NAMED);
    }
    text
}

/// Shows or changes the decision about a project.
pub(crate) fn run(command: &TrustCommand) -> Result<Exit, Failure> {
    let project = Project::find(&command.root).map_err(|error| {
        Failure::usage(anyhow!(
            "`{}` is no folder: {error}",
            command.root.display()
        ))
    })?;
    let mut trust = ProjectTrust::read(&command.data, &project);
    match command.action {
        None | Some(Action::Show) => {}
        Some(Action::Grant) => trust
            .decide(Some(Decision::Trusted))
            .map_err(Failure::usage)?,
        Some(Action::Refuse) => trust
            .decide(Some(Decision::Refused))
            .map_err(Failure::usage)?,
        Some(Action::Forget) => trust.decide(None).map_err(Failure::usage)?,
    }
    let decision = match trust.decision {
        Some(Decision::Trusted) => "is trusted",
        Some(Decision::Refused) => "is not trusted",
        None => "was not decided about",
    };
    let mut out = std::io::stdout().lock();
    let folder = terminal::one_line(&project.folder().to_string_lossy());
    writeln!(out, "{folder} {decision}")?;
    for path in project.contents() {
        writeln!(out, "  {}", terminal::one_line(&path))?;
    }
    Ok(Exit::Answered)
}
