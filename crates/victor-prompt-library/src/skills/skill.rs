//! A skill, from the text of its `SKILL.md`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::front_matter::{self, FrontMatter};
use super::problem::Problem;
use super::rules;
use crate::folder::{Folder, Refusal};
use crate::untrusted::one_line;

/// The names of the file that makes a folder a skill; the first one that is there counts.
pub(super) const FILES: [&str; 2] = ["SKILL.md", "skill.md"];

/// The largest `SKILL.md` that is read, in bytes.
pub(super) const MAX_FILE: u64 = 256 * 1024;

/// The length of instructions above which the specification advises to move parts into files of their own.
const ADVISED_LINES: usize = 500;
const ADVISED_TOKENS: usize = 5_000;

/// A skill: instructions for a kind of task, in a folder.
///
/// The texts are as they stand in the file, except that a name is cut to a line that can be shown. They come from
/// whoever wrote the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skill {
    /// The name by which a model loads it.
    pub name: String,
    /// Purpose, and the tasks that it is for.
    pub description: String,
    /// The license, or the name of the file with it.
    pub license: Option<String>,
    /// Requirements on the environment.
    pub compatibility: Option<String>,
    /// Values that the specification does not define.
    pub metadata: BTreeMap<String, String>,
    /// Tools that the author wants to be allowed. Nothing is allowed by it: approvals are given by people.
    pub allowed_tools: Vec<String>,
    /// The owner of the folder.
    pub scope: SkillScope,
    /// The folder.
    pub folder: PathBuf,
    /// A folder that no file of the skill leads out of, and the way from it to the skill's.
    pub(super) confined: (PathBuf, PathBuf),
}

/// The owner of a skill's folder. A skill of a project takes the place of one of the user with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SkillScope {
    /// A project, whose files others may have written.
    Project,
    /// The user.
    User,
}

impl fmt::Display for SkillScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Project => "project",
            Self::User => "user",
        })
    }
}

impl Skill {
    /// Opens the folder.
    pub(super) fn open(&self) -> Result<Folder, Refusal> {
        let (base, path) = &self.confined;
        Folder::open(base)?.enter(path).confined()
    }

    /// Returns the instructions as they are now.
    pub(super) fn read_body(&self) -> Result<String, Refusal> {
        let text = read(&self.open()?)?;
        Ok(
            match front_matter::split(text.trim_start_matches('\u{feff}')) {
                Ok(parts) => parts.body.to_owned(),
                Err(_) => text,
            },
        )
    }
}

/// Reads the `SKILL.md` of a folder.
pub(super) fn read(folder: &Folder) -> Result<String, Refusal> {
    let Some(file) = file(folder) else {
        return Err(Refusal::Missing);
    };
    Ok(folder.read(Path::new(file), MAX_FILE)?.text)
}

/// The name of the file that makes a folder a skill, if there is one.
pub(super) fn file(folder: &Folder) -> Option<&'static str> {
    FILES.into_iter().find(|name| folder.has(name))
}

/// A skill that can be used in spite of the problems beside it.
pub(super) struct Loaded {
    pub(super) skill: Skill,
    pub(super) problems: Vec<Problem>,
}

/// Reads a skill as leniently as can be: only one without a description is refused, since no model could choose it.
pub(super) fn load(text: &str, place: SkillPlace<'_>) -> Result<Loaded, Problem> {
    let text = text.trim_start_matches('\u{feff}');
    let parts = front_matter::split(text)?;
    let folder_name = place.folder.file_name().unwrap_or_default();
    let folder_name = folder_name.to_string_lossy();
    let (front, problems) = match front_matter::parse(parts.yaml) {
        Ok(front) => {
            let problems = rules::check(&front, parts.yaml, &folder_name);
            (front, problems)
        }
        Err(problem) => match front_matter::parse_leniently(parts.yaml) {
            Some(front) => (front, vec![problem]),
            None => return Err(problem),
        },
    };
    let FrontMatter {
        name,
        description,
        license,
        compatibility,
        metadata,
        allowed_tools,
        ..
    } = front;
    let Some(description) = description.filter(|text| !text.trim().is_empty()) else {
        return Err(Problem::new(rules::NO_DESCRIPTION));
    };
    let name = name.unwrap_or_else(|| folder_name.clone().into_owned());
    let mut name = one_line(&name, MAX_NAME_SHOWN).replace('`', "'");
    if name.is_empty() {
        name = one_line(&folder_name, MAX_NAME_SHOWN).replace('`', "'");
    }
    Ok(Loaded {
        skill: Skill {
            name,
            description: description.trim().to_owned(),
            license,
            compatibility,
            metadata,
            allowed_tools,
            scope: place.scope,
            folder: place.folder.to_owned(),
            confined: place.confined,
        },
        problems,
    })
}

/// The most characters of the name of a skill, also of one that breaks the rules.
const MAX_NAME_SHOWN: usize = 128;

/// The place of a skill.
pub(super) struct SkillPlace<'a> {
    pub(super) scope: SkillScope,
    pub(super) folder: &'a Path,
    pub(super) confined: (PathBuf, PathBuf),
}

/// The outcome of a strict validation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkillReport {
    /// Violations of the specification. A skill without any is valid.
    pub problems: Vec<Problem>,
    /// Advice of the specification that is not followed.
    pub advice: Vec<Problem>,
}

impl SkillReport {
    /// Whether the skill is valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }

    fn invalid(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            advice: Vec::new(),
        }
    }
}

/// Checks the skill in a folder strictly against the [specification](https://agentskills.io/specification).
///
/// The path may also be that of the `SKILL.md` in it.
///
/// ```
/// use victor_prompt_library::validate_skill;
///
/// # let parent = tempfile::tempdir()?;
/// # let folder = parent.path().join("cut-hedges");
/// # std::fs::create_dir(&folder)?;
/// std::fs::write(folder.join("SKILL.md"), "---\nname: cut-hedges\n---\nBegin at the top.\n")?;
/// let report = validate_skill(&folder);
/// let problem = "the field `description` is missing: say what the skill does and when to use it";
/// assert_eq!(report.problems[0].to_string(), problem);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub fn validate_skill(path: &Path) -> SkillReport {
    let is_file = path.is_file()
        && (path.file_name()).is_some_and(|name| name.eq_ignore_ascii_case(FILES[0]));
    let folder = match path.parent() {
        Some(parent) if is_file => parent,
        _ => path,
    };
    // The name of `.` is that of the folder behind it.
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let text = Folder::open(&folder).and_then(|folder| read(&folder));
    let text = match text {
        Ok(text) => text,
        Err(Refusal::Missing) => {
            let message = "there is no `SKILL.md`: a skill is a folder with a file of this name";
            return SkillReport::invalid(Problem::new(message));
        }
        Err(refusal) => {
            let message = format!("`SKILL.md` cannot be read: {refusal}");
            return SkillReport::invalid(Problem::new(message));
        }
    };
    let name = folder.file_name().unwrap_or_default();
    validate(&text, &name.to_string_lossy())
}

/// Checks the text of a `SKILL.md` in a folder of this name.
fn validate(text: &str, folder: &str) -> SkillReport {
    let parts = match front_matter::split(text) {
        Ok(parts) => parts,
        Err(problem) => return SkillReport::invalid(problem),
    };
    let front = match front_matter::parse(parts.yaml) {
        Ok(front) => front,
        Err(problem) => return SkillReport::invalid(problem),
    };
    let mut advice = Vec::new();
    let lines = parts.body.lines().count();
    // A token of English has about four bytes.
    let tokens = parts.body.len() / 4;
    if lines > ADVISED_LINES || tokens > ADVISED_TOKENS {
        advice.push(Problem::new(format!(
            "the instructions have {lines} lines and about {tokens} tokens; better are at most {ADVISED_LINES} and \
             {ADVISED_TOKENS}, with the rest in files that they name"
        )));
    }
    if parts.body.trim().is_empty() {
        advice.push(Problem::new(
            "there are no instructions below the front matter",
        ));
    }
    let mut problems = rules::check(&front, parts.yaml, folder);
    problems.extend(rules::unportable(parts.yaml));
    SkillReport { problems, advice }
}
