//! How files are changed: all that are meant or none, and each as a whole.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, File, OpenOptions, Permissions};
use victor_tool_protocol::ToolError;

use crate::place::{Content, Place};
use crate::workspace::Workspace;

/// One file that is put, replaced or taken away.
pub(crate) struct Step<'a> {
    pub(crate) place: &'a Place,
    /// What is there until then.
    pub(crate) before: &'a Content,
    /// What is to be there; nothing, if it is to be taken away.
    pub(crate) after: Option<&'a [u8]>,
    /// Those that the file has, or is to have.
    pub(crate) permissions: Option<&'a Permissions>,
}

/// Does all steps, or puts back what has been done. Whoever looks sees the old content of a file or the new, never a
/// part; also after a crash.
///
/// A file keeps its permissions, and a symbolic link stays one: what it leads to is replaced.
pub(crate) fn commit(workspace: &Workspace, steps: &[Step<'_>]) -> Result<(), ToolError> {
    // First all that is likely to fail: the rest is renaming, here and on the way back.
    let mut folders = Folders {
        workspace,
        created: Vec::new(),
    };
    let several = steps.len() > 1;
    let mut prepared = Vec::new();
    for step in steps {
        let ready = Prepared::new(step, &mut folders, several);
        prepared.push(ready.map_err(|error| workspace.explain(&step.place.shown, error))?);
    }
    for (index, (step, ready)) in steps.iter().zip(&prepared).enumerate() {
        let Err(error) = ready.perform() else {
            continue;
        };
        let done = steps.iter().zip(&prepared).take(index).rev();
        let not_back: Vec<_> = done
            .filter_map(|(step, ready)| Some((step, ready.take_back().err()?)))
            .map(|(step, error)| format!("`{}`: {error}", step.place.shown.display()))
            .collect();
        if not_back.is_empty() {
            return Err(workspace.explain(&step.place.shown, error));
        }
        folders.created.clear(); // they are in use
        return Err(ToolError::because(
            format!(
                "`{}` could not be changed, and these files are changed and could not be put back: {}",
                step.place.shown.display(),
                not_back.join(", ")
            ),
            error,
        ));
    }
    folders.created.clear();
    Ok(())
}

/// Directories that were created for files; gone again with this, where they are empty.
struct Folders<'a> {
    workspace: &'a Workspace,
    created: Vec<PathBuf>,
}

impl Folders<'_> {
    fn open(&mut self, place: &Place) -> io::Result<Dir> {
        let root = self.workspace.dir();
        let missing = place.folder().ancestors();
        let missing: Vec<_> = missing
            .take_while(|folder| !folder.as_os_str().is_empty() && !root.exists(folder))
            .collect();
        for folder in missing.into_iter().rev() {
            root.create_dir(folder)?;
            self.created.push(folder.to_owned());
        }
        root.open_dir(place.folder())
    }
}

impl Drop for Folders<'_> {
    fn drop(&mut self) {
        for folder in self.created.iter().rev() {
            let _ = self.workspace.dir().remove_dir(folder); // fails if somebody uses it by now
        }
    }
}

/// A step of which only renaming is left.
struct Prepared {
    folder: Rc<Dir>,
    name: OsString,
    /// What is to be there.
    new: Option<Temporary>,
    /// What was there, or the place for it.
    old: Option<Temporary>,
}

impl Prepared {
    fn new(step: &Step<'_>, folders: &mut Folders<'_>, keep: bool) -> io::Result<Self> {
        let folder = Rc::new(folders.open(step.place)?);
        let filled = |bytes| Temporary::filled(&folder, bytes, step.permissions);
        let old = match (step.before, step.after) {
            (_, None) => Some(Temporary::create(&folder)?),
            (Content::Bytes(before), Some(_)) if keep => Some(filled(before)?),
            _ => None,
        };
        Ok(Self {
            new: step.after.map(filled).transpose()?,
            old,
            name: step.place.name().to_owned(),
            folder,
        })
    }

    fn perform(&self) -> io::Result<()> {
        match (&self.new, &self.old) {
            (Some(new), _) => self.folder.rename(&new.name, &self.folder, &self.name),
            (None, Some(old)) => self.folder.rename(&self.name, &self.folder, &old.name),
            (None, None) => Ok(()),
        }
    }

    fn take_back(&self) -> io::Result<()> {
        match &self.old {
            Some(old) => self.folder.rename(&old.name, &self.folder, &self.name),
            None => self.folder.remove_file(&self.name),
        }
    }
}

/// A file under another name, which is gone when it has not been renamed.
struct Temporary {
    folder: Rc<Dir>,
    name: String,
    file: File,
}

impl Temporary {
    fn create(folder: &Rc<Dir>) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!(".victor-{}-{count}.tmp", std::process::id());
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            match folder.open_with(&name, &options) {
                Ok(file) => {
                    let folder = Rc::clone(folder);
                    return Ok(Self { folder, name, file });
                }
                // Left behind by a process of the same number that was killed.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn filled(
        folder: &Rc<Dir>,
        bytes: &[u8],
        permissions: Option<&Permissions>,
    ) -> io::Result<Self> {
        let mut temporary = Self::create(folder)?;
        temporary.file.write_all(bytes)?;
        if let Some(permissions) = permissions {
            temporary.file.set_permissions(permissions.clone())?;
        }
        temporary.file.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is none, and where removing fails there is nothing more to try.
        let _ = self.folder.remove_file(&self.name);
    }
}
