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
//! paths and symbolic links cannot lead out of the root, even if they change while a tool looks at them. Only plain
//! files are opened, never pipes, sockets or devices. Reading, searching and output have limits, and the result says
//! where one was reached.
//!
//! Files in `.git` can be read but not written, since they decide which commands the user's Git runs.
//!
//! # Finding
//!
//! Searches leave out the files that `.gitignore` or `.ignore` name, as Git reads these, and directories with a
//! `CACHEDIR.TAG`. The result gives their number; `include_ignored` lists them behind the others. Rules above the root
//! and in the user's Git configuration have no effect. A pattern also matches the name that is spelled like it, such as
//! `[id].tsx`. A path that does not exist stands for one that looks the same: one with another blank for the space, or
//! with accents composed in another way.
//!
//! # Text
//!
//! Text is UTF-8, or has the encoding that a byte order mark, its own declaration (`charset=`, `encoding=`, `coding:`)
//! or a guess names, after the [Encoding Standard](https://encoding.spec.whatwg.org/). A changed file keeps its
//! encoding, its byte order mark and its line ends; a character that its encoding lacks is an error, and so is a file
//! that would not come back byte for byte. Files up to 8 MiB are searched, edited and read in other encodings than
//! UTF-8.
//!
//! # Changes
//!
//! A tool that changes files computes the whole change first. A preview shows it as a unified diff, for the person who
//! approves it; a call applies it, all or nothing, and returns the diff. The time to compute it is linear in the size
//! of the files, and no other change waits for it; if a file changes meanwhile, the change is computed again.
//!
//! Each file is replaced as a whole, so that a reader sees either its old content or its new one. It keeps its mode,
//! owner, group, access list and extended attributes; other hard links to it keep the old content. A file that cannot
//! be replaced in this way, because it is a mount of its own, belongs to another user or is in a write-protected
//! directory, is written in place: a reader may see part of it, and its old content is restored if writing fails.
//!
//! Files are named by their real paths where a link leads to them. An approved call changes nothing if its change is no
//! longer the one that the preview has shown, because a file has changed or a link leads elsewhere.
//!
//! A [`FileHistory`] keeps the content of files before they change, so that a turn can be undone:
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
//! A dropped call stops reading and searching soon. A change that has begun is completed. A command is killed, with all
//! processes that it started.
//!
//! # Commands
//!
//! Commands are not confined: a command starts in the root folder and has all rights of the program. Allow commands
//! ([`WorkspaceTools::allow_commands`]) only where that is acceptable, or behind an approval by a person. Their effect
//! is [`Destructive`](victor_core::Effect::Destructive).
//!
//! - **A command ends**, with all processes that it started: when its time is up
//!   ([`WorkspaceTools::command_timeout`]), when its call is dropped, and when the program ends, even by `kill -9` (see
//!   [`ProcessGroup`](victor_process::ProcessGroup)).
//! - **Its environment has no secrets**: no variable that is a secret by its name or value
//!   ([`is_secret`](victor_process::is_secret)), or whose value contains such a secret or one that the program knows
//!   ([`WorkspaceTools::secrets`]). All other variables are passed on.
//! - **It may find secrets elsewhere.** It runs as the same user and can read that user's files, such as `~/.netrc`,
//!   and on Linux the environment of other processes in `/proc`, among them this program and its MCP servers. (A
//!   program that makes itself not dumpable hides its own environment from all users but root, but also its
//!   `/proc/self`, which these tools need.) Where that matters, keep keys out of the environment of the program, or run
//!   it as a user who has none.
//!
//! # Features
//!
//! `fetch`: the tool `fetch_url`, which reads text from the public web, and with it an HTTP client. It does not reach
//! servers on the same machine or in its own network, whatever name or redirect leads there.

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
