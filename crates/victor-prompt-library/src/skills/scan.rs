//! The search for folders of skills.

use std::path::{Path, PathBuf};

use super::skill;
use crate::folder::Folder;

victor_core::options! {
    /// Limits of what is searched for skills and told of them.
    #[derive(PartialEq, Eq)]
    pub struct SkillOptions {
        /// The number of levels below a folder of skills that are searched. Defaults to 5.
        pub max_depth, with_max_depth: usize = 5;
        /// The most folders that are searched below a folder of skills. Defaults to 2,000.
        pub max_folders, with_max_folders: usize = 2_000;
        /// The most skills that are found below a folder of skills. Defaults to 256.
        pub max_skills, with_max_skills: usize = 256;
        /// The size of the catalogue in the prompt, in bytes. What does not fit is counted. Defaults to 16 KiB.
        pub max_catalogue, with_max_catalogue: usize = 16 * 1024;
        /// The least time between two looks at the files. Defaults to 1 second.
        pub check_interval, with_check_interval: std::time::Duration = std::time::Duration::from_secs(1);
    }
}

/// Folders that hold no skills, and are large.
const PASSED_OVER: [&str; 2] = [".git", "node_modules"];

/// Finds the folders of skills below a path in a folder. Links are followed as long as they do not lead out of the
/// folder.
pub(crate) fn find_skills(base: &Folder, below: &Path, options: &SkillOptions) -> Vec<PathBuf> {
    Search::run(base, below, options).skills
}

/// The outcome of a search.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The folders of skills, by path.
    pub(super) skills: Vec<PathBuf>,
    /// All folders that were looked into.
    pub(super) folders: Vec<PathBuf>,
    /// Links that lead out of the folder.
    pub(super) links_out: Vec<PathBuf>,
    /// Whether a limit has ended it.
    pub(super) is_cut: bool,
}

impl Search {
    pub(super) fn run(base: &Folder, below: &Path, options: &SkillOptions) -> Self {
        let mut search = Self::default();
        search.enter(&base.enter(below), below, options, options.max_depth);
        search
    }

    fn enter(&mut self, folder: &Folder, path: &Path, options: &SkillOptions, depth: usize) {
        if self.folders.len() >= options.max_folders {
            self.is_cut = true;
            return;
        }
        let Ok(entries) = folder.entries() else {
            return;
        };
        self.folders.push(path.to_owned());
        // A skill ends the search: what is in it belongs to it.
        if depth < options.max_depth && skill::file(folder).is_some() {
            if self.skills.len() >= options.max_skills {
                self.is_cut = true;
                return;
            }
            self.skills.push(path.to_owned());
            return;
        }
        if depth == 0 {
            return;
        }
        for entry in entries {
            let path = path.join(&entry.name);
            if !entry.is_folder {
                self.links_out.extend(entry.is_link.then_some(path));
                continue;
            }
            if PASSED_OVER.contains(&&*entry.name) {
                continue;
            }
            let inner = folder.enter(&entry.name);
            if !entry.is_link || !leads_back(&inner, folder) {
                self.enter(&inner, &path, options, depth - 1);
            }
        }
    }
}

/// Whether a link leads to the folder in which it is, or to one above.
fn leads_back(link: &Folder, folder: &Folder) -> bool {
    match (link.canonical(), folder.canonical()) {
        (Ok(link), Ok(folder)) => link == Path::new(".") || folder.starts_with(link),
        _ => true,
    }
}
