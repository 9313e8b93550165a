//! A selection of sections, with the tools that go with them.

use std::sync::Arc;

use victor_prompt_protocol::PromptContributor;
use victor_tool_protocol::Tool;

use crate::{
    Environment, LoadSkillTool, ProjectInstructions, SkillCatalogue, Skills, TrustedProject,
};

/// A selection of sections, with the tools that go with them.
///
/// It begins with the [`Environment`], and takes the rest one by one.
#[derive(Debug, Clone, Default)]
pub struct PromptLibrary {
    contributors: Vec<Arc<dyn PromptContributor>>,
    environment: Option<Environment>,
    instructions: Option<ProjectInstructions>,
    skills: Option<Skills>,
}

impl PromptLibrary {
    /// Returns the environment alone, to which sections are added.
    #[must_use]
    pub fn new() -> Self {
        Self {
            environment: Some(Environment::new()),
            ..Self::default()
        }
    }

    /// Adds the instructions of a project that the user trusts, and its folder and branch to the environment.
    #[must_use]
    pub fn project(mut self, project: &TrustedProject) -> Self {
        self.instructions = Some(ProjectInstructions::new(project));
        self.environment = (self.environment).map(|environment| environment.with_project(project));
        self
    }

    /// Adds skills: their catalogue, and the tool that loads them.
    #[must_use]
    pub fn skills(mut self, skills: Skills) -> Self {
        self.skills = Some(skills);
        self
    }

    /// Sets the environment; `None` leaves it out, for prompts that must be the same elsewhere and on another day.
    #[must_use]
    pub fn environment(mut self, environment: Option<Environment>) -> Self {
        self.environment = environment;
        self
    }

    /// Adds another section.
    #[must_use]
    pub fn contributor(mut self, contributor: impl PromptContributor) -> Self {
        self.contributors.push(Arc::new(contributor));
        self
    }

    /// Returns the contributors, for a builder of prompts.
    #[must_use]
    pub fn contributors(&self) -> Vec<Arc<dyn PromptContributor>> {
        let mut contributors = self.contributors.clone();
        let mut add = |contributor: Option<Arc<dyn PromptContributor>>| {
            contributors.extend(contributor);
        };
        add((self.instructions.clone()).map(|instructions| Arc::new(instructions) as _));
        add((self.skills.clone()).map(|skills| Arc::new(SkillCatalogue::new(skills)) as _));
        add((self.environment.clone()).map(|environment| Arc::new(environment) as _));
        contributors
    }

    /// Returns the tools that sections tell of, for an executor: `load_skill`, where there are skills.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        let skills = self.skills.clone().into_iter();
        skills
            .map(|skills| Arc::new(LoadSkillTool::new(skills)) as _)
            .collect()
    }

    /// Returns what is wrong with files of the project and with skills, a line each. It may read files.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let instructions = self
            .instructions
            .iter()
            .flat_map(ProjectInstructions::problems);
        let skills = self.skills.iter().flat_map(Skills::problems);
        instructions.chain(skills).collect()
    }
}
