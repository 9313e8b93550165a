//! The instructions of a project: its `AGENTS.md` files.

mod nested;
mod text;

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tracing::warn;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use crate::folder::{FileText, Folder, slashed};
use crate::watched::{Files, Watched, blocking};
use crate::{TrustedProject, priority};

/// The names of instruction files; in each folder the first one that is there counts.
pub(crate) const FILES: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];

victor_core::options! {
    /// Limits of the instructions of a project.
    #[derive(PartialEq, Eq)]
    pub struct InstructionOptions {
        /// The most bytes of one file; the rest is cut, and the model is told so. Defaults to 32 KiB.
        pub max_file, with_max_file: usize = 32 * 1024;
        /// The most bytes of all files together. The file closest to the work gets its share first. Defaults to 40 KiB,
        /// which is within the limit of a contribution in `victor-prompt` however many tokens the text has: a section
        /// that is cut there would lose the end of its last code fence.
        pub max_total, with_max_total: usize = 40 * 1024;
        /// The most files in folders below the root whose names are told. Defaults to 20.
        pub max_nested, with_max_nested: usize = 20;
        /// The least time between two looks at the files. Defaults to 1 second.
        pub check_interval, with_check_interval: std::time::Duration = std::time::Duration::from_secs(1);
    }
}

/// Puts the instruction files of a project into the prompt: `AGENTS.md`, or else `CLAUDE.md`, of each folder from the
/// project's to the root.
///
/// The outermost comes first, and the model is told that the closest to its work counts, so it is that of the root.
/// Files in folders below the root are named, so that the model reads them before it works there; they are searched for
/// whenever the files above have changed.
///
/// Each file stands between code fences that it cannot close, without hidden characters, and is marked as coming from
/// the project. A file that is binary, not UTF-8, or reached by a link out of the project is refused, and one that is
/// too long is cut; both is told to the model and by [`problems`](Self::problems). The section is of the class
/// `process`; files are read again only after they have changed.
///
/// Cheap to clone; clones share what was read.
#[derive(Debug, Clone)]
pub struct ProjectInstructions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    project: TrustedProject,
    options: InstructionOptions,
    watched: Watched<Instructions>,
}

/// The instructions as they were read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Instructions {
    text: Arc<str>,
    files: Vec<String>,
    problems: Vec<String>,
}

/// An instruction file: its path in the project's folder, and its text or the reason why there is none.
struct InstructionFile {
    path: String,
    text: Result<FileText, String>,
}

impl ProjectInstructions {
    /// Returns a contributor for this project.
    #[must_use]
    pub fn new(project: &TrustedProject) -> Self {
        Self::assemble(project.clone(), InstructionOptions::default())
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_options(self, options: InstructionOptions) -> Self {
        Self::assemble(self.0.project.clone(), options)
    }

    /// Returns the files that are in the prompt, as paths in the project's folder, outermost first. It may read files.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.current().files.clone()
    }

    /// Returns what is wrong with the files, a line each: those that are refused or cut. It may read files.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.current().problems.clone()
    }

    /// Returns the number of files that were read so far.
    #[must_use]
    pub fn files_read(&self) -> u64 {
        self.0.watched.reads()
    }

    fn assemble(project: TrustedProject, options: InstructionOptions) -> Self {
        let watched = Watched::new(options.check_interval);
        Self(Arc::new(Inner {
            project,
            options,
            watched,
        }))
    }

    fn current(&self) -> Arc<Instructions> {
        (self.0.watched).current(|files| self.0.read(files))
    }

    async fn load(&self) -> io::Result<Arc<Instructions>> {
        match self.0.watched.recent() {
            Some(instructions) => Ok(instructions),
            None => {
                let this = self.clone();
                blocking(move || this.current()).await
            }
        }
    }
}

impl Inner {
    fn read(&self, files: &mut Files) -> Instructions {
        let project = self.project.project();
        let Ok(folder) = Folder::open(project.folder()) else {
            files.look(project.folder());
            return Instructions::default();
        };
        let found: Vec<_> = (project.folders())
            .filter_map(|at| self.read_in(&folder, &at, files))
            .collect();
        let nested = nested::find(&folder, project, self.options.max_nested);
        let text::Composed { text, problems } = text::compose(&found, &nested, &self.options);
        for problem in &problems {
            warn!(problem, "project instructions are not whole");
        }
        Instructions {
            text: text.into(),
            files: found.into_iter().map(|file| file.path).collect(),
            problems,
        }
    }

    /// Reads the instruction file of a folder, if there is one.
    fn read_in(&self, base: &Folder, at: &Path, files: &mut Files) -> Option<InstructionFile> {
        let folder = self.project.project().folder();
        for name in FILES {
            let shown = at.join(name);
            let path = shown.strip_prefix(folder).unwrap_or(&shown);
            let limit = u64::try_from(self.options.max_file).unwrap_or(u64::MAX);
            if let Some(text) = files.read(base, path, &shown, limit) {
                return Some(InstructionFile {
                    path: slashed(path),
                    text: (*text).clone(),
                });
            }
        }
        None
    }
}

#[async_trait]
impl PromptContributor for ProjectInstructions {
    fn name(&self) -> &str {
        "project_instructions"
    }

    fn priority(&self) -> i32 {
        priority::INSTRUCTIONS
    }

    fn revision(&self) -> u64 {
        self.0.watched.revision()
    }

    async fn get_contribution(&self, _cx: &PromptContext) -> Result<Contribution, PromptError> {
        let instructions = self.load().await;
        let instructions = instructions.map_err(|error| {
            PromptError::new("the project's instructions cannot be read").with_source(error)
        })?;
        Ok(Contribution::from(instructions.text.clone()).with_stability(Stability::Process))
    }
}
