//! The tools of a workspace.

#[cfg(feature = "fetch")]
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use victor_core::TurnId;
use victor_process::Secrets;
use victor_tool_protocol::{Tool, ToolError};

use crate::OpenError;
#[cfg(unix)]
use crate::command::{CommandTime, RunCommand};
use crate::files::{edit, find, list, read, search, write};
use crate::history::FileHistory;
use crate::history::{RollbackError, rollback};
use crate::patch::apply_patch;
use crate::workspace::Workspace;

/// The tools of one root folder.
#[derive(Debug, Clone)]
pub struct WorkspaceTools {
    workspace: Arc<Workspace>,
    write: bool,
    commands: bool,
    #[cfg(unix)]
    command_time: CommandTime,
    secrets: Secrets,
    history: Option<Arc<FileHistory>>,
    #[cfg(feature = "fetch")]
    fetch: bool,
    #[cfg(feature = "fetch")]
    fetch_hosts: BTreeSet<String>,
}

impl WorkspaceTools {
    /// Opens the root folder. The tools keep to this folder, also when another takes its place later.
    ///
    /// # Errors
    ///
    /// The folder does not exist, is not a folder or may not be read.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self {
            workspace: Arc::new(Workspace::open(root.as_ref())?),
            write: false,
            commands: false,
            #[cfg(unix)]
            command_time: CommandTime::default(),
            secrets: Secrets::default(),
            history: None,
            #[cfg(feature = "fetch")]
            fetch: false,
            #[cfg(feature = "fetch")]
            fetch_hosts: BTreeSet::new(),
        })
    }

    /// Whether to offer `write_file`, `edit_file` and `apply_patch`. Default: no.
    #[must_use]
    pub fn allow_write(mut self, allow: bool) -> Self {
        self.write = allow;
        self
    }

    /// Whether to offer `run_command`, which is not confined to the folder. Default: no. There are no commands on
    /// systems other than Unix.
    #[must_use]
    pub fn allow_commands(mut self, allow: bool) -> Self {
        self.commands = allow;
        self
    }

    /// The longest time for a command, after which it is killed with all that it started; a call may ask for less. By
    /// default a command has 10 minutes, and up to an hour where its call asks for it.
    ///
    /// The time limit that an executor has for calls in general does not cut it.
    #[must_use]
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        #[cfg(unix)]
        {
            self.command_time = CommandTime {
                usual: timeout,
                longest: timeout,
            };
        }
        #[cfg(not(unix))]
        let _ = timeout;
        self
    }

    /// Adds secrets that the program knows, such as the keys of providers. A variable of the environment in whose value
    /// one of them stands is not passed on to commands, whatever it is called. Default: none.
    #[must_use]
    pub fn secrets<S: Into<String>>(mut self, secrets: impl IntoIterator<Item = S>) -> Self {
        self.secrets.extend(secrets);
        self
    }

    /// Whether to offer `fetch_url`, which reads documents from the public web. Default: no. It declares itself
    /// [destructive](victor_core::Effect::Destructive), since what a URL tells its server cannot be taken back.
    #[cfg(feature = "fetch")]
    #[must_use]
    pub fn allow_fetch(mut self, allow: bool) -> Self {
        self.fetch = allow;
        self
    }

    /// Lets `fetch_url` reach these hosts also at addresses that are not public, such as a server for documentation in
    /// the own network. They are named as they stand in URLs, without a port. Default: none.
    #[cfg(feature = "fetch")]
    #[must_use]
    pub fn fetch_hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.fetch_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps in this history what files were before the tools change them. Default: none.
    #[must_use]
    pub fn history(mut self, history: FileHistory) -> Self {
        self.history = Some(Arc::new(history));
        self
    }

    /// The turns that can be taken back, the oldest first. None without a [history](Self::history).
    #[must_use]
    pub fn turns(&self) -> Vec<TurnId> {
        let history = self.history.as_ref();
        history.map_or_else(Vec::new, |history| history.turns())
    }

    /// Puts the files that the tools changed in a turn back to what they were before it, all or none, and forgets the
    /// turn. Returns the files that were put back, relative to the root.
    ///
    /// # Errors
    ///
    /// [`RollbackError`]: there is nothing to take back, or it cannot be done.
    ///
    /// # Cancel safety
    ///
    /// A change that has begun is completed.
    pub async fn rollback(&self, turn: TurnId) -> Result<Vec<PathBuf>, RollbackError> {
        let Some(history) = self.history.clone() else {
            return Err(RollbackError::Unknown { turn });
        };
        let workspace = Arc::clone(&self.workspace);
        let work = tokio::task::spawn_blocking(move || rollback(&workspace, &history, turn));
        work.await.unwrap_or_else(|error| {
            let error = ToolError::failed("the work was broken off").with_source(error);
            Err(RollbackError::Write(error))
        })
    }

    /// The tools, in an order that does not change.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let mut tools: Vec<Arc<dyn Tool>> = vec![
            Arc::new(read::tool(&self.workspace)),
            Arc::new(list::tool(&self.workspace)),
            Arc::new(find::tool(&self.workspace)),
            Arc::new(search::tool(&self.workspace)),
        ];
        if self.write {
            let history = self.history.as_ref();
            tools.push(Arc::new(write::tool(&self.workspace).with_history(history)));
            tools.push(Arc::new(edit::tool(&self.workspace).with_history(history)));
            tools.push(Arc::new(
                apply_patch::tool(&self.workspace).with_history(history),
            ));
        }
        #[cfg(unix)]
        if self.commands {
            tools.push(Arc::new(RunCommand::new(
                &self.workspace,
                self.command_time,
                self.secrets.clone(),
            )));
        }
        #[cfg(feature = "fetch")]
        if self.fetch {
            tools.push(Arc::new(crate::web::FetchUrl::new(&self.fetch_hosts)));
        }
        tools
    }
}
