//! Files under another name, which take the place of others.

use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write as _};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use cap_std::fs::{Dir, File, OpenOptions, Permissions};

/// A file under another name, which is gone when it has not been renamed.
pub(crate) struct Temporary {
    folder: Rc<Dir>,
    name: String,
}

impl Temporary {
    /// A file with this content that nobody else can read.
    pub(crate) fn private(folder: &Rc<Dir>, bytes: &[u8]) -> io::Result<Self> {
        let (temporary, mut file) = Self::create(folder, Some(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(temporary)
    }

    /// Another name of a file. Not every file system has such.
    pub(crate) fn linked(folder: &Rc<Dir>, to: &OsStr) -> io::Result<Self> {
        let (name, ()) = unused(|name| folder.hard_link(to, folder, name))?;
        let folder = Rc::clone(folder);
        Ok(Self { folder, name })
    }

    /// A file with this content, which has what a file has that is there, and these permissions.
    ///
    /// Until it has them nobody else can read it, if there is such a file. A new one has the usual permissions.
    pub(crate) fn filled(
        folder: &Rc<Dir>,
        bytes: &[u8],
        like: Option<&File>,
        permissions: Option<&Permissions>,
    ) -> io::Result<Self> {
        let mode = (like.is_some() || permissions.is_some()).then_some(0o600);
        let (temporary, mut file) = Self::create(folder, mode)?;
        file.write_all(bytes)?;
        // Elsewhere than on Unix a file has what its directory gives it.
        #[cfg(unix)]
        if let Some(like) = like {
            super::attributes::copy(like, &file).map_err(|error| {
                let what = format!("its owner, group or attributes cannot be kept: {error}");
                io::Error::new(ErrorKind::Unsupported, what)
            })?;
        }
        if let Some(permissions) = permissions {
            file.set_permissions(permissions.clone())?;
        }
        file.sync_all()?;
        Ok(temporary)
    }

    fn create(folder: &Rc<Dir>, mode: Option<u32>) -> io::Result<(Self, File)> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if let Some(mode) = mode {
            use cap_std::fs::OpenOptionsExt as _;
            options.mode(mode);
        }
        #[cfg(not(unix))]
        let _ = mode;
        let (name, file) = unused(|name| folder.open_with(name, &options))?;
        let folder = Rc::clone(folder);
        Ok((Self { folder, name }, file))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Lets the file be there for good, and returns its name.
    pub(crate) fn keep(mut self) -> String {
        std::mem::take(&mut self.name)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is none, and where removing fails there is nothing more to try.
        let _ = self.folder.remove_file(&self.name);
    }
}

/// Does something with the first name that nothing has.
fn unused<T>(mut attempt: impl FnMut(&str) -> io::Result<T>) -> io::Result<(String, T)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".victor-{}-{count}.tmp", std::process::id());
        match attempt(&name) {
            Ok(made) => return Ok((name, made)),
            // Left behind by a process of the same number that was killed.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_filled_is_private_until_it_is_like_the_other_file() {
        let there = tempfile::tempdir().unwrap();
        std::fs::write(there.path().join("a"), "old").unwrap();
        let folder = Dir::open_ambient_dir(there.path(), cap_std::ambient_authority()).unwrap();
        let folder = Rc::new(folder);
        let like = folder.open("a").unwrap();
        let mode = |temporary: &Temporary| {
            let metadata = std::fs::metadata(there.path().join(temporary.name())).unwrap();
            metadata.permissions().mode() & 0o777
        };
        let private = Temporary::private(&folder, b"x").unwrap();
        assert_eq!(mode(&private), 0o600);
        let filled = Temporary::filled(&folder, b"x", Some(&like), None).unwrap();
        assert_eq!(mode(&filled), 0o600);
        let permissions = like.metadata().unwrap().permissions();
        let done = Temporary::filled(&folder, b"x", Some(&like), Some(&permissions)).unwrap();
        let expected = cap_std::fs::PermissionsExt::mode(&permissions) & 0o777;
        assert_eq!(mode(&done), expected);
        drop((private, filled, done));
        assert_eq!(std::fs::read_dir(there.path()).unwrap().count(), 1);
    }
}
