//! Where the command keeps what is to be there the next time.

use std::path::PathBuf;

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use etcetera::base_strategy::{BaseStrategy as _, choose_native_strategy};
use victor_offline::OfflineModel;
use victor_orchestrator::protocols::{
    CheckpointStore, InMemoryCheckpointStore, InMemoryResultStore, InMemorySessionStore,
    ReceiptStore, ResultStore, SessionId, SessionStore,
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
        let opened = Database::open(path.to_string_lossy()).await;
        let database = opened.with_context(|| {
            format!("the conversations in `{}` cannot be opened", path.display())
        })?;
        Ok(Stores {
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
    pub(crate) sessions: Arc<dyn SessionStore>,
    checkpoints: Arc<dyn CheckpointStore>,
    receipts: Option<Arc<dyn ReceiptStore>>,
    results: Arc<dyn ResultStore>,
}

impl Stores {
    /// What is kept until the end of the program.
    pub(crate) fn in_memory() -> Self {
        Self {
            sessions: Arc::new(InMemorySessionStore::default()),
            checkpoints: Arc::new(InMemoryCheckpointStore::default()),
            receipts: None,
            results: Arc::new(InMemoryResultStore::default()),
        }
    }

    /// Lets an orchestrator keep what it does here.
    pub(crate) fn give(&self, builder: AgentOrchestratorBuilder) -> AgentOrchestratorBuilder {
        let builder = builder
            .session_store(self.sessions.clone())
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

    /// Forgets what is kept of a session beside its transcript.
    pub(crate) async fn forget(&self, session: &SessionId) -> anyhow::Result<()> {
        let made = self.checkpoints.list(session).await?;
        let ids: Vec<_> = made.iter().map(|checkpoint| checkpoint.id).collect();
        self.checkpoints.delete(&ids).await?;
        if let Some(receipts) = &self.receipts {
            receipts.forget(session).await?;
        }
        self.results.forget(session).await?;
        Ok(())
    }
}
