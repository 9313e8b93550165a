//! Contracts of analytics: trackers and exporters of usage events.
//!
//! - [`AnalyticsExporter`] sends events somewhere.
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
mod tracker;

#[doc(no_inline)]
pub use victor_core as core;

pub use data::EventData;
pub use event::AnalyticsEvent;
#[cfg(feature = "mock")]
pub use exporter::MockAnalyticsExporter;
pub use exporter::{AnalyticsExporter, ExportError, ExportResult};
#[cfg(feature = "mock")]
pub use tracker::MockAnalyticsTracker;
pub use tracker::{AnalyticsTracker, SessionAnalytics};
