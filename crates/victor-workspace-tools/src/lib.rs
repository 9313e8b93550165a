//! Tools that read, search and change files and run commands, confined to one root folder.
//!
//! ```
//! use victor_workspace_tools::WorkspaceTools;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path();
//! let tools = WorkspaceTools::open(path)?.tools(); // reads and searches, and changes nothing
//! let names: Vec<_> = tools.iter().map(|tool| &*tool.spec().name).collect();
//! assert_eq!(names, ["read_file", "list_directory", "find_files", "search_files"]);
//!
//! let tools = WorkspaceTools::open(path)?.allow_write(true).tools();
//! assert_eq!(tools.len(), 7); // also `write_file`, `edit_file` and `apply_patch`
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Confinement
//!
//! Paths are resolved beneath an open handle of the root ([`cap_std`]), by the kernel where it can: `..`, absolute
//! paths and symbolic links cannot lead out, also not when they change while a tool looks at them. Only plain files
//! are opened, never pipes, sockets or devices. What is read, searched and returned has limits, and each says where
//! it was met.
//!
//! What is in `.git` is read like anything else, but not written: it decides which commands the user's Git runs.
//!
//! # Cancel safety
//!
//! A dropped call stops reading and searching soon. A write that has begun is completed, so that a file has its old
//! content or its new one and never a part. A command is killed with all that it started.
//!
//! # Commands
//!
//! Commands are another matter: a command starts in the root folder and may do whatever the program may. Allow them
//! ([`WorkspaceTools::allow_commands`]) only where that is acceptable, or behind an approval by a person; their effect
//! is declared as [`Destructive`](victor_core::Effect::Destructive).

mod apply_patch;
mod blocking;
mod change;
#[cfg(unix)]
mod command;
mod commit;
mod diff;
mod edit;
#[cfg(feature = "fetch")]
mod fetch;
mod find;
mod fit;
mod glob;
mod history;
mod history_store;
#[cfg(feature = "fetch")]
mod html;
mod list;
mod patch;
mod place;
#[cfg(unix)]
mod processes;
mod read;
mod rollback;
mod search;
mod tools;
mod walk;
mod workspace;
mod write;

pub use history::{FileHistory, HistoryError};
pub use rollback::RollbackError;
pub use tools::WorkspaceTools;
pub use workspace::OpenError;
