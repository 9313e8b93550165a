//! The root folder, and the only way to the files in it.

use std::io::{self, ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};
use std::sync::MutexGuard;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use victor_core::{Lock, closest};
use victor_tool_protocol::ToolError;

use crate::change::Content;
use crate::text::{Charset, Text, decode};
use crate::text::{ascii, folded, is_plain, visible};

/// The largest file that is taken into memory as a whole: to be searched, or to be edited.
pub(crate) const MAX_WHOLE_FILE: u64 = 8 * 1024 * 1024;

/// The most entries of a directory that are searched for a name like a missing one.
const MAX_ENTRIES: usize = 10_000;

/// An error about a workspace that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the workspace `{}` cannot be opened: it must be a folder, and readable", root.display())]
pub struct OpenError {
    /// The folder.
    pub root: PathBuf,
    /// The error of the system.
    #[source]
    pub source: io::Error,
}

/// The root folder.
#[derive(Debug)]
pub(crate) struct Workspace {
    dir: Dir,
    /// Both spellings of the root: as it was given, and with symbolic links resolved.
    given: PathBuf,
    root: PathBuf,
    /// Held while a file is read, changed and written, so that edits side by side do not undo each other.
    changing: Lock<()>,
}

impl Workspace {
    pub(crate) fn open(given: &Path) -> Result<Self, OpenError> {
        let open = || {
            let root = given.canonicalize()?;
            let dir = Dir::open_ambient_dir(&root, ambient_authority())?;
            dir.entries()?;
            let given = std::path::absolute(given)?;
            Ok(Self {
                dir,
                given,
                root,
                changing: Lock::default(),
            })
        };
        open().map_err(|source| OpenError {
            root: given.to_owned(),
            source,
        })
    }

    /// The root folder, for commands.
    #[cfg(unix)]
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    pub(crate) fn lock_for_change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock()
    }

    /// A path as a model writes it, relative to the root. What it means is found out when it is opened.
    pub(crate) fn relative(&self, path: &str) -> Result<PathBuf, ToolError> {
        let path = Path::new(path);
        let relative = if path.is_absolute() {
            path.strip_prefix(&self.given)
                .or_else(|_| path.strip_prefix(&self.root))
                .map_err(|_| outside(path))?
        } else {
            path
        };
        // Without `.`, so that paths are shown in one spelling only. `..` stays: it depends on symbolic links.
        let relative: PathBuf = relative
            .components()
            .filter(|component| *component != Component::CurDir)
            .collect();
        Ok(if relative.as_os_str().is_empty() {
            ".".into()
        } else {
            relative
        })
    }

    /// The path of what a model means: under another name that looks the same, if there is nothing under this one.
    ///
    /// A model cannot tell a no-break space from a space, nor write an accent as some systems do.
    pub(crate) fn locate(&self, path: &str) -> Result<PathBuf, ToolError> {
        let path = self.relative(path)?;
        let is_there = |path: &Path| match self.dir.symlink_metadata(path) {
            Ok(_) => true,
            Err(error) => error.kind() != ErrorKind::NotFound, // to be found again by who opens it
        };
        if is_there(&path) {
            return Ok(path);
        }
        let mut found = PathBuf::new();
        for component in path.components() {
            let name = component.as_os_str().to_str().unwrap_or_default();
            let there = found.join(component);
            if !matches!(component, Component::Normal(_)) || is_plain(name) || is_there(&there) {
                found = there;
                continue;
            }
            let alike = self.alike(&found, name);
            found = match &*alike {
                [] => there,
                [one] => found.join(one),
                _ => {
                    let alike: Vec<_> = alike
                        .iter()
                        .map(|name| format!("`{}`", ascii(name)))
                        .collect();
                    return Err(ToolError::InvalidArguments(format!(
                        "there is no `{}`, but several names look the same: write the one that is meant as in JSON, {}",
                        there.display(),
                        alike.join(" or ")
                    )));
                }
            };
        }
        Ok(found)
    }

    /// The names in a directory that look like this one.
    fn alike(&self, folder: &Path, name: &str) -> Vec<String> {
        let Ok(entries) = self.dir.read_dir(or_root(folder)) else {
            return Vec::new();
        };
        let wanted = folded(name);
        let names = entries.flatten().take(MAX_ENTRIES);
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let mut alike: Vec<_> = names.filter(|name| folded(name) == wanted).collect();
        alike.sort();
        alike
    }

    /// Opens a directory. With it comes the path under which what is in it is shown.
    pub(crate) fn open_dir<'a>(&self, path: &'a Path) -> Result<(Dir, &'a Path), ToolError> {
        let opened = self.dir.open_dir(path);
        let dir = opened.map_err(|error| self.explain(path, error))?;
        let shown = if path == Path::new(".") {
            Path::new("")
        } else {
            path
        };
        Ok((dir, shown))
    }

    /// Opens a plain file for reading.
    pub(crate) fn open_file(&self, path: &Path) -> Result<File, ToolError> {
        // Looking before opening, since opening a device may already do something.
        let metadata = self
            .dir
            .metadata(path)
            .map_err(|error| self.explain(path, error))?;
        require_file(path, &metadata)?;
        let file = open_regular(&self.dir, path).map_err(|error| self.explain(path, error))?;
        let metadata = file.metadata().map_err(|error| self.explain(path, error))?;
        require_file(path, &metadata)?;
        Ok(file)
    }

    /// The text of a file, if it is text and not too large.
    pub(crate) fn read_text(&self, path: &Path) -> Result<TextFile, ToolError> {
        let file = self.open_file(path)?;
        let bytes = read_whole(file).map_err(|error| self.explain(path, error))?;
        let Some(bytes) = bytes else {
            return Err(ToolError::failed(format!(
                "`{}` has more than {MAX_WHOLE_FILE} bytes, which is too large to be taken as a whole, as editing and \
                 encodings other than UTF-8 need",
                path.display()
            )));
        };
        let Some((text, charset)) = decode(&bytes, None) else {
            return Err(ToolError::failed(format!(
                "`{}` is a binary file and not text",
                path.display()
            )));
        };
        let text = text.into_owned();
        Ok(TextFile {
            bytes,
            text,
            charset,
        })
    }

    /// Explains an error with this path to a model.
    pub(crate) fn explain(&self, path: &Path, error: io::Error) -> ToolError {
        let shown = path.display();
        match error.kind() {
            ErrorKind::NotFound => ToolError::NotFound(self.missing(path)),
            // The error that cap-std makes itself when a path leads out.
            ErrorKind::PermissionDenied if error.raw_os_error().is_none() => outside(path),
            ErrorKind::PermissionDenied => {
                ToolError::NotPermitted(format!("the system does not permit access to `{shown}`"))
            }
            ErrorKind::NotADirectory => ToolError::InvalidArguments(format!(
                "`{shown}` is not a directory, or leads through a file as if it were one"
            )),
            ErrorKind::IsADirectory => is_directory(path),
            _ => ToolError::failed(format!("could not access `{shown}`")).with_source(error),
        }
    }

    fn missing(&self, path: &Path) -> String {
        let shown = path.display();
        let folder = or_root(path.parent().unwrap_or(Path::new("")));
        let Ok(entries) = self.dir.read_dir(folder) else {
            return format!(
                "there is no `{shown}`, nor a directory `{}`",
                folder.display()
            );
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let entries = entries.flatten().take(2_000);
        let entries: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        match closest(&name, entries.iter().map(String::as_str)) {
            Some(name) => {
                let similar = path.with_file_name(name);
                let similar = similar.to_string_lossy();
                format!("there is no `{shown}`; there is `{}`", visible(&similar))
            }
            None => format!("there is no `{shown}`: list the directory to see what there is"),
        }
    }
}

/// The directory with this path, by a name that can be opened.
fn or_root(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// Opens what may be a plain file. A pipe that took its place in the meantime does not hold the thread up.
pub(crate) fn open_regular(dir: &Dir, path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    dir.open_with(path, &options)
}

/// Reads a file as a whole; `None` if it is larger than [`MAX_WHOLE_FILE`].
pub(crate) fn read_whole(file: File) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(MAX_WHOLE_FILE + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MAX_WHOLE_FILE).then_some(bytes))
}

/// A file of text.
pub(crate) struct TextFile {
    pub(crate) bytes: Vec<u8>,
    /// The decoded text, without a byte order mark.
    pub(crate) text: String,
    pub(crate) charset: Charset,
}

impl TextFile {
    /// Returns the old content, and another text that is written in the same way.
    pub(crate) fn rewritten(self, text: String, shown: &str) -> Result<(Content, Text), ToolError> {
        // An encoding may have several ways to write a character, and a guess may be wrong.
        let again = self.charset.encode(&self.text);
        if self.charset.is_damaged() || again.as_ref() != Ok(&self.bytes) {
            return Err(ToolError::failed(format!(
                "`{shown}` has bytes that would not be written back as they are, in {}, so it cannot be edited; \
                 nothing was changed",
                self.charset.name().unwrap_or("UTF-8")
            )));
        }
        let after = Text::new(text, self.charset, shown)?;
        Ok((Content::Bytes(self.bytes), after))
    }
}

fn require_file(path: &Path, metadata: &cap_std::fs::Metadata) -> Result<(), ToolError> {
    if metadata.is_file() {
        return Ok(());
    }
    if metadata.is_dir() {
        return Err(is_directory(path));
    }
    Err(ToolError::NotPermitted(format!(
        "`{}` is neither a file nor a directory but a pipe, socket or device, which is never opened",
        path.display()
    )))
}

fn is_directory(path: &Path) -> ToolError {
    ToolError::InvalidArguments(format!(
        "`{}` is a directory and not a file: use `list_directory` to see what is in it",
        path.display()
    ))
}

fn outside(path: &Path) -> ToolError {
    ToolError::NotPermitted(format!(
        "`{}` leads out of the workspace: use paths relative to its root",
        path.display()
    ))
}
