//! The sections of the system prompt: the flags that choose them.

use std::path::Path;

use clap::Args;
use clap::builder::{FalseyValueParser, NonEmptyStringValueParser, PossibleValuesParser};
use victor_prompt_library::{
    Environment, LoadSkillTool, Project, PromptLibrary, Skills, TaskHints, TaskKind,
    TrustedProject, UserLanguage,
};

use crate::data::DataArgs;
use crate::terminal;
use crate::toolbox::ToolsArgs;
use crate::trust::{Decision, ProjectTrust, named};

/// The environment variable in place of `--trust`.
pub(crate) const TRUST: &str = "VICTOR_TRUST";

/// The flags for the sections of the system prompt.
#[derive(Debug, Args)]
pub(crate) struct PromptArgs {
    /// Read AGENTS.md and the skills of the project without asking whether it is trusted; `victor trust` stores the
    /// answer
    #[arg(long, env = TRUST, value_parser = FalseyValueParser::new())]
    trust: bool,

    /// Read no files of the project for the system prompt. Overrides --trust
    #[arg(long)]
    no_trust: bool,

    /// The kind of task, for which the model is given a hint
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    task: Option<String>,

    /// The language to answer in, as a code or a name: `de`, `pt-BR`. Without it, the model answers in that of the
    /// message
    #[arg(long, value_name = "LANGUAGE", value_parser = NonEmptyStringValueParser::new())]
    language: Option<String>,
}

impl PromptArgs {
    /// Puts the sections together. A person may be asked whether the project is trusted. `is_recorded` leaves out all
    /// that differs from place to place and from day to day.
    pub(crate) fn library(
        &self,
        data: &DataArgs,
        toolbox: &ToolsArgs,
        is_recorded: bool,
    ) -> PromptLibrary {
        let root = toolbox.root();
        let environment = (!is_recorded).then(|| environment(root));
        let hints = match &self.task {
            Some(task) => TaskHints::new().with_default(task),
            None => TaskHints::new(),
        };
        let mut library = PromptLibrary::new()
            .environment(environment)
            .contributor(hints);
        if let Some(language) = &self.language {
            library = library.contributor(UserLanguage::new().with_default(language));
        }
        let project = self.project(data, root);
        if let Some(project) = &project {
            library = library.project(project);
        }
        let skills = match (&project, is_recorded) {
            (project, false) => Skills::of(project.as_ref()),
            (Some(project), true) => Skills::none().with_project(project),
            (None, true) => Skills::none(),
        };
        // Without skills, and where the tool is not offered, the model need not hear of them.
        if toolbox.permits(LoadSkillTool::NAME) && !skills.list().is_empty() {
            library = library.skills(skills);
        }
        for problem in library.problems() {
            terminal::status(&problem);
        }
        library
    }

    /// Returns the project of the folder, if it is trusted.
    fn project(&self, data: &DataArgs, root: &Path) -> Option<TrustedProject> {
        // A folder that is not there is reported where the tools are opened.
        let project = Project::find(root).ok()?;
        if self.no_trust {
            return None;
        }
        if self.trust {
            return Some(project.trust());
        }
        let contents = project.contents();
        let mut trust = ProjectTrust::read(data, &project);
        if trust.decision.is_none() && !contents.is_empty() {
            trust.ask(&contents);
        }
        let reason = match trust.decision {
            Some(Decision::Trusted) => return Some(project.trust()),
            _ if contents.is_empty() => return None,
            Some(Decision::Refused) => {
                "this project is not trusted; `victor trust grant` changes that"
            }
            None => {
                "nobody has said that this project is trusted; `victor trust grant` says so from now on, --trust \
                 once"
            }
        };
        terminal::status(&format!("not read: {}: {reason}", named(&contents)));
        None
    }
}

/// The names of the kinds of tasks.
fn kinds() -> PossibleValuesParser {
    TaskKind::ALL.iter().map(|kind| kind.as_str()).into()
}

fn environment(root: &Path) -> Environment {
    let folder = root.canonicalize();
    Environment::new().with_folder(folder.as_deref().unwrap_or(root))
}
