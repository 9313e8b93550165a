//! Where the command keeps what is to be there the next time.

use std::path::PathBuf;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use etcetera::base_strategy::{BaseStrategy as _, choose_native_strategy};
use victor_offline::OfflineModel;
use victor_orchestrator::coordinators::{SessionCoordinator, SessionOptions};
use victor_orchestrator::protocols::{
    CheckpointStore, InMemoryCheckpointStore, InMemoryResultStore, InMemorySessionStore,
    ReceiptStore, ResultStore, SessionStore,
};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder, BuildError};
use victor_sql::Database;

/// The environment variable that names the folder.
pub(crate) const VARIABLE: &str = "VICTOR_DATA_DIR";

/// The file with the conversations.
const FILE: &str = "victor.db";

/// Where the command keeps what is to be there the next time.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Where to keep conversations and the history of lines, in place of the platform's folder for data
    #[arg(long, value_name = "DIR", env = VARIABLE, global = true)]
    data_dir: Option<PathBuf>,
}

impl DataArgs {
    /// The folder, which need not be there.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        let given = self
            .data_dir
            .clone()
            .filter(|folder| !folder.as_os_str().is_empty());
        Ok(match given {
            Some(folder) => folder,
            None => choose_native_strategy()?.data_dir().join("victor"),
        })
    }

    /// The folder, which is made if it is not there.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = self.path()?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
        Ok(folder)
    }

    /// What is kept of conversations, in a database in the folder.
    pub(crate) async fn stores(&self) -> anyhow::Result<Stores> {
        let path = self.folder()?.join(FILE);
        // What goes wrong is said with the path.
        let database = Database::open(path.to_string_lossy()).await?;
        Ok(Stores {
            read_only: database.is_read_only().then_some(path),
            sessions: database.session_store(),
            checkpoints: database.checkpoint_store(),
            receipts: Some(database.receipt_store()),
            results: database.result_store(),
        })
    }
}

/// What is kept of conversations.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    /// The file, where it can only be read.
    read_only: Option<PathBuf>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    checkpoints: Arc<dyn CheckpointStore>,
    receipts: Option<Arc<dyn ReceiptStore>>,
    results: Arc<dyn ResultStore>,
}

impl Stores {
    /// What is kept until the end of the program.
    pub(crate) fn in_memory() -> Self {
        Self {
            read_only: None,
            sessions: Arc::new(InMemorySessionStore::default()),
            checkpoints: Arc::new(InMemoryCheckpointStore::default()),
            receipts: None,
            results: Arc::new(InMemoryResultStore::default()),
        }
    }

    /// The same, if something can be kept there.
    pub(crate) fn for_writing(self) -> anyhow::Result<Self> {
        match &self.read_only {
            None => Ok(self),
            Some(path) => bail!(
                "`{}` can only be read: give the program the right to write to it and its folder, or keep conversations \
                 elsewhere with --data-dir",
                path.display()
            ),
        }
    }

    /// What works on the sessions. Whoever finds another process at work is told so, and does not wait.
    pub(crate) fn coordinator(&self) -> SessionCoordinator {
        let mut options = SessionOptions::default();
        options.wait = Some(Duration::ZERO);
        options.owner = format!("victor (process {})", std::process::id());
        SessionCoordinator::with_options(self.sessions.clone(), options)
    }

    /// Lets an orchestrator keep what it does here.
    pub(crate) fn give(&self, builder: AgentOrchestratorBuilder) -> AgentOrchestratorBuilder {
        let builder = builder
            .session_coordinator(Arc::new(self.coordinator()))
            .checkpoint_store(self.checkpoints.clone())
            .result_store(self.results.clone());
        match &self.receipts {
            Some(receipts) => builder.receipt_store(receipts.clone()),
            None => builder,
        }
    }

    /// An orchestrator for what needs no model.
    pub(crate) fn orchestrator(&self) -> Result<AgentOrchestrator, BuildError> {
        let builder = AgentOrchestrator::builder().provider(Arc::new(OfflineModel::new()));
        self.give(builder).build()
    }
}
