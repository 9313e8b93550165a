//! The sections of the library in a prompt.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use victor_orchestrator::coordinators::prompt::PromptCoordinator;
use victor_orchestrator::prompt::{BuiltPrompt, PromptBuilder as _, PromptContext};
use victor_prompt_library::{
    Environment, InstructionOptions, Project, ProjectInstructions, SkillCatalogue, SkillOptions,
    Skills, TaskHints,
};

/// Writes a file as if that had been some time ago.
fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    let old = SystemTime::now() - Duration::from_secs(60);
    for path in path.ancestors().take_while(|path| path.starts_with(root)) {
        File::open(path).unwrap().set_modified(old).unwrap();
    }
}

fn names(prompt: &BuiltPrompt) -> Vec<&str> {
    prompt
        .sections
        .iter()
        .map(|section| &*section.name)
        .collect()
}

#[tokio::test]
async fn a_prompt_is_the_same_until_a_file_changes() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    write(root, "AGENTS.md", "Say moin.");
    write(
        root,
        ".agents/skills/mow/SKILL.md",
        "---\nname: mow\ndescription: Mows.\n---\n",
    );
    let project = Project::find(root).unwrap().trust();
    let always = InstructionOptions::default().with_check_interval(Duration::ZERO);
    let instructions = ProjectInstructions::new(&project).with_options(always);
    let always = SkillOptions::default().with_check_interval(Duration::ZERO);
    let skills = Skills::none().with_project(&project).with_options(always);
    let prompt = PromptCoordinator::builder()
        .contributor(Environment::new().with_date("Monday"))
        .contributor(SkillCatalogue::new(skills.clone()))
        .contributor(instructions.clone())
        .contributor(TaskHints::new())
        .build();
    let context = PromptContext::from_iter([("session_id", "one"), ("task", "review")]);
    let first = prompt.build_system_prompt(&context).await;
    let expected = [
        "base",
        "project_instructions",
        "skills",
        "task_hints",
        "environment",
    ];
    assert_eq!(names(&first), expected);
    for _ in 0..20 {
        let next = prompt.build_system_prompt(&context).await;
        assert!(Arc::ptr_eq(&next.text, &first.text));
    }
    assert_eq!((instructions.files_read(), skills.files_read()), (1, 1));

    write(root, "AGENTS.md", "Say servus.");
    let changed = prompt.build_system_prompt(&context).await;
    assert!(changed.text.contains("Say servus.") && !changed.text.contains("Say moin."));
    assert_eq!((instructions.files_read(), skills.files_read()), (2, 1));
    // All that stands before the change is the same.
    let at = first.text.find("Say moin.").unwrap();
    assert_eq!(changed.text[..at], first.text[..at]);
}
