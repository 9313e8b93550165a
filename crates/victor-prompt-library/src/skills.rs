//! Skills: instructions for kinds of tasks, in folders.

mod catalogue;
mod front_matter;
mod load_skill;
mod problem;
mod registry;
mod resources;
mod rules;
mod scan;
mod skill;

pub use catalogue::SkillCatalogue;
pub use load_skill::LoadSkillTool;
pub use problem::Problem;
pub use registry::Skills;
pub use scan::SkillOptions;
pub use skill::{Skill, SkillReport, SkillScope, validate_skill};

pub(crate) use registry::PROJECT_SKILLS;
pub(crate) use scan::find_skills;
