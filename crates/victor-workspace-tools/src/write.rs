//! `write_file`, and how files are replaced.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, OpenOptions, Permissions};
use serde::Deserialize;
use serde_json::json;
use victor_core::Effect;
use victor_tool_protocol::ToolError;

use crate::blocking::{Cancelled, FileTool, spec};
use crate::workspace::Workspace;

#[derive(Debug, Deserialize)]
pub(crate) struct Arguments {
    path: String,
    content: String,
}

pub(crate) fn tool(workspace: &Arc<Workspace>) -> FileTool<Arguments> {
    let spec = spec(
        "write_file",
        Effect::Write,
        "Writes a whole text file: creates it, with the directories above it, or replaces all that is in it. To change \
         part of a file, use `edit_file`.",
        &["path", "content"],
        json!({
            "path": {
                "type": "string",
                "description": "The file to write, relative to the root of the workspace",
            },
            "content": {
                "type": "string",
                "description": "All that the file is to contain",
            },
        }),
    );
    FileTool::new(workspace, spec, write)
}

fn write(
    workspace: &Workspace,
    arguments: &Arguments,
    cancelled: &Cancelled,
) -> Result<String, ToolError> {
    let path = workspace.relative(&arguments.path)?;
    if arguments.path.ends_with(['/', '\\']) {
        return Err(ToolError::InvalidArguments(format!(
            "`{}` names a directory: add the name of the file",
            arguments.path
        )));
    }
    let _changing = workspace.lock_for_change();
    cancelled.check()?;
    let existed = replace(workspace, &path, &arguments.content)?;
    Ok(format!(
        "{} `{}`: {} lines, {} bytes",
        if existed { "replaced" } else { "created" },
        path.display(),
        arguments.content.lines().count(),
        arguments.content.len(),
    ))
}

/// Gives a file this content and says whether it existed. Whoever looks sees the old content or the new, never a part;
/// also after a crash.
///
/// A file keeps its permissions, and a symbolic link stays one: what it leads to is replaced.
pub(crate) fn replace(
    workspace: &Workspace,
    path: &Path,
    content: &str,
) -> Result<bool, ToolError> {
    let explain = |error| workspace.explain(path, error);
    let place = Place::find(workspace, path)?;
    let temporary = Temporary::create(&place.folder).map_err(explain)?;
    let write = || {
        let mut file = &temporary.file;
        file.write_all(content.as_bytes())?;
        if let Some(permissions) = &place.permissions {
            file.set_permissions(permissions.clone())?;
        }
        file.sync_all()?;
        place
            .folder
            .rename(&temporary.name, &place.folder, &place.name)
    };
    write().map_err(explain)?;
    Ok(place.permissions.is_some())
}

/// Where a file is, or is to be.
struct Place {
    folder: Dir,
    name: OsString,
    /// Those of the file that is there.
    permissions: Option<Permissions>,
}

impl Place {
    fn find(workspace: &Workspace, path: &Path) -> Result<Self, ToolError> {
        let explain = |error| workspace.explain(path, error);
        let root = workspace.dir();
        require_unprotected(path, path)?;
        let (real, permissions) = match root.canonicalize(path) {
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
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if root.symlink_metadata(path).is_ok() {
                    return Err(ToolError::NotPermitted(format!(
                        "`{}` is a symbolic link that leads nowhere",
                        path.display()
                    )));
                }
                (with_folder(root, path).map_err(explain)?, None)
            }
            Err(error) => return Err(explain(error)),
        };
        // Again, since a symbolic link may have led there.
        require_unprotected(path, &real)?;
        let (Some(name), folder) = (real.file_name(), parent(&real)) else {
            return Err(ToolError::InvalidArguments(format!(
                "`{}` is no name for a file",
                path.display()
            )));
        };
        Ok(Self {
            folder: root.open_dir(folder).map_err(explain)?,
            name: name.to_owned(),
            permissions,
        })
    }
}

/// What is in `.git` decides what commands the user's Git runs, so writing there would be running commands.
fn require_unprotected(path: &Path, real: &Path) -> Result<(), ToolError> {
    let git = |name: &std::ffi::OsStr| name.eq_ignore_ascii_case(".git");
    if real.iter().any(git) {
        return Err(ToolError::NotPermitted(format!(
            "`{}` belongs to Git, whose own files are not changed",
            path.display()
        )));
    }
    Ok(())
}

/// The real path of a file that is to be created, whose directories are created here.
fn with_folder(root: &Dir, path: &Path) -> io::Result<PathBuf> {
    let folder = parent(path);
    root.create_dir_all(folder)?;
    let real = root.canonicalize(folder)?;
    Ok(real.join(path.file_name().unwrap_or_default()))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file under another name, which is gone when it has not been renamed.
struct Temporary<'a> {
    folder: &'a Dir,
    name: String,
    file: cap_std::fs::File,
}

impl<'a> Temporary<'a> {
    fn create(folder: &'a Dir) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".victor-{}-{count}.tmp", std::process::id());
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            match folder.open_with(&name, &options) {
                Ok(file) => return Ok(Self { folder, name, file }),
                // Left behind by a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // After the rename there is none, and where removing fails there is nothing more to try.
        let _ = self.folder.remove_file(&self.name);
    }
}
