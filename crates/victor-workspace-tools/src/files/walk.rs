//! A walk through directories.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, DirEntry, FileType};
use victor_tool_protocol::ToolError;

use super::ignored::Rules;
use crate::file_tool::Cancelled;
use crate::workspace::Workspace;

/// The greatest depth of a walk.
pub(crate) const MAX_DEPTH: u64 = 64;

/// Something that a walk comes by.
pub(crate) struct Found<'a> {
    /// Its path, relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) kind: FileType,
    /// Whether it is ignored, or in a directory that is.
    pub(crate) ignored: bool,
    /// The directory in which it is.
    pub(crate) dir: &'a Dir,
    pub(crate) entry: &'a DirEntry,
}

/// The way of a walk.
pub(crate) struct Walk<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) cancelled: &'a Cancelled,
    /// The number of levels that it enters.
    pub(crate) depth: u64,
    /// Whether it enters directories that are ignored: those that `.gitignore` names, and those that their owner has
    /// marked as a cache (`CACHEDIR.TAG`, as Cargo does with `target`).
    pub(crate) ignored: bool,
}

/// A visitor of everything on a walk; the walk ends where it breaks.
type Visit<'a> = dyn FnMut(Found<'_>) -> ControlFlow<()> + 'a;

impl Walk<'_> {
    /// Visits what is in a directory, in the order of the names, and what is in its directories.
    ///
    /// Symbolic links are visited and not followed. What is in `.git` is passed over, and so is what cannot be read.
    /// Ignored directories are visited, whether they are entered or not.
    pub(crate) fn run(
        &self,
        path: &Path,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>, ToolError> {
        let (dir, shown_in) = self.workspace.open_dir(path)?;
        let mut rules = Rules::above(self.workspace.dir(), path);
        self.visit(&dir, shown_in, self.depth, false, &mut rules, visit)
    }

    fn visit(
        &self,
        dir: &Dir,
        path: &Path,
        depth: u64,
        ignored: bool,
        rules: &mut Rules,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>, ToolError> {
        let Ok(entries) = dir.entries() else {
            return Ok(ControlFlow::Continue(()));
        };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(DirEntry::file_name);
        rules.enter(dir, path);
        for entry in entries {
            self.cancelled.check()?;
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let name = entry.file_name();
            let path = path.join(&name);
            let inner = if kind.is_dir() && depth > 1 && name != ".git" {
                entry.open_dir().ok()
            } else {
                None
            };
            let is_cache = |dir: &Dir| dir.symlink_metadata("CACHEDIR.TAG").is_ok();
            let ignored = ignored
                || inner.as_ref().is_some_and(is_cache)
                || rules.ignore(&path, kind.is_dir());
            let found = Found {
                path: path.clone(),
                kind,
                ignored,
                dir,
                entry: &entry,
            };
            if visit(found).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if let Some(inner) = inner.filter(|_| self.ignored || !ignored)
                && self
                    .visit(&inner, &path, depth - 1, ignored, rules, visit)?
                    .is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        rules.leave();
        Ok(ControlFlow::Continue(()))
    }
}
