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
//! # Finding
//!
//! Files that `.gitignore` or `.ignore` name, as Git reads these, and what is in directories with a `CACHEDIR.TAG`, are
//! left out of searches, and how many there are is said; `include_ignored` takes them in, behind the others. Rules
//! above the root and those of the user's own Git configuration are not looked at. A pattern also stands for the name
//! that is spelled like it, such as `[id].tsx`. A path that does not exist stands for one that looks the same: with
//! another blank than the space, or with accents that are composed in another way.
//!
//! # Text
//!
//! Text is UTF-8, or what a byte order mark, its own declaration (`charset=`, `encoding=`, `coding:`) or a guess says,
//! after the [Encoding Standard](https://encoding.spec.whatwg.org/). A changed file keeps its encoding, its byte order
//! mark and its line ends; a character that its encoding lacks is an error, and so is a file that would not come back
//! byte for byte. Files up to 8 MiB are searched, edited and read in other encodings than UTF-8.
//!
//! # Changes
//!
//! A tool that changes files first works out all that it would change. A preview shows that as a unified diff, for the
//! person who is asked; a call does it, all or nothing, and returns the diff. It is worked out in time that grows with
//! the size of the files and not faster, and keeps no other change waiting; if a file is changed meanwhile, it is
//! worked out anew.
//!
//! Each file is replaced as a whole, so that whoever looks sees its old content or its new one. It keeps its mode,
//! owner, group, access list and extended attributes; other hard links to it keep the old content. A file that cannot
//! be replaced so, because it is a mount of its own, its directory is write-protected or it belongs to somebody else,
//! is written in place: whoever looks may see a part, and where writing fails its old content is put back.
//!
//! Files are named by their real paths where a link leads to them. A call that a person has approved changes nothing if
//! it would change something else than the preview has shown: a file has changed since, or a link leads elsewhere.
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
//! - **A command ends**, with all that it started: when its time is up
//!   ([`WorkspaceTools::command_timeout`]), when its call is dropped, and when the program ends, also by `kill -9` (see
//!   [`ProcessGroup`](victor_process::ProcessGroup)).
//! - **It is told no secrets** of the environment: no variable that is one by its name or value
//!   ([`is_secret`](victor_process::is_secret)), or whose value holds one of these or one that the program knows
//!   ([`WorkspaceTools::secrets`]). All other variables are passed on.
//! - **It can find some all the same.** It runs as the same user, so it may read what this user may: files such as
//!   `~/.netrc`, and on Linux the environment of other processes in `/proc`, among them this program and MCP servers
//!   that were told theirs. (A program that makes itself not dumpable closes its own to all but root, but also its
//!   `/proc/self`, of which these tools make use.) Where that matters, keep keys out of the environment of the program,
//!   or run it as a user who has none.
//!
//! # Features
//!
//! `fetch`: the tool `fetch_url`, which reads text from the public web, and with it an HTTP client. Servers beside the
//! program or on its own network are not reached, whatever name or redirect leads there.

mod budget;
mod change;
#[cfg(unix)]
mod command;
mod file_tool;
mod files;
mod history;
mod patch;
mod shorten;
mod text;
mod tools;
#[cfg(feature = "fetch")]
mod web;
mod workspace;

pub use history::{FileHistory, HistoryError, RollbackError};
pub use tools::WorkspaceTools;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_tool_protocol as protocol;
pub use workspace::OpenError;
