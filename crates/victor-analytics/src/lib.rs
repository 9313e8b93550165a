//! Tracks the events of every session and exports them in batches to any number of destinations.
//!
//! [`AnalyticsCoordinator`] plays the role of [`AnalyticsTracker`](victor_analytics_protocol::AnalyticsTracker). Two
//! exporters come with it, [`ConsoleExporter`] and [`JsonLinesExporter`]; others implement
//! [`AnalyticsExporter`](victor_analytics_protocol::AnalyticsExporter). Decorators go around any exporter:
//! [`FilterExporter`] passes some events on, or a sample of the sessions, [`BatchExporter`] parts batches,
//! [`TeeExporter`] joins exporters, and [`RedactExporter`] replaces what identifies persons, and keys.
//!
//! ```
//! use std::sync::Arc;
//!
//! use victor_analytics::{AnalyticsCoordinator, JsonLinesExporter};
//! use victor_analytics_protocol::{AnalyticsEvent, AnalyticsTracker};
//! use victor_core::{Coordinator, SessionId};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("events.jsonl");
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let analytics = AnalyticsCoordinator::new([Arc::new(JsonLinesExporter::new(&path))]);
//! analytics.initialize().await?; // from now on, events are exported once a minute
//!
//! let session = SessionId::default();
//! analytics.track_event(&session, AnalyticsEvent::new("tool_call").with("tool", "read"));
//! assert_eq!(analytics.session_analytics(&session).events.len(), 1);
//!
//! analytics.shutdown().await; // exports what waits
//! assert!(std::fs::read_to_string(&path)?.contains(r#""type":"tool_call""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised
//!
//! - Tracking never waits for an exporter, and every memory is bounded: see [`AnalyticsOptions`]. What is dropped is
//!   counted and shown in health.
//! - An event is exported at least once. It leaves an exporter's queue only when the exporter said that it arrived, so
//!   an export that fails, panics, takes too long or is dropped loses nothing, and may repeat an event under the same
//!   `id`. What an exporter will never take becomes a dead letter, and holds up nothing.
//! - Exporters do not feel each other: each has its own queue and its own background task, with pauses that grow while
//!   it fails.
//! - With an [outbox](AnalyticsCoordinatorBuilder::outbox), what is in it survives the end of the process, also by
//!   `kill -9`. Events get there within moments, and [`AnalyticsCoordinator::persist`] waits for it.
//! - A shutdown ends within twice [`AnalyticsOptions::shutdown_timeout`], whatever the exporters do. A coordinator
//!   that is dropped without it loses the events that wait, unless they are in an outbox.
//!
//! # Runtime
//!
//! Tracking runs anywhere. Exporting in the background and the time limits need a tokio runtime with its clock enabled.

mod builder;
mod coordinator;
mod exporters;
mod letters;
mod options;
mod outbox;
mod outcome;
mod pace;
mod pipe;
mod sessions;
mod source;
mod waiting;

#[doc(no_inline)]
pub use victor_analytics_protocol as protocol;
#[doc(no_inline)]
pub use victor_core as core;

pub use builder::AnalyticsCoordinatorBuilder;
pub use coordinator::AnalyticsCoordinator;
pub use exporters::{
    BatchExporter, ConsoleExporter, FilterExporter, JsonLinesExporter, PatternError,
    RedactExporter, Redactor, TeeExporter,
};
pub use options::AnalyticsOptions;
