//! Takes the events of turns to analytics, metrics, logs, observers and the calibration of token counts.
//!
//! A turn emits its events once. [`Telemetry`] hands each of them on to all who want to know: the analytics tracker,
//! with what may be said of the event outside of the process; the metrics recorder; `tracing`; the observers that the
//! program has added; and the context coordinator, which corrects its token counts by the usage that models report.
//! None of them can disturb the turn: their panics are contained here.
//!
//! # Where it belongs
//!
//! It joins the roles of analytics, metrics, configuration and contexts, and knows no coordinator. The orchestrator
//! composes it.

mod observers;
mod telemetry;
mod turn_telemetry;
mod usage_feedback;

pub use observers::TurnObservers;
pub use telemetry::{Telemetry, TelemetryRoles};
pub use turn_telemetry::TurnTelemetry;
