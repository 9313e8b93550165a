//! A walk through directories.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, DirEntry, FileType};
use victor_tool_protocol::ToolError;

use crate::blocking::Cancelled;

/// How deep a walk goes at most.
pub(crate) const MAX_DEPTH: u64 = 64;

/// Something that a walk comes by.
pub(crate) struct Found<'a> {
    /// Its path, relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) kind: FileType,
    /// The directory in which it is.
    pub(crate) dir: &'a Dir,
    pub(crate) entry: &'a DirEntry,
}

/// Visits what is in `dir`, in the order of the names, and what is in its directories, `depth` levels deep.
///
/// Symbolic links are visited and not followed. What is in `.git`, and in directories that their owner has marked as a
/// cache (`CACHEDIR.TAG`, as Cargo does with `target`), is passed over, and so is what cannot be read.
pub(crate) fn walk(
    dir: &Dir,
    path: &Path,
    depth: u64,
    cancelled: &Cancelled,
    visit: &mut dyn FnMut(Found<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ToolError> {
    let Ok(entries) = dir.entries() else {
        return Ok(ControlFlow::Continue(()));
    };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        cancelled.check()?;
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = entry.file_name();
        let path = path.join(&name);
        let found = Found {
            path: path.clone(),
            kind,
            dir,
            entry: &entry,
        };
        if visit(found).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if kind.is_dir() && depth > 1 && name != ".git" {
            let Ok(inner) = entry.open_dir() else {
                continue;
            };
            let cache = inner.symlink_metadata("CACHEDIR.TAG").is_ok();
            if !cache && walk(&inner, &path, depth - 1, cancelled, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}
