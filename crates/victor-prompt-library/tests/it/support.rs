//! Folders with files, and questions to contributors.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;
use victor_prompt_library::protocol::{PromptContext, PromptContributor};
use victor_prompt_library::{Project, TrustedProject};

/// A folder of files, which is removed at the end of the test.
#[derive(Debug)]
pub(crate) struct Tree {
    _folder: TempDir,
    path: PathBuf,
}

impl Tree {
    /// A repository with these files. They are old, so that a change of them shows at once.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let tree = Self {
            _folder: folder,
            path,
        };
        fs::create_dir(tree.path(".git")).unwrap();
        for (name, text) in files {
            tree.write(name, text.as_bytes());
        }
        tree
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, as if it had been written some time ago. Each call makes it younger.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
        let mut folder = path.parent();
        while let Some(path) = folder.filter(|path| path.starts_with(&self.path)) {
            let opened = File::open(path).unwrap();
            opened
                .set_modified(SystemTime::now() - Duration::from_secs(60))
                .unwrap();
            folder = path.parent();
        }
    }

    pub(crate) fn project(&self) -> TrustedProject {
        self.project_at("")
    }

    pub(crate) fn project_at(&self, root: &str) -> TrustedProject {
        Project::find(self.path(root)).unwrap().trust()
    }
}

/// The text of a contributor, with these facts.
pub(crate) fn ask(contributor: &dyn PromptContributor, facts: &[(&str, Value)]) -> String {
    let facts = facts.iter().map(|(key, value)| (*key, value.clone()));
    let context = PromptContext::from_iter(facts);
    let contribution = block_on(contributor.get_contribution(&context)).unwrap();
    contribution.text().to_owned()
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

/// A link to a file or folder.
#[cfg(unix)]
pub(crate) fn link(target: impl AsRef<Path>, link: impl AsRef<Path>) {
    fs::create_dir_all(link.as_ref().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(target, link).unwrap();
}
