//! Changes of files on disk: all of them or none, and each as a whole.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Seek as _, Write as _};
use std::path::PathBuf;
use std::rc::Rc;

use cap_std::fs::{Dir, File, OpenOptions, Permissions};
use victor_tool_protocol::ToolError;

use super::place::{Content, Place};
use super::temporary::Temporary;
use crate::workspace::{Workspace, open_regular};

/// One file that is put, replaced or taken away.
pub(crate) struct Step<'a> {
    pub(crate) place: &'a Place,
    /// The content until then.
    pub(crate) before: &'a Content,
    /// The new content; `None` if the file is removed.
    pub(crate) after: Option<&'a [u8]>,
    /// The file whose owner, group, access list and extended attributes it is to have.
    pub(crate) like: Option<&'a Place>,
    /// Those that the file has, or is to have.
    pub(crate) permissions: Option<&'a Permissions>,
}

impl Step<'_> {
    /// Whether what it begins with is still so.
    pub(crate) fn holds(&self, workspace: &Workspace) -> bool {
        let now = Place::find(workspace, &self.place.shown);
        now.is_ok_and(|now| {
            (&now.real, &now.permissions) == (&self.place.real, &self.place.permissions)
                && now.content(workspace).is_ok_and(|now| now == *self.before)
        })
    }
}

/// Does all steps, or restores the state before them. A reader sees the old content of a file or the new, never a
/// part; also after a crash.
///
/// A file keeps its permissions, owner, group and attributes, and a symbolic link stays one: what it leads to is
/// replaced. Where the system does not permit this (a file that is mounted on its own, a directory that is
/// write-protected, a foreign owner), the file is written in place: then a part may be seen, and a failure puts back
/// what was in it.
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
        let problem = format!(
            "`{}` could not be changed, and these files are changed and could not be put back: {}",
            step.place.shown.display(),
            not_back.join(", ")
        );
        return Err(ToolError::failed(problem).with_source(error));
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
        let missing: Vec<_> = place
            .folder()
            .ancestors()
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
            let _ = self.workspace.dir().remove_dir(folder); // fails if it is in use by now
        }
    }
}

/// A step of which only renaming is left, or writing where that cannot be.
struct Prepared<'a> {
    step: &'a Step<'a>,
    folder: Rc<Dir>,
    name: OsString,
    /// The new content, if it can be put in place as a whole.
    new: Option<Temporary>,
    /// The old content, or the place for it.
    old: Option<Temporary>,
    /// Whether the file was written in place.
    in_place: Cell<bool>,
}

impl<'a> Prepared<'a> {
    fn new(step: &'a Step<'a>, folders: &mut Folders<'_>, keep: bool) -> io::Result<Self> {
        let folder = Rc::new(folders.open(step.place)?);
        let name = step.place.name().to_owned();
        let like = step
            .like
            .map(|place| open_regular(folders.workspace.dir(), &place.real))
            .transpose()?;
        let filled = |bytes| Temporary::filled(&folder, bytes, like.as_ref(), step.permissions);
        let new = match step.after.map(filled).transpose() {
            // Nothing may be put into this directory, or not with this owner.
            Err(error) if forbids_renaming(&error) && *step.before != Content::Absent => {
                open_for_writing(&folder, &name)?; // which must be possible then
                None
            }
            new => new?,
        };
        let old = match (step.before, step.after) {
            (_, None) => Some(Temporary::private(&folder, b"")?),
            (Content::Bytes(before), Some(_)) if keep && new.is_some() => {
                Some(Temporary::linked(&folder, &name).or_else(|_| filled(before))?)
            }
            _ => None,
        };
        Ok(Self {
            step,
            folder,
            name,
            new,
            old,
            in_place: Cell::new(false),
        })
    }

    fn perform(&self) -> io::Result<()> {
        let Some(after) = self.step.after else {
            return self.old.as_ref().map_or(Ok(()), |old| {
                self.folder.rename(&self.name, &self.folder, old.name())
            });
        };
        if let Some(new) = &self.new {
            match self.folder.rename(new.name(), &self.folder, &self.name) {
                // The file is a mount of its own, or others own it in a directory in which each removes only his own.
                Err(error) if forbids_renaming(&error) && *self.step.before != Content::Absent => {}
                result => return result,
            }
        }
        self.write_in_place(after)?;
        self.in_place.set(true);
        Ok(())
    }

    /// Writes the file in place. A reader may see part of it meanwhile.
    fn write_in_place(&self, after: &[u8]) -> io::Result<()> {
        let Content::Bytes(before) = self.step.before else {
            return Err(io::Error::other(
                "it cannot be replaced as a whole, and is too large to be written in place",
            ));
        };
        let file = open_for_writing(&self.folder, &self.name)?;
        // For a person, if this process is killed before the end.
        let backup = Temporary::private(&self.folder, before).ok();
        let Err(error) = overwrite(&file, after) else {
            return Ok(());
        };
        let Err(worse) = overwrite(&file, before) else {
            return Err(error);
        };
        let kept = backup.map_or_else(
            || "it is lost".to_owned(),
            |backup| format!("it is in `{}` beside it", backup.keep()),
        );
        Err(io::Error::new(
            error.kind(),
            format!("{error}; what was in the file could not be put back ({worse}): {kept}"),
        ))
    }

    fn take_back(&self) -> io::Result<()> {
        match (self.step.before, &self.old) {
            (Content::Bytes(before), _) if self.in_place.get() => {
                overwrite(&open_for_writing(&self.folder, &self.name)?, before)
            }
            (_, Some(old)) => self.folder.rename(old.name(), &self.folder, &self.name),
            (_, None) => self.folder.remove_file(&self.name),
        }
    }
}

/// Whether the system does not let a file be put into a directory, or in the place of another, and may still let it be
/// written.
fn forbids_renaming(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices
            | ErrorKind::Unsupported
    )
}

fn open_for_writing(folder: &Dir, name: &OsStr) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt as _;
        use rustix::fs::OFlags;
        // A link or a pipe that took its place in the meantime is not meant.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    folder.open_with(name, &options)
}

fn overwrite(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}
