//! Approvals for later conversations, stored for each folder that tools work in.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_orchestrator::core::{Effect, SessionId};
use victor_orchestrator::tool::{ApprovalPolicy, ApprovalRequest, ApprovalScope, Verdict};
use victor_text::one_line;
use victor_tool::{EffectPolicy, StandingApproval, StandingApprovals};

use crate::{folder_record, terminal};

/// The folder for approvals, below the one for data.
const FOLDER: &str = "approvals";

/// The approvals for every conversation in a folder.
#[derive(Debug, Clone)]
pub(crate) struct FolderApprovals {
    standing: StandingApprovals,
    /// The file that stores them; `None` if they cannot be stored.
    file: Option<PathBuf>,
    root: PathBuf,
}

/// The stored form.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// The folder, for people who read the file.
    root: PathBuf,
    approvals: StandingApprovals,
}

impl FolderApprovals {
    /// Opens the approvals of the folder `root`, which are stored in the data folder.
    ///
    /// They are not stored if the data folder lies in `root`, where tools could write them, or if the file cannot be
    /// read.
    pub(crate) fn open(data: anyhow::Result<PathBuf>, root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let read = data.and_then(|data| Self::read(&data, &root));
        let (standing, file) = match read {
            Ok(Some((standing, file))) => (standing, Some(file)),
            Ok(None) => (StandingApprovals::default(), None),
            Err(error) => {
                terminal::status(&format!("approvals are not stored: {error:#}"));
                (StandingApprovals::default(), None)
            }
        };
        Self {
            standing,
            file,
            root,
        }
    }

    fn read(data: &Path, root: &Path) -> anyhow::Result<Option<(StandingApprovals, PathBuf)>> {
        let Some(file) = folder_record::path(data, root, FOLDER)? else {
            return Ok(None);
        };
        Ok(Some((load(&file)?, file)))
    }

    /// Whether approvals are stored for later conversations.
    pub(crate) fn are_stored(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the policy that asks about every call that changes something and is not approved.
    pub(crate) fn policy(&self) -> Arc<dyn ApprovalPolicy> {
        let policy = EffectPolicy::ask_above(Effect::ReadOnly);
        Arc::new(StoringPolicy {
            policy: policy.with_standing(self.standing.clone()),
            approvals: self.clone(),
        })
    }

    /// Lists the approvals, one a line.
    pub(crate) fn list(&self) -> Vec<String> {
        let line = |approval: &StandingApproval| {
            let tool = &approval.tool.name;
            match (&approval.prefix, &approval.arguments) {
                (Some(program), _) => format!("{tool}: every simple command of `{program}`"),
                (None, Some(arguments)) => format!("{tool}: {}", one_line(arguments)),
                (None, None) => format!("{tool}: every call"),
            }
        };
        self.standing.everywhere().iter().map(line).collect()
    }

    /// Removes all approvals.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        let Some(file) = &self.file else {
            bail!("approvals are not stored here");
        };
        match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("`{}` cannot be removed", file.display()))
            }
            _ => Ok(()),
        }
    }

    /// Adds an approval to the stored ones, which another process may have changed meanwhile.
    fn store(&self, request: &ApprovalRequest, scope: ApprovalScope) -> anyhow::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let approvals = load(file)?;
        approvals.remember(request, scope);
        let kept = Stored {
            root: self.root.clone(),
            approvals,
        };
        folder_record::write(file, &serde_json::to_vec_pretty(&kept)?)
            .with_context(|| format!("`{}` cannot be written", file.display()))
    }
}

fn load(file: &Path) -> anyhow::Result<StandingApprovals> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(StandingApprovals::default());
        }
        text => text,
    };
    let cannot = || {
        format!(
            "`{}` cannot be read; remove it to start afresh",
            file.display()
        )
    };
    let kept: Stored = serde_json::from_slice(&text.with_context(cannot)?).with_context(cannot)?;
    Ok(kept.approvals)
}

/// An approval policy that stores approvals for later conversations.
#[derive(Debug)]
struct StoringPolicy {
    policy: EffectPolicy,
    approvals: FolderApprovals,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ApprovalPolicy for StoringPolicy {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        self.policy.review(request).await
    }

    fn approved(&self, request: &ApprovalRequest, scope: ApprovalScope) {
        self.policy.approved(request, scope);
        if scope.is_everywhere()
            && let Err(error) = self.approvals.store(request, scope)
        {
            terminal::status(&format!(
                "the approval is valid in this conversation only: {error:#}"
            ));
        }
    }

    fn forget(&self, session: &SessionId) {
        self.policy.forget(session);
    }
}
