//! The places of the sections: higher comes first. Sections of a more stable class come before all others.

pub(crate) const IDENTITY: i32 = 100;
pub(crate) const COMPLIANCE: i32 = 80;
pub(crate) const LANGUAGE: i32 = 70;
pub(crate) const CODE_STYLE: i32 = 60;
pub(crate) const MODES: i32 = 58;
pub(crate) const TOOLS: i32 = 56;
pub(crate) const TASK_HINTS: i32 = 54;
pub(crate) const INSTRUCTIONS: i32 = 40;
pub(crate) const SKILLS: i32 = 30;
pub(crate) const ENVIRONMENT: i32 = -100;
