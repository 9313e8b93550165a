//! `victor skills`: lists skills, and checks them.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use victor_prompt_library::{Project, Skill, Skills, validate_skill};
use victor_text::{excerpt, json_escaped};

use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::trust::{Decision, ProjectTrust};
use crate::{table, terminal};

/// The most characters of a description in a list.
const DESCRIPTION: usize = 80;

/// List the skills of the project and of the user, or check some by the specification (agentskills.io)
#[derive(Debug, Args)]
pub(crate) struct SkillsCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the skills, which are read from .agents/skills in the project and in the home folder
    List {
        /// Print one skill a line as JSON, with all its fields
        #[arg(long)]
        json: bool,

        /// The folder in which the agent works
        #[arg(long, value_name = "DIR", default_value = ".")]
        root: PathBuf,

        #[command(flatten)]
        data: DataArgs,
    },
    /// Check folders of skills strictly; the exit code is 1 if one is not valid
    #[command(after_help = "Example:\n  victor skills validate .agents/skills/*")]
    Validate {
        /// The folders, or the SKILL.md files in them
        #[arg(required = true, value_name = "DIR")]
        paths: Vec<PathBuf>,
    },
}

pub(crate) fn run(command: &SkillsCommand) -> Result<Exit, Failure> {
    match &command.action {
        Action::List { json, root, data } => list(*json, root, data),
        Action::Validate { paths } => validate(paths),
    }
}

fn list(json: bool, root: &Path, data: &DataArgs) -> Result<Exit, Failure> {
    let project = Project::find(root).ok();
    let trusted = project
        .as_ref()
        .map(|project| ProjectTrust::read(data, project).decision == Some(Decision::Trusted));
    // Shown to the user, and to no model.
    let project = project.map(Project::trust);
    let skills = Skills::of(project.as_ref());
    let list = skills.list();
    let mut out = io::stdout().lock();
    if json {
        for skill in &list {
            writeln!(out, "{}", json_escaped(&as_json(skill).to_string()))?;
        }
    } else if !list.is_empty() {
        let row = |skill: &Skill| {
            [
                skill.name.clone(),
                skill.scope.to_string(),
                excerpt(&skill.description, DESCRIPTION),
            ]
        };
        let rows: Vec<_> = list.iter().map(|skill| row(skill)).collect();
        writeln!(out, "{}", table::table(&rows, &[]))?;
    }
    let is_of_project = |skill: &Skill| skill.scope == victor_prompt_library::SkillScope::Project;
    if trusted == Some(false) && list.iter().any(|skill| is_of_project(skill)) {
        terminal::status(
            "those of the project are not told to a model unless it is trusted: `victor trust grant`",
        );
    }
    for problem in skills.problems() {
        terminal::status(&problem);
    }
    Ok(Exit::Answered)
}

fn as_json(skill: &Skill) -> serde_json::Value {
    json!({
        "name": skill.name,
        "description": skill.description,
        "scope": skill.scope.to_string(),
        "folder": skill.folder,
        "license": skill.license,
        "compatibility": skill.compatibility,
        "metadata": skill.metadata,
        "allowed_tools": skill.allowed_tools,
    })
}

fn validate(paths: &[PathBuf]) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    let mut exit = Exit::Answered;
    for path in paths {
        let report = validate_skill(path);
        let path = path.display();
        if report.is_valid() {
            writeln!(out, "{}", terminal::one_line(&format!("{path}: valid")))?;
        } else {
            exit = Exit::Failed;
        }
        for problem in &report.problems {
            writeln!(out, "{}", terminal::one_line(&format!("{path}: {problem}")))?;
        }
        for advice in &report.advice {
            terminal::status(&format!("{path}: {advice}"));
        }
    }
    Ok(exit)
}
