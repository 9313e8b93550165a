//! Contracts of analytics: trackers and exporters of usage events.
//!
//! - [`AnalyticsExporter`] sends events somewhere; its answers say what becomes of those that did not arrive.
//! - [`EventOutbox`] keeps events until they are sent, across the end of the process.
//! - [`EventStore`] finds events that were sent, by an [`EventQuery`].
//! - [`AnalyticsTracker`] is the role of the coordinator that collects them and feeds the exporters.
//!
//! # An exporter
//!
//! ```
//! use async_trait::async_trait;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};
//!
//! /// Counts tool calls.
//! #[derive(Debug, Default)]
//! struct ToolCalls(AtomicUsize);
//!
//! #[async_trait]
//! impl AnalyticsExporter for ToolCalls {
//!     fn name(&self) -> &str {
//!         "tool_calls"
//!     }
//!
//!     async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
//!         let calls = events.iter().filter(|event| event.event_type == "tool_call_finished").count();
//!         self.0.fetch_add(calls, Ordering::Relaxed);
//!         Ok(ExportResult::exported(events.len()))
//!     }
//! }
//! ```

mod data;
mod event;
mod exporter;
mod outbox;
mod query;
mod result;
mod tracker;

#[doc(no_inline)]
pub use victor_core as core;

pub use data::EventData;
pub use event::AnalyticsEvent;
pub use exporter::AnalyticsExporter;
#[cfg(feature = "mock")]
pub use exporter::MockAnalyticsExporter;
pub use outbox::EventOutbox;
#[cfg(feature = "mock")]
pub use outbox::MockEventOutbox;
#[cfg(feature = "mock")]
pub use query::MockEventStore;
pub use query::{EventPosition, EventQuery, EventStore, EventStoreError};
pub use result::{DeadLetter, ExportError, ExportErrorKind, ExportResult, RejectedEvent};
#[cfg(feature = "mock")]
pub use tracker::MockAnalyticsTracker;
pub use tracker::{AnalyticsTracker, SessionAnalytics};
