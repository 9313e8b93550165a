//! The environment of the agent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Zoned;
use jiff::civil::Date;
use victor_core::Lock;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use crate::folder::Folder;
use crate::untrusted::named;
use crate::watched::{Files, ReadFile, Watched, blocking};
use crate::{TrustedProject, priority};

/// The time between two looks at the branch.
const INTERVAL: Duration = Duration::from_secs(1);

/// The most bytes of a file of git that are read.
const MAX_FILE: u64 = 4 * 1024;

/// Tells the model the date, the folder, the platform and the git branch.
///
/// The section is of the class `turn` and has the lowest priority of the library, so it stands at the end of the
/// prompt: what is before it stays in the provider's cache when the day or the branch changes. It has no time of day,
/// which would change it with every turn.
#[derive(Debug, Clone)]
pub struct Environment(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Option<PathBuf>,
    date: Option<String>,
    project: Option<TrustedProject>,
    branch: Watched<Option<String>>,
    text: Lock<Option<Rendered>>,
}

/// The text for a day and a branch.
#[derive(Debug)]
struct Rendered {
    day: Option<Date>,
    branch: Arc<Option<String>>,
    text: Arc<str>,
}

impl Environment {
    /// Returns the date and the platform.
    #[must_use]
    pub fn new() -> Self {
        Self::assemble(None, None, None)
    }

    /// Adds the folder in which the agent works.
    #[must_use]
    pub fn with_folder(self, folder: impl AsRef<Path>) -> Self {
        let folder = Some(folder.as_ref().to_owned());
        Self::assemble(folder, self.0.date.clone(), self.0.project.clone())
    }

    /// Adds the folder of a project and its git branch, whose name its authors choose.
    #[must_use]
    pub fn with_project(self, project: &TrustedProject) -> Self {
        let folder = Some(project.project().root().to_owned());
        Self::assemble(folder, self.0.date.clone(), Some(project.clone()))
    }

    /// Sets the date as a fixed text, in place of today, for prompts that must be the same on another day.
    #[must_use]
    pub fn with_date(self, date: impl Into<String>) -> Self {
        let date = Some(date.into());
        Self::assemble(self.0.folder.clone(), date, self.0.project.clone())
    }

    fn assemble(
        folder: Option<PathBuf>,
        date: Option<String>,
        project: Option<TrustedProject>,
    ) -> Self {
        Self(Arc::new(Inner {
            folder,
            date,
            project,
            branch: Watched::new(INTERVAL),
            text: Lock::new(None),
        }))
    }

    async fn branch(&self) -> std::io::Result<Arc<Option<String>>> {
        if self.0.project.is_none() {
            return Ok(Arc::default());
        }
        match self.0.branch.recent() {
            Some(branch) => Ok(branch),
            None => {
                let this = self.clone();
                blocking(move || {
                    let inner = &this.0;
                    let folder = inner
                        .project
                        .as_ref()
                        .map(|project| project.project().folder());
                    (inner.branch).current(|files| git_branch(folder?, files))
                })
                .await
            }
        }
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    /// Returns the text, which is made anew if the day or the branch is another one.
    fn text(&self, day: Option<Date>, branch: Arc<Option<String>>) -> Arc<str> {
        let mut kept = self.text.lock();
        if let Some(kept) = &*kept
            && kept.day == day
            && kept.branch == branch
        {
            return kept.text.clone();
        }
        let mut text = "## Environment\n".to_owned();
        let date = match (&self.date, day) {
            (Some(date), _) => Some(date.clone()),
            (None, Some(day)) => Some(day.strftime("%A, %Y-%m-%d").to_string()),
            (None, None) => None,
        };
        if let Some(date) = date {
            text += &format!("\n- Date: {date}");
        }
        if let Some(folder) = &self.folder {
            text += &format!("\n- Folder: `{}`", named(&folder.to_string_lossy()));
        }
        text += &format!(
            "\n- Platform: {} on {}",
            std::env::consts::OS,
            std::env::consts::ARCH
        );
        if let Some(branch) = &*branch {
            text += &format!("\n- Git branch when the turn began: {branch}");
        }
        let text: Arc<str> = text.into();
        let rendered = Rendered {
            day,
            branch,
            text: text.clone(),
        };
        *kept = Some(rendered);
        text
    }
}

#[async_trait]
impl PromptContributor for Environment {
    fn name(&self) -> &str {
        "environment"
    }

    fn priority(&self) -> i32 {
        priority::ENVIRONMENT
    }

    async fn get_contribution(&self, _cx: &PromptContext) -> Result<Contribution, PromptError> {
        let branch = self.branch().await;
        let branch = branch.map_err(|error| {
            PromptError::new("the git branch cannot be read").with_source(error)
        })?;
        let day = match self.0.date {
            Some(_) => None,
            None => Some(Zoned::now().date()),
        };
        let text = self.0.text(day, branch);
        Ok(Contribution::from(text).with_stability(Stability::Turn))
    }
}

/// Returns what is checked out in a repository, in words.
fn git_branch(project: &Path, files: &mut Files) -> Option<String> {
    let git = project.join(".git");
    let git = match git.is_file() {
        // A work tree or a submodule: the file says where the repository is.
        true => {
            let link = read(project, ".git", files)?;
            project.join(link.strip_prefix("gitdir:")?.trim())
        }
        false => git,
    };
    let head = read(&git, "HEAD", files)?;
    match head.strip_prefix("ref: refs/heads/") {
        Some(branch) => Some(format!("`{}`", named(branch))),
        None if head.len() >= 40 && head.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Some(format!("none, commit `{}`", &head[..12]))
        }
        None => None,
    }
}

/// Reads the first line of a file.
fn read(folder: &Path, name: &str, files: &mut Files) -> Option<String> {
    let path = folder.join(name);
    let Ok(folder) = Folder::open(folder) else {
        files.look(&path);
        return None;
    };
    let text: Arc<ReadFile> = files.read(&folder, Path::new(name), &path, MAX_FILE)?;
    let text = text.as_ref().as_ref().ok()?;
    Some(text.text.lines().next()?.trim().to_owned())
}
