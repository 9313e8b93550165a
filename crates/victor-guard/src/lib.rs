//! Calls foreign code within a time limit, contains its panics, and keeps plug-ins by name and priority.
//!
//! A coordinator calls code that others have written: stores, providers of settings, contributors, strategies,
//! exporters. Each of them may fail, panic or hang, and none of that may stop a turn. This crate is the one guard
//! around such calls.
//!
//! ```
//! use std::time::Duration;
//!
//! use victor_core::Problems;
//! use victor_guard::{Fault, call, report};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let limit = Duration::from_secs(5);
//! assert_eq!(call(limit, || async { "fine" }).await.unwrap(), "fine");
//!
//! let fault = call(limit, || async { panic!("out of cheese") }).await.unwrap_err();
//! assert_eq!(fault.to_string(), "panicked: out of cheese");
//!
//! let fault = call(limit, std::future::pending::<()>).await.unwrap_err();
//! assert!(matches!(fault, Fault::TimedOut(_)));
//!
//! let problems = Problems::default();
//! report(&problems, "weather", Some(&fault));
//! assert_eq!(problems.health("prompt").problems, ["weather: gave no answer within 5s"]);
//! # }
//! ```
//!
//! # Contents
//!
//! - [`call`] makes one call; its [`Fault`] is a panic or the end of the time limit.
//! - [`join_all`] makes several calls side by side; [`race`] takes the first of two.
//! - [`report`] keeps the health of a component up to date.
//! - [`process`] tells whether the process that has a lease has ended.
//! - [`Plugins`] is a list of plug-ins with unique names, ordered by priority, that can grow while it is read.
//!
//! # Where it belongs
//!
//! Coordinators, adapters and the orchestrator may use this crate; protocols may not, since it knows a runtime.

mod call;
mod fault;
mod plugins;
pub mod process;
mod side_by_side;

pub use call::call;
pub use fault::{Fault, report};
pub use plugins::{NameTaken, Plugin, Plugins};
pub use side_by_side::{join_all, race};
#[doc(no_inline)]
pub use victor_core as core;
