//! Ready-made sections of the system prompt: project instructions, skills, environment, style, task hints.
//!
//! Each is a [`PromptContributor`](victor_prompt_protocol::PromptContributor) of its own, for any builder of prompts. A
//! program takes those that it wants, by themselves or as a [`PromptLibrary`]:
//!
//! ```
//! use victor_prompt_library::protocol::{PromptContext, PromptContributor};
//! use victor_prompt_library::{Project, PromptLibrary, Skills, TaskHints, UserLanguage};
//!
//! # let folder = tempfile::tempdir()?;
//! # let root = folder.path();
//! std::fs::write(root.join("AGENTS.md"), "Run the tests with `make check`.")?;
//!
//! // The user has been asked, and trusts the folder: from here on its files may be read.
//! let project = Project::find(root)?.trust();
//! let library = PromptLibrary::new()
//!     .project(&project)
//!     .skills(Skills::none().with_project(&project))
//!     .contributor(TaskHints::new())
//!     .contributor(UserLanguage::new());
//!
//! // To be given to a builder: `builder.contributor(contributor)` for each, and the tool to the executor.
//! let contributors = library.contributors();
//! let names: Vec<_> = contributors.iter().map(|contributor| contributor.name()).collect();
//! assert_eq!(names, ["task_hints", "language", "project_instructions", "skills", "environment"]);
//! assert_eq!(library.tools()[0].spec().name, "load_skill");
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let section = contributors[2].get_contribution(&PromptContext::new()).await?;
//! assert!(section.text().ends_with("````AGENTS.md\nRun the tests with `make check`.\n````"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The sections
//!
//! | contributor | section | says | facts that it reads | class |
//! |---|---|---|---|---|
//! | [`Identity`] | `identity` | the name of the agent and what it does | | process |
//! | [`Compliance`] | `compliance` | rules of law and of the organisation | `requires_compliance` | session |
//! | [`UserLanguage`] | `language` | the language to answer in | `language` | session |
//! | [`CodeStyle`] | `code_style` | how code is written | `task` | session |
//! | [`ModeGuide`] | `modes` | which modes there are | `mode` | session |
//! | [`ToolGuide`] | `tools` | how tools are used together | `tools` | session |
//! | [`TaskHints`] | `task_hints` | a hint for the kind of task | `task`, `enable_task_hints` | session |
//! | [`ProjectInstructions`] | `project_instructions` | the `AGENTS.md` files of the project | | process |
//! | [`SkillCatalogue`] | `skills` | a line for each skill | | process |
//! | [`Environment`] | `environment` | date, folder, platform, git branch | | turn |
//!
//! # Files of strangers
//!
//! Files of a project are written by whoever has worked on it. Nothing of them is read before the program states that
//! the user trusts the project ([`Project::trust`]), and then within limits:
//!
//! - A path or a link that leads out of the project, or out of the folder of a skill, is refused. So are binary files,
//!   pipes and devices.
//! - Texts are cut after a number of bytes, and searches end after a number of folders.
//! - Hidden characters are removed, whole texts stand between code fences that they cannot close, and single lines
//!   stay on one line.
//! - The prompt says where each text comes from, and that it permits nothing which the user has not permitted.
//!
//! # What a turn costs
//!
//! Sections of the classes `process` and `session` are not asked for again while their facts and their
//! [`revision`](victor_prompt_protocol::PromptContributor::revision) stay the same. Files are looked at (not read) at
//! most once a second, and read again only after they have changed.
//!
//! # Runtime
//!
//! Files are read on a thread for blocking work of tokio, or at once where there is no tokio runtime.

mod folder;
mod instructions;
mod library;
mod priority;
mod project;
mod sections;
mod skills;
mod untrusted;
mod watched;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_mode_protocol as mode;
#[doc(no_inline)]
pub use victor_prompt_protocol as protocol;
#[doc(no_inline)]
pub use victor_tool_protocol as tool;

pub use instructions::{InstructionOptions, ProjectInstructions};
pub use library::PromptLibrary;
pub use project::{Project, TrustedProject};
pub use sections::{
    CodeStyle, Compliance, Environment, Identity, ModeGuide, TaskHints, TaskKind, ToolGuide,
    UserLanguage,
};
pub use skills::{
    LoadSkillTool, Problem, Skill, SkillCatalogue, SkillOptions, SkillReport, SkillScope, Skills,
    validate_skill,
};
