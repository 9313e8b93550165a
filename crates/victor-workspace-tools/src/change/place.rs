//! The place of a file.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use cap_std::fs::{Dir, Permissions};
use victor_tool_protocol::ToolError;

use crate::workspace::{Workspace, read_whole};

/// The number of times that a file may be replaced while its path is resolved.
const REPLACEMENTS: u32 = 100;

/// The place of a file that is to be changed or created.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// As it was named.
    pub(crate) shown: PathBuf,
    /// Without symbolic links, as far as it exists.
    pub(crate) real: PathBuf,
    /// Those of the file that is there.
    pub(crate) permissions: Option<Permissions>,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// There is no file.
    Absent,
    Bytes(Vec<u8>),
    /// More than is read as a whole.
    TooLarge,
}

impl Place {
    /// Finds out where a file is and whether it may be changed. A symbolic link stands for what it leads to.
    pub(crate) fn find(workspace: &Workspace, path: &Path) -> Result<Self, ToolError> {
        let explain = |error| workspace.explain(path, error);
        let root = workspace.dir();
        require_unprotected(path, path)?;
        let (real, permissions) = match canonicalize(root, path) {
            Ok(real) => {
                workspace.open_file(&real)?; // says why, if it is no plain file
                let permissions = root.metadata(&real).map_err(explain)?.permissions();
                if permissions.readonly() {
                    return Err(ToolError::NotPermitted(format!(
                        "`{}` is write-protected",
                        path.display()
                    )));
                }
                (real, Some(permissions))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (absent(workspace, path)?, None),
            Err(error) => return Err(explain(error)),
        };
        // Again, since a symbolic link may have led there.
        require_unprotected(path, &real)?;
        if real.file_name().is_none() {
            return Err(ToolError::InvalidArguments(format!(
                "`{}` is no name for a file",
                path.display()
            )));
        }
        Ok(Self {
            shown: path.to_owned(),
            real,
            permissions,
        })
    }

    pub(crate) fn exists(&self) -> bool {
        self.permissions.is_some()
    }

    /// Reads the content of the file.
    pub(crate) fn content(&self, workspace: &Workspace) -> Result<Content, ToolError> {
        if !self.exists() {
            return Ok(Content::Absent);
        }
        let file = workspace.open_file(&self.real)?;
        let bytes = read_whole(file).map_err(|error| workspace.explain(&self.shown, error))?;
        Ok(bytes.map_or(Content::TooLarge, Content::Bytes))
    }

    /// The directory in which it is.
    pub(crate) fn folder(&self) -> &Path {
        parent(&self.real)
    }

    pub(crate) fn name(&self) -> &OsStr {
        self.real.file_name().unwrap_or_default()
    }
}

/// Resolves the symbolic links of a path.
///
/// On Linux the answer is read from an open descriptor. It ends in `(deleted)` where somebody replaces the file at that
/// moment, and names nothing then: the path is resolved again.
fn canonicalize(root: &Dir, path: &Path) -> std::io::Result<PathBuf> {
    for _ in 0..REPLACEMENTS {
        let real = root.canonicalize(path)?;
        let is_stale = real.as_os_str().as_encoded_bytes().ends_with(b" (deleted)");
        if !is_stale || root.symlink_metadata(&real).is_ok() {
            return Ok(real);
        }
    }
    root.canonicalize(path)
}

/// The real path of what does not exist: that of the last directory above it that does, and the rest.
fn absent(workspace: &Workspace, path: &Path) -> Result<PathBuf, ToolError> {
    let root = workspace.dir();
    let explain = |error| workspace.explain(path, error);
    let mut above = path;
    loop {
        if root.symlink_metadata(above).is_ok() {
            return Err(ToolError::NotPermitted(format!(
                "`{}` is a symbolic link that leads nowhere",
                above.display()
            )));
        }
        above = parent(above);
        match canonicalize(root, above) {
            Ok(real) if root.metadata(&real).map_err(explain)?.is_dir() => {
                let rest = path.strip_prefix(above).unwrap_or(path);
                if rest.components().any(|part| part == Component::ParentDir) {
                    return Err(ToolError::NotFound(format!(
                        "`{}` goes back from a directory that does not exist",
                        path.display()
                    )));
                }
                let in_root = real == Path::new(".");
                return Ok(if in_root {
                    rest.to_owned()
                } else {
                    real.join(rest)
                });
            }
            Ok(_) => return Err(explain(ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(explain(error)),
        }
    }
}

/// Refuses places in `.git`: its content decides what commands the user's Git runs, so writing there would run
/// commands.
fn require_unprotected(path: &Path, real: &Path) -> Result<(), ToolError> {
    let git = |name: &OsStr| name.eq_ignore_ascii_case(".git");
    if real.iter().any(git) {
        return Err(ToolError::NotPermitted(format!(
            "`{}` belongs to Git, whose own files are not changed",
            path.display()
        )));
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
