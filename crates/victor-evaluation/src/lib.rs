//! Runs cases against an agent, judges what came of them, and says with how much certainty.
//!
//! - [`EvaluationCoordinator`] makes every trial of a plan. What goes wrong in one case is a state of its trial and not
//!   a score; the others go on. With a [`JsonlLog`], an interrupted run goes on where it stopped.
//! - [`evaluators`] judge trials: by text, JSON, numbers, tool calls, files, cost, time, or by a model.
//! - [`Summary`] says how a run went, with intervals; [`Comparison`] whether one run is better than another, pair by
//!   pair; a [`Gate`] decides by the interval and not by the point.
//! - [`report`] writes a run as Markdown, JUnit XML, HTML, or the log of inspect-ai.
//! - [`LiveEvaluation`] judges a sample of live turns in the background, as events of analytics.
//! - [`calibration`] compares a judge with people.
//! - [`statistics`] are the numbers beneath.
//!
//! ```
//! use victor_evaluation::statistics::{Sample, student_interval};
//!
//! let scores = Sample::of(&[1.0, 1.0, 0.0, 1.0]);
//! let interval = student_interval(&scores, 0.95).unwrap();
//! assert!(interval.contains(0.75) && interval.lower < 0.0); // four cases say little
//! ```

mod calibration;
mod comparison;
mod coordinator;
pub mod evaluators;
mod gate;
mod judging;
mod live;
mod log;
pub mod report;
pub mod statistics;
mod summary;
mod trials;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_evaluation_protocol as protocol;

pub use calibration::{Calibration, calibration};
pub use comparison::{Comparison, ComparisonError};
pub use coordinator::EvaluationCoordinator;
pub use gate::{Gate, GateDecision};
pub use live::{LiveEvaluation, LiveOptions};
pub use log::JsonlLog;
pub use summary::{CaseSummary, EvaluatorSummary, Summary};
