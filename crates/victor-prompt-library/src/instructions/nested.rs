//! Instruction files in folders below the root.

use std::path::Path;

use super::FILES;
use crate::Project;
use crate::folder::{Folder, slashed};

/// The levels of folders that are searched.
const MAX_DEPTH: usize = 4;

/// The most folders that are searched.
const MAX_FOLDERS: usize = 2_000;

/// Returns the paths of the instruction files in folders below the root, from the root, at most `most` of them.
///
/// Hidden folders, those of dependencies, those that are marked as caches (`CACHEDIR.TAG`, as Cargo's `target` is) and
/// other repositories are passed over, and links are not followed.
pub(super) fn find(project_folder: &Folder, project: &Project, most: usize) -> Vec<String> {
    let mut search = Search {
        most,
        found: Vec::new(),
        folders: 0,
    };
    let root = project.root().strip_prefix(project.folder());
    let folder = project_folder.enter(root.unwrap_or(Path::new("")));
    search.enter(&folder, Path::new(""), MAX_DEPTH);
    search.found
}

struct Search {
    most: usize,
    found: Vec<String>,
    folders: usize,
}

impl Search {
    fn enter(&mut self, folder: &Folder, path: &Path, depth: usize) {
        let Ok(entries) = folder.entries() else {
            return;
        };
        for entry in entries {
            if self.found.len() >= self.most || self.folders >= MAX_FOLDERS {
                return;
            }
            let is_passed_over = entry.name.starts_with('.') || entry.name == "node_modules";
            if !entry.is_folder || entry.is_link || is_passed_over {
                continue;
            }
            let inner = folder.enter(&entry.name);
            self.folders += 1;
            if inner.has("CACHEDIR.TAG") || inner.has(".git") {
                continue;
            }
            let path = path.join(&entry.name);
            let file = FILES.into_iter().find(|name| inner.size(name).is_some());
            self.found
                .extend(file.map(|name| slashed(&path.join(name))));
            if depth > 1 {
                self.enter(&inner, &path, depth - 1);
            }
        }
    }
}
