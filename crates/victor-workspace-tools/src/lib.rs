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
//! # Changes
//!
//! A tool that changes files first works out all that it would change. A preview shows that as a unified diff, for the
//! person who is asked; a call does it, all or nothing, and returns the diff. Each file is replaced as a whole, so that
//! whoever looks sees its old content or its new one. Files are named by their real paths where a link leads to them. A
//! call that a person has approved changes nothing if it would change something else than the preview has shown: a file
//! has changed since, or a link leads elsewhere.
//!
//! With a [`FileHistory`], what files were is kept before they change, and a turn can be taken back:
//!
//! ```
//! use victor_workspace_tools::{FileHistory, WorkspaceTools};
//!
//! # async fn example(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let tools = WorkspaceTools::open(path)?.allow_write(true).history(FileHistory::in_memory());
//! // ... after some turns:
//! if let Some(turn) = tools.turns().last() {
//!     let files = tools.rollback(*turn).await?;
//!     println!("{} files are as they were before", files.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Cancel safety
//!
//! A dropped call stops reading and searching soon. A change that has begun is completed. A command is killed with all
//! that it started.
//!
//! # Commands
//!
//! Commands are another matter: a command starts in the root folder and may do whatever the program may. Allow them
//! ([`WorkspaceTools::allow_commands`]) only where that is acceptable, or behind an approval by a person; their effect
//! is declared as [`Destructive`](victor_core::Effect::Destructive).
//!
//! # Features
//!
//! `fetch`: the tool `fetch_url`, which reads text from the public web, and with it an HTTP client. Servers beside the
//! program or on its own network are not reached, whatever name or redirect leads there.

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
mod names;
mod patch;
mod place;
#[cfg(unix)]
mod processes;
mod read;
#[cfg(feature = "fetch")]
mod references;
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
