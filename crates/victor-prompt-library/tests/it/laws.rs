//! The laws of contributors and tools.

use std::sync::Arc;

use serde_json::json;
use victor_prompt_library::mode::Mode;
use victor_prompt_library::protocol::{PromptContext, PromptContributor};
use victor_prompt_library::tool::Tool;
use victor_prompt_library::{
    CodeStyle, Compliance, Environment, Identity, ModeGuide, ProjectInstructions, SkillCatalogue,
    Skills, TaskHints, ToolGuide, UserLanguage,
};
use victor_testkit::conformance;

use crate::support::Tree;

#[tokio::test]
async fn every_contributor_obeys_the_laws() {
    let skill = "---\nname: mow\ndescription: Mows.\n---\nMow.";
    let tree = Tree::new(&[
        ("AGENTS.md", "Be kind."),
        (".git/HEAD", "ref: refs/heads/main\n"),
        (".agents/skills/mow/SKILL.md", skill),
    ]);
    let project = tree.project();
    let skills = Skills::none().with_project(&project);
    let contributors: Vec<Arc<dyn PromptContributor>> = vec![
        Arc::new(Identity::new("Ada", "an agent")),
        Arc::new(Compliance::privacy()),
        Arc::new(Compliance::privacy().always()),
        Arc::new(UserLanguage::new().with_default("de")),
        Arc::new(CodeStyle::new().max_line_length(80)),
        Arc::new(ModeGuide::new([Mode::build(), Mode::plan()])),
        Arc::new(ToolGuide::new(["run_command"])),
        Arc::new(TaskHints::new()),
        Arc::new(ProjectInstructions::new(&project)),
        Arc::new(SkillCatalogue::new(skills.clone())),
        Arc::new(Environment::new().with_project(&project)),
    ];
    let contexts = [
        PromptContext::from_iter([("task", "review"), ("language", "fr"), ("mode", "plan")]),
        PromptContext::from_iter([
            ("requires_compliance", json!(true)),
            ("tools", json!(["recall"])),
            ("enable_task_hints", json!(false)),
        ]),
        // Facts of the wrong type.
        PromptContext::from_iter([
            ("task", json!(7)),
            ("language", json!({})),
            ("tools", json!("recall")),
            ("mode", json!(null)),
        ]),
    ];
    for contributor in &contributors {
        conformance::prompt_contributor(&**contributor, &contexts).await;
    }
    for tool in victor_prompt_library::PromptLibrary::new()
        .skills(skills)
        .tools()
    {
        let tool: &dyn Tool = &*tool;
        conformance::tool(tool, &json!({ "skill": "mow" })).await;
    }
}
