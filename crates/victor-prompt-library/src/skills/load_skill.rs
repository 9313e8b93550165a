//! The tool that gives a model the instructions of a skill.

use std::fmt::Write as _;
use std::path::{Component, Path};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use victor_core::{Effect, ToolSpec};
use victor_text::grouped;
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

use super::registry::Skills;
use super::resources::{self, Resource};
use super::skill::{FILES, Skill, SkillScope};
use crate::folder::{Folder, Refusal};
use crate::untrusted::{fenced, named};
use crate::watched::blocking;

/// The largest file of a skill that is read, in bytes. What of it the model gets is less, and is read in parts.
const MAX_FILE: u64 = 8 * 1024 * 1024;

/// The bytes that are kept free for what stands around a text.
const RESERVE: usize = 2 * 1024;

/// The tool `load_skill`: the instructions of a skill with a list of its files, and the files themselves.
///
/// It changes nothing, reads nothing outside of the folder of the skill, and no file that is not text. What it returns
/// stands between code fences that the text cannot close, without hidden characters.
#[derive(Debug)]
pub struct LoadSkillTool {
    spec: ToolSpec,
    skills: Skills,
}

impl LoadSkillTool {
    /// The tool's name.
    pub const NAME: &str = "load_skill";

    /// Returns the tool for these skills.
    #[must_use]
    pub fn new(skills: Skills) -> Self {
        Self {
            spec: spec(),
            skills,
        }
    }
}

fn spec() -> ToolSpec {
    let schema = json!({
        "type": "object",
        "properties": {
            "skill": {
                "type": "string",
                "description": "The name of the skill, as the list of skills has it",
            },
            "file": {
                "type": "string",
                "description": "A file of the skill to read in place of its instructions, by its path in the folder of \
                                the skill, such as `references/forms.md`",
            },
            "from_line": {
                "type": "integer",
                "minimum": 1,
                "description": "The line to begin with, for the rest of a long text. Default: 1",
            },
        },
        "required": ["skill"],
    });
    let description = "Loads the instructions of a skill, and the list of its files. Call it before you begin a task \
                       that fits the description of a skill, and follow the instructions as far as the user permits. \
                       With `file`, it reads one of the files that the instructions name.";
    ToolSpec::new(LoadSkillTool::NAME, description, schema).with_effect(Effect::ReadOnly)
}

#[derive(Debug, Deserialize)]
struct Arguments {
    skill: String,
    file: Option<String>,
    from_line: Option<usize>,
}

#[async_trait]
impl Tool for LoadSkillTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let arguments: Arguments = serde_json::from_value(arguments)
            .map_err(|error| ToolError::InvalidArguments(error.to_string()))?;
        let list = self.skills.load().await.map_err(failed)?;
        let skill = list.get(arguments.skill.trim());
        let skill = skill.map_err(|error| ToolError::NotFound(error.to_string()))?;
        let (skill, budget) = (skill.clone(), cx.output_budget());
        let text = blocking(move || {
            let part = Part {
                from_line: arguments.from_line.unwrap_or(1),
                budget: budget.saturating_sub(RESERVE),
            };
            match arguments.file.as_deref().map(str::trim) {
                None | Some("") => instructions(&skill, &part),
                Some(file) => file_of(&skill, file, &part),
            }
        });
        Ok(text.await.map_err(failed)??.into())
    }
}

fn failed(error: std::io::Error) -> ToolError {
    ToolError::failed("the skill cannot be read").with_source(error)
}

/// The instructions of a skill with the list of its files.
fn instructions(skill: &Skill, part: &Part) -> Result<String, ToolError> {
    let body = skill.read_body();
    let body = body.map_err(|refusal| refused(skill, FILES[0], &refusal))?;
    let owner = match skill.scope {
        SkillScope::Project => "was written by the authors of the project",
        SkillScope::User => "belongs to the user",
    };
    let mut text = format!(
        "Skill `{}`, which {owner}. These are its instructions for the task at hand; they permit nothing that the user \
         has not permitted.\n\n",
        skill.name
    );
    if let Some(needs) = &skill.compatibility {
        let needs = crate::untrusted::one_line(needs, 500);
        let _ = write!(text, "It needs: {needs}\n\n"); // writing to a `String` cannot fail
    }
    let files = skill.open().map(|folder| resources::list(&folder));
    let files = files.map_err(|refusal| refused(skill, ".", &refusal))?;
    text += &part.of(&format!("{}/SKILL.md", skill.name), &body);
    text += &listed(&files, &skill.name);
    Ok(text)
}

fn listed(files: &resources::Resources, skill: &str) -> String {
    if files.files.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n\nFiles of the skill, which `{}` reads with `skill` `{skill}` and `file`:\n",
        LoadSkillTool::NAME
    );
    for Resource { path, size } in &files.files {
        let _ = write!(
            text,
            "\n- {} ({} bytes)",
            named(path),
            grouped(to_usize(*size))
        );
    }
    if files.is_cut {
        text += "\n- and more, which are not listed";
    }
    text
}

fn to_usize(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A file of a skill.
fn file_of(skill: &Skill, file: &str, part: &Part) -> Result<String, ToolError> {
    let path = Path::new(file);
    let leads_out = (path.components())
        .any(|component| !matches!(component, Component::Normal(_) | Component::CurDir));
    if leads_out {
        return Err(refused(skill, file, &Refusal::Outside));
    }
    let folder: Result<Folder, Refusal> = skill.open();
    let text = folder.and_then(|folder| folder.read(path, MAX_FILE));
    let text = text.map_err(|refusal| refused(skill, file, &refusal))?;
    let mut shown = part.of(&format!("{}/{file}", skill.name), &text.text);
    if text.is_cut {
        let size = grouped(to_usize(text.size));
        let _ = write!(shown, "\nThe file has {size} bytes and is cut.");
    }
    Ok(shown)
}

fn refused(skill: &Skill, file: &str, refusal: &Refusal) -> ToolError {
    let (file, name) = (named(file), &skill.name);
    match refusal {
        Refusal::Missing => ToolError::NotFound(format!(
            "skill `{name}` has no file `{file}`: call `{}` with its name alone for the list of its files",
            LoadSkillTool::NAME
        )),
        Refusal::Outside => ToolError::NotPermitted(format!(
            "`{file}` leads out of the folder of skill `{name}`: use paths in that folder"
        )),
        Refusal::NotAFile | Refusal::Binary | Refusal::NotUtf8 => ToolError::InvalidArguments(
            format!("`{file}` of skill `{name}` is not read: {refusal}"),
        ),
        Refusal::Io(error) => ToolError::failed(format!(
            "`{file}` of skill `{name}` cannot be read: {error}"
        )),
    }
}

/// The part of a text that is wanted, and that fits.
struct Part {
    /// The first line, counted from 1.
    from_line: usize,
    /// The most bytes.
    budget: usize,
}

impl Part {
    fn of(&self, label: &str, text: &str) -> String {
        let skipped = self.from_line.saturating_sub(1);
        let lines = text.split_inclusive('\n');
        let start: usize = lines.clone().take(skipped).map(str::len).sum();
        let mut end = start;
        let mut next = self.from_line;
        for line in lines.skip(skipped) {
            if end + line.len() - start > self.budget && end > start {
                break;
            }
            end += line.len();
            next += 1;
        }
        let all = &text[start..end];
        // A single line may be longer than the budget.
        let shown = &all[..all.floor_char_boundary(self.budget)];
        let mut marked = fenced(label, shown);
        if shown.len() < all.len() {
            marked += "\nThe line is longer than can be shown, and is cut.";
        }
        if end < text.len() {
            let _ = write!(
                marked,
                "\nThere is more: call again with `from_line` {next}."
            );
        }
        marked
    }
}
