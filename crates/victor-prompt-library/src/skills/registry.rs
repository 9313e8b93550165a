//! The skills that there are.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::warn;
use victor_core::UnknownName;

use super::catalogue;
use super::scan::{Search, SkillOptions};
use super::skill::{self, MAX_FILE, Skill, SkillPlace, SkillScope};
use crate::TrustedProject;
use crate::folder::{Folder, Refusal, home};
use crate::watched::{Files, Watched, blocking};

/// The folder of a project's skills, which many programs know.
pub(crate) const PROJECT_SKILLS: &str = ".agents/skills";

/// The skills of a user and of a project.
///
/// It reads the front matter of each `SKILL.md`, and reads it again after it has changed. Reading is lenient: a skill
/// that breaks rules of the specification can be used, and its problems are [told](Self::problems); one without a
/// description, or whose front matter cannot be read, is left out. [`validate_skill`](crate::validate_skill) is strict.
///
/// Cheap to clone; clones share what was read.
#[derive(Debug, Clone)]
pub struct Skills(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sources: Vec<Source>,
    options: SkillOptions,
    watched: Watched<SkillList>,
}

/// A folder of skills.
#[derive(Debug)]
struct Source {
    scope: SkillScope,
    /// The folder that nothing leads out of.
    base: PathBuf,
    /// The way from it to the folder of skills.
    path: PathBuf,
}

/// The skills and problems that were found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SkillList {
    pub(super) skills: Vec<Arc<Skill>>,
    problems: Vec<String>,
    pub(super) catalogue: Arc<str>,
}

impl Skills {
    /// Returns the skills of a project that the user trusts, and those in `.agents/skills` in the user's home folder.
    #[must_use]
    pub fn of(project: Option<&TrustedProject>) -> Self {
        let skills = Self::none();
        let skills = match project {
            Some(project) => skills.with_project(project),
            None => skills,
        };
        match home() {
            Some(home) => skills.with_user_folder(home.join(PROJECT_SKILLS)),
            None => skills,
        }
    }

    /// Returns no skills, to which folders are added.
    #[must_use]
    pub fn none() -> Self {
        Self::assemble(Vec::new(), SkillOptions::default())
    }

    /// Adds the skills in `.agents/skills` of a project and of the folders from there to its root. They take the place
    /// of those of the user with the same name.
    #[must_use]
    pub fn with_project(self, project: &TrustedProject) -> Self {
        // The closest to the work first.
        let folders: Vec<_> = project.project().skill_folders().collect();
        let add = |skills: Self, path: &PathBuf| skills.with_project_folder(project, path);
        folders.iter().rev().fold(self, add)
    }

    /// Adds the skills in another folder of a project, such as `.claude/skills`. Of two skills with one name, the one
    /// that was added first counts.
    #[must_use]
    pub fn with_project_folder(self, project: &TrustedProject, path: impl AsRef<Path>) -> Self {
        let base = project.project().folder().to_owned();
        self.with(SkillScope::Project, base, path.as_ref().to_owned())
    }

    /// Adds the skills in a folder of the user.
    #[must_use]
    pub fn with_user_folder(self, folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref().to_owned();
        self.with(SkillScope::User, folder, PathBuf::new())
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_options(self, options: SkillOptions) -> Self {
        Self::assemble(self.into_sources(), options)
    }

    /// Returns the skills as they are now, those of the project first. It may read files.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Skill>> {
        self.current().skills.clone()
    }

    /// Returns what is wrong with skills, a line each: those that are left out, and those that break rules. It may read
    /// files.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.current().problems.clone()
    }

    /// Returns the number of `SKILL.md` files that were read so far for the catalogue.
    #[must_use]
    pub fn files_read(&self) -> u64 {
        self.0.watched.reads()
    }

    pub(super) fn revision(&self) -> u64 {
        self.0.watched.revision()
    }

    /// The list as it is now, which may be read on another thread.
    pub(super) async fn load(&self) -> std::io::Result<Arc<SkillList>> {
        match self.0.watched.recent() {
            Some(list) => Ok(list),
            None => {
                let skills = self.clone();
                blocking(move || skills.current()).await
            }
        }
    }

    fn current(&self) -> Arc<SkillList> {
        let inner = &self.0;
        (inner.watched).current(|files| find(&inner.sources, &inner.options, files))
    }

    fn with(self, scope: SkillScope, base: PathBuf, path: PathBuf) -> Self {
        let options = self.0.options.clone();
        let mut sources = self.into_sources();
        sources.push(Source { scope, base, path });
        // Those of the project stand before those of the user.
        sources.sort_by_key(|source| source.scope);
        Self::assemble(sources, options)
    }

    fn assemble(sources: Vec<Source>, options: SkillOptions) -> Self {
        let watched = Watched::new(options.check_interval);
        Self(Arc::new(Inner {
            sources,
            options,
            watched,
        }))
    }

    fn into_sources(self) -> Vec<Source> {
        let copy = |source: &Source| Source {
            scope: source.scope,
            base: source.base.clone(),
            path: source.path.clone(),
        };
        self.0.sources.iter().map(copy).collect()
    }
}

impl SkillList {
    /// Adds the skill in a folder, or what is wrong with it.
    fn add(
        &mut self,
        scope: SkillScope,
        confined: (PathBuf, PathBuf),
        folder: &Path,
        names: &mut HashSet<String>,
        files: &mut Files,
    ) {
        let Some(text) = read(&confined, folder, files) else {
            return;
        };
        let mut problem = |text: String| {
            (self.problems).push(format!("skill `{}`: {text}", folder.display()));
        };
        let place = SkillPlace {
            scope,
            folder,
            confined,
        };
        let loaded =
            text.and_then(|text| skill::load(&text, place).map_err(|problem| problem.to_string()));
        match loaded {
            Ok(loaded) => {
                for found in loaded.problems {
                    problem(found.to_string());
                }
                let name = &loaded.skill.name;
                if names.insert(name.clone()) {
                    self.skills.push(Arc::new(loaded.skill));
                } else {
                    problem(format!(
                        "another skill is named `{name}` and takes its place"
                    ));
                }
            }
            Err(reason) => problem(format!("left out: {reason}")),
        }
    }

    /// Returns the skill of this name.
    pub(super) fn get(&self, name: &str) -> Result<&Arc<Skill>, UnknownName> {
        let names = || self.skills.iter().map(|skill| &*skill.name);
        let found = self.skills.iter().find(|skill| skill.name == name);
        found.ok_or_else(|| UnknownName::new("skill", name, names()))
    }
}

fn find(sources: &[Source], options: &SkillOptions, files: &mut Files) -> SkillList {
    let mut list = SkillList::default();
    let mut names = HashSet::new();
    for source in sources {
        let at = source.base.join(&source.path);
        let base = Folder::open(&source.base);
        let Ok(base) = base else {
            files.look(&at);
            continue;
        };
        let search = Search::run(&base, &source.path, options);
        if search.folders.is_empty() {
            files.look(&at);
        }
        for folder in &search.folders {
            files.look(&source.base.join(folder));
        }
        if search.is_cut {
            list.problems.push(format!(
                "`{}` holds more folders than are searched, so some of its skills are missing",
                at.display()
            ));
        }
        let inside = (search.skills.into_iter()).map(|path| (source.base.clone(), path));
        // A user may link to a skill; a project must not lead out of its folder.
        let linked = search.links_out.iter().map(|path| source.base.join(path));
        let linked = linked.filter(|_| source.scope == SkillScope::User);
        let linked =
            linked.filter_map(|link| Some((link.canonicalize().ok()?, PathBuf::new(), link)));
        let found = inside.map(|(base, path)| {
            let folder = base.join(&path);
            (base, path, folder)
        });
        for (base, path, folder) in found.chain(linked).take(options.max_skills) {
            list.add(source.scope, (base, path), &folder, &mut names, files);
        }
    }
    for problem in &list.problems {
        warn!(problem, "a skill is not as it should be");
    }
    list.catalogue = catalogue::text(&list.skills, options.max_catalogue).into();
    list
}

/// Reads the `SKILL.md` of a folder, unless it is as it was; `None` if the folder is not a skill.
fn read(
    confined: &(PathBuf, PathBuf),
    folder: &Path,
    files: &mut Files,
) -> Option<Result<String, String>> {
    let opened = Folder::open(&confined.0);
    let opened = match opened.and_then(|base| base.enter(&confined.1).confined()) {
        Ok(opened) => opened,
        Err(Refusal::NotAFile | Refusal::Missing) => return None,
        Err(refusal) => return Some(Err(refusal.to_string())),
    };
    let name = skill::file(&opened)?;
    let text = files.read(&opened, Path::new(name), &folder.join(name), MAX_FILE);
    Some(match text.as_deref() {
        Some(Ok(file)) => Ok(file.text.clone()),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err(format!("`{name}` leads nowhere")),
    })
}
