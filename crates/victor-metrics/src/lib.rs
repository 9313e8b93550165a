//! Counts what happens in turns, from their events, the ledger and the health of coordinators, and exports it.
//!
//! [`MetricsCoordinator`] plays the role of [`MetricsRecorder`](protocol::MetricsRecorder). Measurements follow from
//! three sources and are written by nobody else, so that they agree with what analytics, traces and the ledger tell:
//!
//! | source | measurements |
//! |---|---|
//! | the events of turns | turns, model calls, retries, tool calls, errors and more, and how long each took |
//! | the ledger of the provider coordinator | attempts, tokens and cost, by target and model |
//! | the health of all coordinators | every failure that was contained, by coordinator, component and class |
//!
//! A snapshot has them all. That of a session has the first two, without labels.
//!
//! ```
//! use victor_metrics::MetricsCoordinator;
//! use victor_metrics::protocol::MetricsRecorder;
//! use victor_metrics::protocol::chat::{ModelCallFinished, TurnEvent};
//! use victor_metrics::protocol::core::{StopReason, TurnId, Usage};
//!
//! let metrics = MetricsCoordinator::default(); // the orchestrator makes one, and tells it every event
//! for milliseconds in 1..=100 {
//!     let call = ModelCallFinished::new(1, "acme-1".into(), StopReason::EndTurn, Usage::new(10, 5));
//!     let call = call.with_elapsed_us(milliseconds * 1_000);
//!     metrics.record_turn_event(&TurnEvent::new("s1".into(), TurnId::generate(), 2, call));
//! }
//! let snapshot = metrics.snapshot();
//! assert_eq!(snapshot.total("victor_model_calls_total"), 100);
//! let latency = snapshot.distribution("victor_model_call_duration_us");
//! assert!((95_000..=107_000).contains(&latency.quantile(0.95)));
//! ```
//!
//! # What it costs
//!
//! An event takes a few atomic additions and short locks, and no allocation once its labels are known. Memory is
//! bounded by [`MetricsOptions`]: label values that are too many are counted together as `other`, in sight
//! (`victor_metrics_overflows_total`). Exporters run in tasks of their own, and no turn waits for one.
//!
//! # Runtime
//!
//! Counting runs anywhere. Exporting in the background needs a tokio runtime with its clock enabled.

mod builder;
mod coordinator;
mod derive;
mod families;
mod ledgers;
mod measures;
mod options;
mod pipe;
mod registry;
mod sessions;
mod sparse;
mod watched;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_metrics_protocol as protocol;

pub use builder::MetricsCoordinatorBuilder;
pub use coordinator::MetricsCoordinator;
pub use options::MetricsOptions;
