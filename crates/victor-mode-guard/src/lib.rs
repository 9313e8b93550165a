//! Holds sessions to their modes: on every tool call, and in every process that loads them.
//!
//! A [`ModeManager`](victor_mode_protocol::ModeManager) knows modes and decides by them. This crate sees to it that its
//! decisions hold, whichever coordinators run tools and keep sessions:
//!
//! - [`ModeGuard`] stands before a tool executor, and runs only the calls that the mode permits.
//! - [`PermittedTools`] lists the tools that a mode permits, to show them to a model.
//! - [`SessionModes`] stores the mode of a session with it, and takes it over where the session is loaded.
//! - [`NarrowedMode`] makes a mode for one purpose, such as a step of a workflow, within another mode.
//! - [`ModeManagerExt`] asks a mode manager and contains its panics; a manager that panics permits nothing.
//!
//! # Where it belongs
//!
//! It joins the roles of modes, tools and sessions, and knows no coordinator. The orchestrator composes it.

mod error;
mod executor;
mod facts;
mod manager_ext;
mod narrowed;
mod permitted;
mod record;
mod records;
mod session_modes;

pub use error::SessionModeError;
pub use executor::ModeGuard;
pub use facts::{MODE, NESTED_IN};
pub use manager_ext::ModeManagerExt;
pub use narrowed::NarrowedMode;
pub use permitted::PermittedTools;
pub use session_modes::SessionModes;
