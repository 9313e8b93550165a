//! Taking back what a turn has changed.

use std::path::PathBuf;

use victor_core::TurnId;
use victor_tool_protocol::ToolError;

use super::file_history::{FileHistory, HistoryError, Kept, digest};
use crate::change::{Content, Place};
use crate::change::{Step, commit};
use crate::workspace::Workspace;

/// An error about a turn that cannot be taken back. Unless a variant says otherwise, no file was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// The history knows of no change by this turn: it made none, was taken back already, or is forgotten.
    #[error("the file history knows of no changes by turn {turn}")]
    Unknown {
        /// The turn.
        turn: TurnId,
    },
    /// Files have changed since, by a person, a command or a later turn, whose work would be lost.
    #[error(
        "these files were changed by someone else since then: {}",
        shown(files)
    )]
    Changed {
        /// The files, relative to the root, in the order of their paths.
        files: Vec<PathBuf>,
    },
    /// The history cannot be read, or could not forget the turn after its files were put back.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The files cannot be written.
    #[error("the files could not be put back")]
    Write(#[source] ToolError),
}

fn shown(files: &[PathBuf]) -> String {
    let files = files.iter().map(|file| format!("`{}`", file.display()));
    files.collect::<Vec<_>>().join(", ")
}

/// Puts the files of a turn back to what they were before it, and says which ones.
pub(crate) fn rollback(
    workspace: &Workspace,
    history: &FileHistory,
    turn: TurnId,
) -> Result<Vec<PathBuf>, RollbackError> {
    let _changing = workspace.lock_for_change();
    let kept = history.kept(turn);
    if kept.is_empty() {
        return Err(RollbackError::Unknown { turn });
    }
    let mut files = Vec::new();
    let mut changed = Vec::new();
    for (path, kept) in &kept {
        let Some((place, now)) = as_left(workspace, path, kept) else {
            changed.push(path.clone());
            continue;
        };
        let hash_now = match &now {
            Content::Bytes(bytes) => Some(digest(bytes)),
            _ => None,
        };
        if hash_now != kept.before.hash {
            let before = kept
                .before
                .hash
                .as_deref()
                .map(|hash| history.content(hash))
                .transpose()?;
            files.push((place, now, before, kept.before.mode.and_then(permissions)));
        }
    }
    if !changed.is_empty() {
        return Err(RollbackError::Changed { files: changed });
    }
    let steps = files.iter().map(|(place, now, before, permissions)| Step {
        place,
        before: now,
        after: before.as_deref(),
        like: place.exists().then_some(place),
        permissions: permissions.as_ref().or(place.permissions.as_ref()),
    });
    commit(workspace, &steps.collect::<Vec<_>>()).map_err(RollbackError::Write)?;
    history.forget(turn)?;
    Ok(files.into_iter().map(|(place, ..)| place.real).collect())
}

/// Returns the place and content of a file that is as the turn has left it.
fn as_left(workspace: &Workspace, path: &PathBuf, kept: &Kept) -> Option<(Place, Content)> {
    let place = Place::find(workspace, path).ok()?;
    let content = place.content(workspace).ok()?;
    let hash = match &content {
        Content::Absent => None,
        Content::Bytes(bytes) => Some(digest(bytes)),
        Content::TooLarge => return None,
    };
    let known = !kept.interrupted && place.real == *path && kept.states.contains(&hash);
    known.then_some((place, content))
}

#[cfg(unix)]
fn permissions(mode: u32) -> Option<cap_std::fs::Permissions> {
    use cap_std::fs::PermissionsExt as _;
    Some(cap_std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permissions(_: u32) -> Option<cap_std::fs::Permissions> {
    None
}
