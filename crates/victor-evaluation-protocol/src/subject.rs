//! The agent under test.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use victor_chat_protocol::Agent;
use victor_core::BoxError;

use crate::EvalCase;

/// Opens an agent for each attempt at a case.
///
/// Implemented by whoever has an agent to be judged: an orchestrator, a workflow, a remote server. Called by the runner
/// from many tasks at once. Attempts share nothing: each is a conversation of its own, with files of its own.
///
/// A function from a case to an agent is a subject:
///
/// ```
/// use std::sync::Arc;
/// use victor_chat_protocol::Agent;
/// use victor_evaluation_protocol::{EvalCase, Subject};
///
/// fn subject(agent: Arc<dyn Agent>) -> impl Subject {
///     move |_case: &EvalCase| agent.clone()
/// }
/// ```
#[async_trait]
pub trait Subject: Send + Sync {
    /// Opens an agent for an attempt at a case. The result is dropped when the attempt has ended.
    ///
    /// # Errors
    ///
    /// There is no agent. The trial is [`Failed`](crate::TrialState::Failed) with this reason.
    async fn open(&self, case: &EvalCase) -> Result<OpenedAgent, BoxError>;
}

/// An agent that was opened for one attempt, and where it works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenedAgent {
    /// The agent.
    pub agent: Arc<dyn Agent>,
    /// The environment that it changes, if it has one.
    pub environment: Option<Arc<dyn Environment>>,
}

impl OpenedAgent {
    /// An agent that changes nothing.
    #[must_use]
    pub fn new(agent: Arc<dyn Agent>) -> Self {
        Self {
            agent,
            environment: None,
        }
    }

    /// Sets the [environment](Self::environment).
    #[must_use]
    pub fn with_environment(mut self, environment: Arc<dyn Environment>) -> Self {
        self.environment = Some(environment);
        self
    }
}

/// A world that an agent changes, such as a folder of files or a database.
#[async_trait]
pub trait Environment: fmt::Debug + Send + Sync {
    /// Returns what is to be judged, after the last turn.
    ///
    /// # Errors
    ///
    /// It cannot be read. The trial is [`Failed`](crate::TrialState::Failed) with this reason.
    async fn observe(&self, case: &EvalCase) -> Result<Observation, BoxError>;
}

/// An environment as it is.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Observation {
    /// Contents of files by path; `None` of a file that is not there.
    pub files: BTreeMap<String, Option<String>>,
    /// The state, as JSON.
    pub state: Option<Value>,
}

impl Observation {
    /// An observation of files.
    #[must_use]
    pub fn of_files(files: BTreeMap<String, Option<String>>) -> Self {
        Self { files, state: None }
    }

    /// Sets the [state](Self::state).
    #[must_use]
    pub fn with_state(mut self, state: Value) -> Self {
        self.state = Some(state);
        self
    }
}

#[async_trait]
impl<F> Subject for F
where
    F: Fn(&EvalCase) -> Arc<dyn Agent> + Send + Sync,
{
    async fn open(&self, case: &EvalCase) -> Result<OpenedAgent, BoxError> {
        Ok(OpenedAgent::new(self(case)))
    }
}
