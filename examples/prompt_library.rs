//! Puts ready-made sections into the system prompt: the instructions and skills of a project, and a hint for the task.
//!
//! ```sh
//! cargo run -p examples --example prompt_library
//! ```

use std::fs;

use serde_json::json;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::core::{SessionId, ToolCall, TurnId};
use victor_orchestrator::prompt::PromptContext;
use victor_orchestrator::tool::ToolScope;
use victor_prompt_library::{CodeStyle, Project, PromptLibrary, Skills, TaskHints, UserLanguage};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A project as others may have written it.
    let folder = tempfile::tempdir()?;
    let skill = folder.path().join(".agents/skills/release");
    fs::create_dir_all(&skill)?;
    fs::write(
        folder.path().join("AGENTS.md"),
        "Run the tests with `make check`.\n",
    )?;
    fs::write(
        skill.join("SKILL.md"),
        "---\nname: release\ndescription: Makes a release. Use when the user wants to publish.\n---\n\
         Raise the version, run the tests, tag the commit.\n",
    )?;

    // A program asks its user here. Nothing is read before.
    let project = Project::find(folder.path())?;
    println!("Trust {}?", project.contents().join(", "));
    let project = project.trust();

    let library = PromptLibrary::new()
        .environment(None) // the date and the folder, which are different each time
        .project(&project)
        .skills(Skills::none().with_project(&project))
        .contributor(TaskHints::new())
        .contributor(UserLanguage::new())
        .contributor(
            CodeStyle::new()
                .max_line_length(100)
                .indentation("4 spaces"),
        );
    let builder = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tools(library.tools());
    let orchestrator = library
        .contributors()
        .into_iter()
        .fold(builder, |builder, contributor| {
            builder.prompt_contributor(contributor)
        })
        .build()?;

    let context = PromptContext::from_iter([("task", "code_review"), ("language", "de")]);
    let prompt = orchestrator
        .prompt_coordinator()
        .build_system_prompt(&context)
        .await;
    for (section, text) in prompt.section_texts() {
        println!("[{}, {}]\n{text}\n", section.name, section.stability);
    }

    // As a model does when a task fits the description of the skill.
    let call = ToolCall::new("1", "load_skill", json!({ "skill": "release" }).to_string());
    let scope = ToolScope::new(SessionId::new("one"), TurnId::generate());
    let tools = orchestrator.tool_coordinator();
    for result in tools.execute_tool_calls(&[call], &scope).await {
        println!("{}", result.text());
    }
    Ok(())
}
