//! Files that their owner does not count among the sources: what `.gitignore` names, and caches.

use std::fmt;
use std::path::{Component, Path};

use cap_std::fs::Dir;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::walk::Found;
use crate::text::decode;
use crate::workspace::{open_regular, read_whole};

/// The files with rules in a directory, the weightier last.
const FILES: [&str; 2] = [".gitignore", ".ignore"];

/// The rules that hold in a directory: its own and those of the directories above it, up to the root.
#[derive(Default)]
pub(crate) struct Rules {
    /// From the root down.
    levels: Vec<Gitignore>,
}

impl Rules {
    /// The rules of the directories above this one. There are none for what is ignored itself, since who names it means
    /// it.
    pub(crate) fn above(root: &Dir, path: &Path) -> Self {
        let mut rules = Self::default();
        let mut parts: Vec<_> = path.components().collect();
        parts.retain(|part| *part != Component::CurDir);
        if !parts
            .iter()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return rules; // it is not known which directories are above it
        }
        let mut at = Path::new("").to_owned();
        for part in parts {
            let dir = if at.as_os_str().is_empty() {
                root.try_clone()
            } else {
                root.open_dir(&at)
            };
            let Ok(dir) = dir else {
                return Self::default();
            };
            rules.enter(&dir, &at);
            at.push(part);
            if rules.ignore(&at, true) {
                return Self::default();
            }
        }
        rules
    }

    /// Adds the rules of a directory, which has this path from the root, until it is [left](Self::leave).
    pub(crate) fn enter(&mut self, dir: &Dir, path: &Path) {
        let mut builder = GitignoreBuilder::new(path);
        let exclude = path.as_os_str().is_empty().then_some(".git/info/exclude");
        for file in exclude.into_iter().chain(FILES) {
            // What is missing, unreadable or no text has no rules.
            let bytes = open_regular(dir, Path::new(file))
                .and_then(read_whole)
                .ok()
                .flatten()
                .unwrap_or_default();
            let text = decode(&bytes, None).map(|(text, _)| text);
            for line in text.as_deref().unwrap_or_default().lines() {
                let _ = builder.add_line(None, line); // fails for what is no pattern, which Git passes over as well
            }
        }
        self.levels
            .push(builder.build().unwrap_or_else(|_| Gitignore::empty()));
    }

    pub(crate) fn leave(&mut self) {
        self.levels.pop();
    }

    /// Whether something with this path from the root is ignored.
    pub(crate) fn ignore(&self, path: &Path, is_dir: bool) -> bool {
        let mut found = self
            .levels
            .iter()
            .rev()
            .map(|level| level.matched(path, is_dir));
        let found = found.find(|found| !matches!(found, Match::None));
        found.is_some_and(|found| found.is_ignore())
    }
}

/// A count of ignored files that a search left out. A directory counts once, with all that is in it.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    files: usize,
    directories: usize,
}

impl LeftOut {
    pub(crate) fn count(&mut self, found: &Found<'_>) {
        if found.kind.is_dir() {
            self.directories += 1;
        } else {
            self.files += 1;
        }
    }
}

/// A remark about it, or nothing.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 ignored {one}")),
            _ => Some(format!("{count} ignored {many}")),
        };
        let directories = count(self.directories, "directory", "directories");
        let files = count(self.files, "file", "files");
        let all: Vec<_> = directories.into_iter().chain(files).collect();
        if all.is_empty() {
            return Ok(());
        }
        let all = all.join(" and ");
        write!(
            f,
            "[left out: {all}; set include_ignored to look there too]"
        )
    }
}
