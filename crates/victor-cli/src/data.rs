//! The data folder: conversations, the ledger and the history of lines.

use std::path::PathBuf;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use etcetera::base_strategy::{BaseStrategy as _, choose_native_strategy};
use victor_offline::OfflineModel;
use victor_orchestrator::checkpoint::{CheckpointStore, InMemoryCheckpointStore};
use victor_orchestrator::coordinators::session::{SessionCoordinator, SessionOptions};
use victor_orchestrator::provider::LedgerStore;
use victor_orchestrator::session::{InMemorySessionStore, SessionStore};
use victor_orchestrator::tool::{InMemoryResultStore, ReceiptStore, ResultStore};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder, BuildError};
use victor_sql::{Database, SqlAnalyticsExporter};

/// The environment variable that names the folder.
pub(crate) const VARIABLE: &str = "VICTOR_DATA_DIR";

/// The environment variable that names a database on a server.
const DATABASE: &str = "VICTOR_DATABASE";

/// The file with the conversations.
const FILE: &str = "victor.db";

/// The flag for the data folder.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Keep conversations and the history of lines in this folder, not in the platform's data folder
    #[arg(long, value_name = "DIR", env = VARIABLE, global = true)]
    data_dir: Option<PathBuf>,

    /// Keep conversations and runs of workflows in this PostgreSQL database, which several processes share:
    /// postgres://user@host/name. A password belongs into the variable
    #[arg(long, value_name = "ADDRESS", env = DATABASE, global = true, hide_env_values = true)]
    database: Option<String>,
}

impl DataArgs {
    /// Returns the folder, which may not exist.
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

    /// Returns the folder, and creates it if it does not exist.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = self.path()?;
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("the folder `{}` cannot be created", folder.display()))?;
        Ok(folder)
    }

    /// Opens the database: that of the folder, or the one on a server.
    pub(crate) async fn database(&self) -> anyhow::Result<Database> {
        let server = self.database.as_ref().filter(|address| !address.is_empty());
        if let Some(address) = server {
            if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
                bail!(
                    "--database takes the address of a PostgreSQL server, such as postgres://me@host/agents; a folder of \
                     your own is named by --data-dir"
                );
            }
            return Ok(Database::open(address).await?);
        }
        let path = self.folder()?.join(FILE);
        // The errors of the database name the path.
        Ok(Database::open(path.to_string_lossy()).await?)
    }

    /// Opens the stores in the database.
    pub(crate) async fn stores(&self) -> anyhow::Result<Stores> {
        let database = self.database().await?;
        let read_only = database.is_read_only();
        Ok(Stores {
            read_only: match read_only {
                true => Some(self.folder()?.join(FILE)),
                false => None,
            },
            sessions: database.session_store(),
            checkpoints: database.checkpoint_store(),
            receipts: Some(database.receipt_store()),
            results: database.result_store(),
            ledger: Some(database.ledger_store()),
            events: Some(database.analytics_exporter()),
        })
    }
}

/// The stores of conversations.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    /// The file, if it is read-only.
    read_only: Option<PathBuf>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    checkpoints: Arc<dyn CheckpointStore>,
    receipts: Option<Arc<dyn ReceiptStore>>,
    results: Arc<dyn ResultStore>,
    pub(crate) ledger: Option<Arc<dyn LedgerStore>>,
    /// The events of conversations, which are written there too.
    pub(crate) events: Option<Arc<SqlAnalyticsExporter>>,
}

impl Stores {
    /// Creates stores that last until the program ends.
    pub(crate) fn in_memory() -> Self {
        Self {
            read_only: None,
            sessions: Arc::new(InMemorySessionStore::default()),
            checkpoints: Arc::new(InMemoryCheckpointStore::default()),
            receipts: None,
            results: Arc::new(InMemoryResultStore::default()),
            ledger: None,
            events: None,
        }
    }

    /// Returns the stores if they are writable.
    pub(crate) fn for_writing(self) -> anyhow::Result<Self> {
        match &self.read_only {
            None => Ok(self),
            Some(path) => bail!(
                "`{}` can only be read: grant write access to it and its folder, or keep conversations elsewhere with \
                --data-dir",
                path.display()
            ),
        }
    }

    /// Creates the coordinator of the sessions. It does not wait for another process at work, but returns an error.
    pub(crate) fn coordinator(&self) -> SessionCoordinator {
        let options = SessionOptions::default()
            .with_wait_timeout(Some(Duration::ZERO))
            .with_owner(format!("victor (process {})", std::process::id()));
        SessionCoordinator::with_options(self.sessions.clone(), options)
    }

    /// Gives the stores to an orchestrator.
    pub(crate) fn attach_to(&self, builder: AgentOrchestratorBuilder) -> AgentOrchestratorBuilder {
        let builder = builder
            .session_coordinator(Arc::new(self.coordinator()))
            .checkpoint_store(self.checkpoints.clone())
            .result_store(self.results.clone());
        let builder = match &self.receipts {
            Some(receipts) => builder.receipt_store(receipts.clone()),
            None => builder,
        };
        match &self.events {
            Some(events) => builder.analytics_exporter(events.clone()),
            None => builder,
        }
    }

    /// Builds an orchestrator for operations that need no model.
    pub(crate) fn orchestrator(&self) -> Result<AgentOrchestrator, BuildError> {
        let builder = AgentOrchestrator::builder().provider(OfflineModel::new());
        self.attach_to(builder).build()
    }
}
