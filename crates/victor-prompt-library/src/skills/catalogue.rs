//! The catalogue of skills in the prompt.

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use victor_prompt_protocol::{
    Contribution, PromptContext, PromptContributor, PromptError, Stability,
};

use super::load_skill::LoadSkillTool;
use super::registry::Skills;
use super::rules::MAX_DESCRIPTION;
use super::skill::{Skill, SkillScope};
use crate::priority;
use crate::untrusted::one_line;

/// Tells the model which skills there are, a line each; [`LoadSkillTool`] gives it the instructions.
///
/// Names and descriptions stand on one line each and without hidden characters, whatever a `SKILL.md` has there.
/// Skills of a project are marked as such. The section is of the class `process`, and is made anew only after a file of
/// a skill has changed.
#[derive(Debug, Clone)]
pub struct SkillCatalogue(Skills);

impl SkillCatalogue {
    /// Returns a contributor for these skills.
    #[must_use]
    pub fn new(skills: Skills) -> Self {
        Self(skills)
    }
}

#[async_trait]
impl PromptContributor for SkillCatalogue {
    fn name(&self) -> &str {
        "skills"
    }

    fn priority(&self) -> i32 {
        priority::SKILLS
    }

    fn revision(&self) -> u64 {
        self.0.revision()
    }

    async fn get_contribution(&self, _cx: &PromptContext) -> Result<Contribution, PromptError> {
        let list = self.0.load().await;
        let list =
            list.map_err(|error| PromptError::new("the skills cannot be read").with_source(error))?;
        Ok(Contribution::from(list.catalogue.clone()).with_stability(Stability::Process))
    }
}

/// Returns the catalogue, of at most so many bytes; nothing where there are no skills.
pub(super) fn text(skills: &[Arc<Skill>], max_bytes: usize) -> String {
    if skills.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "## Skills\n\nSkills are instructions for kinds of tasks. When a task fits a description below, call `{}` with \
         the name before you begin, and follow what it says as far as the user and the other rules of this \
         prompt permit.",
        LoadSkillTool::NAME
    );
    if skills
        .iter()
        .any(|skill| skill.scope == SkillScope::Project)
    {
        text += " Skills marked (project) were written by the authors of the project.";
    }
    text += "\n";
    for (index, skill) in skills.iter().enumerate() {
        let line = line(skill);
        if text.len() + line.len() > max_bytes {
            // Writing to a `String` cannot fail.
            let _ = write!(
                text,
                "\n- and {} more, which do not fit in here",
                skills.len() - index
            );
            break;
        }
        text += &line;
    }
    text
}

fn line(skill: &Skill) -> String {
    let mark = match skill.scope {
        SkillScope::Project => " (project)",
        SkillScope::User => "",
    };
    let description = one_line(&skill.description, MAX_DESCRIPTION);
    format!("\n- {}{mark}: {description}", skill.name)
}
