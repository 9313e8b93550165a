//! Trials in folders of their own.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use tempfile::TempDir;
use victor_evaluation::protocol::{Environment, EvalCase, Observation, OpenedAgent, Subject};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::core::BoxError;

use super::RunArgs;
use crate::agent::Agent;
use crate::session_lookup;

/// Opens an agent for each attempt, in a folder that is made for it and deleted after it.
pub(super) struct Workspaces {
    args: Arc<RunArgs>,
    agent: Arc<Agent>,
}

impl Workspaces {
    pub(super) fn new(args: Arc<RunArgs>, agent: Arc<Agent>) -> Self {
        Self { args, agent }
    }

    fn prepare(&self, case: &EvalCase) -> anyhow::Result<Workspace> {
        let folder = tempfile::Builder::new().prefix("victor-eval-").tempdir()?;
        if let Some(template) = &self.args.workspace {
            copy(template, folder.path())
                .with_context(|| format!("`{}` cannot be copied", template.display()))?;
        }
        for (path, content) in &case.files {
            let path = inside(folder.path(), path)?;
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, content)
                .with_context(|| format!("`{}` cannot be written", path.display()))?;
        }
        let opened = self.args.agent.open_in(folder.path(), &self.agent);
        let orchestrator = opened.map_err(|failure| anyhow!(failure.reason()))?;
        Ok(Workspace {
            orchestrator,
            folder,
        })
    }
}

#[async_trait]
impl Subject for Workspaces {
    async fn open(&self, case: &EvalCase) -> Result<OpenedAgent, BoxError> {
        let workspace = self.prepare(case)?;
        let session = workspace.orchestrator.session(&*session_lookup::new_name());
        Ok(OpenedAgent::new(Arc::new(session)).with_environment(Arc::new(workspace)))
    }
}

/// The folder of an attempt.
#[derive(Debug)]
struct Workspace {
    orchestrator: AgentOrchestrator,
    folder: TempDir,
}

#[async_trait]
impl Environment for Workspace {
    async fn observe(&self, case: &EvalCase) -> Result<Observation, BoxError> {
        let mut files = BTreeMap::new();
        for path in case.expected.files.keys() {
            let content = match fs::read(inside(self.folder.path(), path)?) {
                Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(anyhow!("`{path}` cannot be read: {error}").into()),
            };
            files.insert(path.clone(), content);
        }
        Ok(Observation::of_files(files))
    }
}

/// Returns the place of a path of a case, which cannot leave the folder.
fn inside(folder: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let mut parts = Path::new(path).components();
    if path.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
        return Err(anyhow!(
            "the case names the file `{path}`: name one inside the folder, without `..`"
        ));
    }
    Ok(folder.join(path))
}

/// Copies the files of a folder, and passes over links, which may lead out of it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
