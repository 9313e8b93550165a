//! Sessions: what this process remembers of them, and how they are loaded from the store.

mod error;
mod journal;
mod lifecycle;
mod loader;
mod metadata;
mod mode_record;
mod modes;
mod record;
mod registry;
mod session_settings;
mod view;

pub use error::SessionOpError;
pub use registry::MemoryLimits;

pub(crate) use lifecycle::Lifecycle;
pub(crate) use loader::{HeldSession, SessionLoader, component};
pub(crate) use metadata::{FORK_OF, MODE, NESTED_IN};
pub(crate) use modes::SessionModes;
pub(crate) use record::{SessionRecord, has_run};
pub(crate) use registry::{ActiveSession, SessionRegistry};
pub(crate) use session_settings::of_session;
pub(crate) use view::view_patch;
