//! Runs workflows that survive: steps are journaled before they are used, and replayed after a crash.
//!
//! ```
//! use async_trait::async_trait;
//! use serde_json::{Value, json};
//! use victor_workflow::WorkflowCoordinator;
//! use victor_workflow::protocol::{
//!     InMemoryJournal, RunOutcome, StartRun, Step, StepContext, StepError, StepHandler, StepOutcome, Workflow,
//!     WorkflowRunner,
//! };
//!
//! #[derive(Debug)]
//! struct Build;
//!
//! #[async_trait]
//! impl StepHandler for Build {
//!     async fn call(&self, _cx: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
//!         Ok(json!({ "artifact": format!("{}.tar", input["name"].as_str().unwrap_or("it")) }).into())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runner = WorkflowCoordinator::builder(InMemoryJournal::default()).handler("build", Build).build();
//! runner.register(Workflow::new("release", [
//!     Step::call("build", "build", json!({ "name": "{{ input.name }}" })),
//!     Step::approval("ok", "Ship {{ steps.build.artifact }}?"),
//!     Step::transform("done", "{{ steps.build.artifact if steps.ok.approved else 'nothing' }}"),
//! ]))?;
//!
//! let (run, outcome) = runner.run(&StartRun::new("release", json!({ "name": "victor" }))).await?;
//! let RunOutcome::Waiting { pending, .. } = outcome else { panic!("{outcome:?}") };
//!
//! // Another day, perhaps in another process:
//! runner.signal(run, &pending[0].answer(json!({ "approved": true }))).await?;
//! assert_eq!(runner.drive(run).await?, RunOutcome::Finished("victor.tar".into()));
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! - **The result of a step is in the journal before it is used.** A run whose process ends goes on in another one:
//!   finished steps are not done again, and a step that was being done is, under the same idempotency key.
//! - **A run depends on its records alone.** Expressions are evaluated once and their values recorded; the state
//!   follows from the records in the same way while a run is driven and when it is replayed.
//! - **Each answer reaches the wait that it is for**: the step, the item or repetition, and the number of the wait in
//!   it. An answer that came early, or while nobody drove the run, is kept. The first answer to a question counts.
//! - **One process drives a run**, by a claim with a fencing token, which every write is checked against.
//! - **A run finishes under the definition that it began under**, which the journal keeps under the hash of its
//!   content. It can be [migrated](protocol::WorkflowRunner::migrate), and a changed definition can be
//!   [verified](protocol::WorkflowRunner::verify) against the histories of runs.
//! - **A step costs what is new in it**: values are kept once, in parts, and named by their hashes.
//!
//! # What is not
//!
//! A handler is called at least once for a step, and not exactly once: a process can end after the effect and before
//! the record. The [idempotency key](protocol::StepContext::idempotency_key) is for that, or a
//! [write](protocol::StepOutput::with_write) to the journal's own database, which happens together with the record.
//!
//! `docs/workflows.md` describes definitions, expressions and the life of a run.

mod coordinator;
mod data;
mod drive;
mod expression;
mod graph;
mod journal;
mod options;
mod replay;
mod state;
mod value;
mod verify;
#[cfg(feature = "yaml")]
mod yaml;

pub use coordinator::{WorkflowCoordinator, WorkflowCoordinatorBuilder};
pub use options::WorkflowOptions;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_workflow_protocol as protocol;
#[cfg(feature = "yaml")]
pub use yaml::{from_yaml, from_yaml_for};

/// The guide, so that its code is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/workflows.md")]
struct Guide;
