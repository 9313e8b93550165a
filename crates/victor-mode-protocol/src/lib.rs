//! Contracts of agent modes: what a mode permits and who switches it.
//!
//! - [`Mode`] is a mode as data: which effects and tools it permits, what it tells the model, and its limits.
//!   [`Mode::build`], [`Mode::plan`] and [`Mode::explore`] are there from the start.
//! - [`ModePolicy`] is a mode that can say no for reasons of its own; every [`Mode`] is one.
//! - [`ModeManager`] is the role of the coordinator that knows the mode of every session.
//!
//! A mode is enforced where tools are executed, by the effect that a tool declares; what the model was told or shown
//! plays no part in it.
//!
//! ```
//! use serde_json::json;
//! use victor_core::{Effect, ToolSpec};
//! use victor_mode_protocol::Mode;
//!
//! let write = ToolSpec::new("write_file", "Writes a file", json!({ "type": "object" }));
//! let read = ToolSpec::new("read_file", "Reads a file", json!({ "type": "object" })).with_effect(Effect::ReadOnly);
//!
//! assert!(Mode::plan().permits(&read).is_permitted());
//! assert_eq!(
//!     Mode::plan().permits(&write).reason(),
//!     Some("mode `plan` permits effects up to `read_only`, and tool `write_file` has the effect `write`"),
//! );
//! ```
//!
//! # A policy
//!
//! ```
//! use victor_core::{Effect, ToolSpec};
//! use victor_mode_protocol::{Mode, ModePolicy, Permission};
//!
//! /// Changes nothing while the release is being made.
//! #[derive(Debug)]
//! struct Freeze {
//!     mode: Mode,
//!     frozen: std::sync::atomic::AtomicBool,
//! }
//!
//! impl ModePolicy for Freeze {
//!     fn mode(&self) -> &Mode {
//!         &self.mode
//!     }
//!
//!     fn permits(&self, tool: &ToolSpec) -> Permission {
//!         if tool.effect > Effect::ReadOnly && self.frozen.load(std::sync::atomic::Ordering::Relaxed) {
//!             return Permission::denied("a release is being made: nothing may change until it is out");
//!         }
//!         self.mode.permits(tool)
//!     }
//! }
//! ```

mod error;
mod manager;
mod mode;
mod permission;
mod policy;

#[doc(no_inline)]
pub use victor_core as core;

pub use error::ModeError;
#[cfg(feature = "mock")]
pub use manager::MockModeManager;
pub use manager::{ModeManager, ModeSwitch, SwitchedBy};
pub use mode::{Mode, ModeLimits};
pub use permission::Permission;
#[cfg(feature = "mock")]
pub use policy::MockModePolicy;
pub use policy::ModePolicy;
