//! The files of a skill beside its instructions.

use super::skill::FILES;
use crate::folder::Folder;

/// The most files that are listed.
const MAX_FILES: usize = 100;

/// The levels of folders that are listed.
const MAX_DEPTH: usize = 4;

/// A file of a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    /// The path in the folder of the skill, with `/` between its parts.
    pub(super) path: String,
    /// The size in bytes.
    pub(super) size: u64,
}

/// The files of a skill.
#[derive(Debug, Default)]
pub(super) struct Resources {
    pub(super) files: Vec<Resource>,
    pub(super) is_cut: bool,
}

/// Lists the files, by path. Hidden ones, and links that lead out of the folder, are left out.
pub(super) fn list(folder: &Folder) -> Resources {
    let mut resources = Resources::default();
    enter(folder, "", MAX_DEPTH, &mut resources);
    resources
}

fn enter(folder: &Folder, path: &str, depth: usize, resources: &mut Resources) {
    let Ok(entries) = folder.entries() else {
        return;
    };
    for entry in entries {
        if entry.name.starts_with('.') || (path.is_empty() && FILES.contains(&&*entry.name)) {
            continue;
        }
        let at = match path {
            "" => entry.name.clone(),
            path => format!("{path}/{}", entry.name),
        };
        if entry.is_folder {
            // A link could lead back into a folder above.
            if depth > 1 && !entry.is_link {
                enter(&folder.enter(&entry.name), &at, depth - 1, resources);
            } else {
                resources.is_cut = true;
            }
        } else if let Some(size) = folder.size(&entry.name) {
            if resources.files.len() == MAX_FILES {
                resources.is_cut = true;
                return;
            }
            resources.files.push(Resource { path: at, size });
        }
    }
}
