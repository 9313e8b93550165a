//! A project folder, and the trust that its files need.

use std::io;
use std::path::{Path, PathBuf};

use crate::folder::{Folder, home, slashed};
use crate::instructions::FILES;
use crate::skills::{PROJECT_SKILLS, SkillOptions, find_skills};

/// A project: the folder in which an agent works, and the repository around it.
///
/// The files of a project may be written by strangers, and what they say gets into the system prompt. So nothing of it
/// is read before the user trusts it: [`contents`](Self::contents) says what there would be to read, for a question,
/// and [`trust`](Self::trust) is the answer.
///
/// ```
/// use victor_prompt_library::Project;
///
/// # let folder = tempfile::tempdir()?;
/// # let root = folder.path();
/// std::fs::write(root.join("AGENTS.md"), "Run the tests with `make check`.")?;
/// let project = Project::find(root)?;
/// assert_eq!(project.contents(), ["AGENTS.md"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    folder: PathBuf,
    root: PathBuf,
}

/// A project that the user trusts.
///
/// Only the program can know that, and says so by [`Project::trust`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProject(Project);

impl Project {
    /// Finds the project of a folder: the closest folder with a `.git`, from `root` upwards, or else `root` itself. The
    /// user's home folder and those above it are no projects, though they may be repositories.
    ///
    /// # Errors
    ///
    /// `root` is no folder, or cannot be accessed.
    pub fn find(root: impl AsRef<Path>) -> io::Result<Self> {
        Self::find_below(root.as_ref(), home().as_deref())
    }

    fn find_below(root: &Path, home: Option<&Path>) -> io::Result<Self> {
        let root = root.canonicalize()?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let is_project = |folder: &&Path| {
            let is_above_home = home.is_some_and(|home| home.starts_with(folder));
            !is_above_home && folder.join(".git").exists()
        };
        let folder = root.ancestors().find(is_project).unwrap_or(&root);
        Ok(Self {
            folder: folder.to_owned(),
            root: root.clone(),
        })
    }

    /// The project's folder. What is trusted is this folder with all that is in it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder in which the agent works: the project's, or one in it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns what an agent would read of the project: instructions and folders of skills, as paths in its folder. No
    /// file is read for it.
    #[must_use]
    pub fn contents(&self) -> Vec<String> {
        let instructions = self.folders().filter_map(|folder| {
            let file = FILES.iter().map(|name| folder.join(name));
            let file = file.into_iter().find(|file| file.is_file())?;
            Some(slashed(file.strip_prefix(&self.folder).unwrap_or(&file)))
        });
        let mut contents: Vec<String> = instructions.collect();
        if let Ok(folder) = Folder::open(&self.folder) {
            for path in self.skill_folders() {
                let skills = find_skills(&folder, &path, &SkillOptions::default());
                contents.extend(skills.iter().map(|path| slashed(path)));
            }
        }
        contents
    }

    /// States that the user trusts the project.
    #[must_use]
    pub fn trust(self) -> TrustedProject {
        TrustedProject(self)
    }

    /// The folders in which skills are searched, as paths in the project's folder, outermost first.
    pub(crate) fn skill_folders(&self) -> impl Iterator<Item = PathBuf> {
        self.folders().map(|folder| {
            let path = folder.strip_prefix(&self.folder).unwrap_or(Path::new(""));
            path.join(PROJECT_SKILLS)
        })
    }

    /// The folders from the project's to the root, outermost first.
    pub(crate) fn folders(&self) -> impl Iterator<Item = PathBuf> {
        let below = self
            .root
            .strip_prefix(&self.folder)
            .unwrap_or(Path::new(""));
        let mut folders: Vec<PathBuf> = below
            .ancestors()
            .map(|path| self.folder.join(path))
            .collect();
        folders.reverse();
        folders.into_iter()
    }
}

impl TrustedProject {
    /// The project.
    #[must_use]
    pub fn project(&self) -> &Project {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_project_is_the_closest_repository_below_the_home_folder() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().canonicalize().unwrap();
        let check = |root: &str, expected: &str| {
            let found = Project::find_below(&home.join(root), Some(&home)).unwrap();
            assert_eq!(found.folder(), home.join(expected), "{root}");
        };
        fs::create_dir_all(home.join(".git")).unwrap();
        fs::create_dir_all(home.join("loose/deep")).unwrap();
        fs::create_dir_all(home.join("repo/.git")).unwrap();
        fs::create_dir_all(home.join("repo/crates/a")).unwrap();
        fs::create_dir_all(home.join("repo/vendor/b/src")).unwrap();
        fs::write(home.join("repo/vendor/b/.git"), "gitdir: ../..").unwrap();
        check("loose/deep", "loose/deep");
        check("repo", "repo");
        check("repo/crates/a", "repo");
        check("repo/vendor/b/src", "repo/vendor/b");
        check("", "");
        let inner = Project::find_below(&home.join("repo/crates/a"), Some(&home)).unwrap();
        let folders: Vec<_> = inner.folders().collect();
        let expected = ["repo", "repo/crates", "repo/crates/a"].map(|path| home.join(path));
        assert_eq!(folders, expected);
        assert!(Project::find(home.join("nowhere")).is_err());
        assert!(Project::find(home.join("repo/vendor/b/.git")).is_err());
    }
}
