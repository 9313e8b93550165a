//! Contracts of workflows: definitions, step handlers, the journal of runs and their runner.
//!
//! - [`Workflow`] is the definition of a workflow, as data: [`Step`]s and the edges between them.
//! - [`StepHandler`] does the work of steps.
//! - [`StepAgent`] has the turns of `agent` steps; the orchestrator is one.
//! - [`WorkflowJournal`] keeps what runs have done, so that none of it is done twice; [`InMemoryJournal`] keeps it as
//!   long as the process lives.
//! - [`WorkflowRunner`] is the role of the coordinator that runs workflows.
//! - [`WorkflowEvent`]s are what happens in a run. They are its journal, and its one numbered stream of events.
//!
//! # A definition
//!
//! ```
//! use serde_json::json;
//! use victor_workflow_protocol::{Retry, Step, Workflow};
//!
//! let workflow = Workflow::new("greet", [
//!     Step::call("look_up", "directory", json!({ "user": "{{ input.user }}" })).retry(Retry::new(3)),
//!     Step::transform("greeting", "Hello, {{ steps.look_up.name }}!"),
//! ]);
//! let text = r#"{
//!     "name": "greet",
//!     "steps": [
//!         { "id": "look_up", "call": { "handler": "directory", "input": { "user": "{{ input.user }}" } }, "retry": { "attempts": 3 } },
//!         { "id": "greeting", "transform": "Hello, {{ steps.look_up.name }}!" }
//!     ]
//! }"#;
//! let read: Workflow = serde_json::from_str(text)?;
//! assert_eq!(read.hash(), workflow.hash());
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # A handler
//!
//! ```
//! use async_trait::async_trait;
//! use serde_json::{Value, json};
//! use victor_workflow_protocol::{StepContext, StepError, StepHandler, StepOutcome};
//!
//! #[derive(Debug)]
//! struct Directory;
//!
//! #[async_trait]
//! impl StepHandler for Directory {
//!     async fn call(&self, _cx: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
//!         match input["user"].as_str() {
//!             Some("42") => Ok(json!({ "name": "Ada" }).into()),
//!             _ => Err(StepError::permanent("there is no such user")),
//!         }
//!     }
//! }
//! ```

mod agent;
mod definition;
mod error;
mod event;
mod handler;
mod journal;
mod memory;
mod path;
mod run;
mod runner;
mod signal;

#[cfg(feature = "mock")]
pub use agent::MockStepAgent;
pub use agent::{AgentRequest, AgentTurn, StepAgent};
pub use definition::{
    AgentStep, ApprovalStep, Body, BranchCase, BranchStep, CallStep, Join, LoopStep, MapStep,
    OnFailure, Retry, Step, StepAction, ToolStep, WaitStep, Workflow, WorkflowStep,
};
pub use error::{
    DefinitionFault, Divergence, InvalidWorkflow, JournalError, StepError, WorkflowError,
};
pub use event::{
    BranchTaken, RunCancelled, RunCompensating, RunFailed, RunFinished, RunMigrated, RunRecord,
    RunStarted, ScopeFinished, ScopeStarted, StepExpanded, StepFailed, StepFinished, StepSkipped,
    StepStarted, StepWaiting, StoredValue, Wait, WorkflowEvent,
};
#[cfg(feature = "mock")]
pub use handler::MockStepHandler;
pub use handler::{StepAnswer, StepContext, StepHandler, StepOutcome, StepOutput, StepPause};
#[cfg(feature = "mock")]
pub use journal::MockWorkflowJournal;
pub use journal::{ClaimRequest, RunClaim, RunCommit, StoreWrite, WorkflowJournal};
pub use memory::InMemoryJournal;
pub use path::StepPath;
pub use run::{RunHolder, RunInfo, RunQuery, RunStatus, StartRun};
#[cfg(feature = "mock")]
pub use runner::MockWorkflowRunner;
pub use runner::{PendingWait, RunOutcome, WorkflowRunner};
pub use signal::{Signal, SignalTarget};
#[doc(no_inline)]
pub use victor_chat_protocol as chat;
#[doc(no_inline)]
pub use victor_checkpoint_protocol as checkpoint;
#[doc(no_inline)]
pub use victor_core as core;
