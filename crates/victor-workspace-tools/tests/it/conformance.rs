use serde_json::json;
use victor_core::Effect;
use victor_testkit::conformance;
use victor_workspace_tools::WorkspaceTools;

use crate::support::Fixture;

#[tokio::test]
async fn every_tool_is_one_by_the_law() {
    let here = Fixture::new(&[("a.txt", "one\ntwo\n")]);
    for (name, arguments) in [
        ("read_file", json!({ "path": "a.txt" })),
        ("list_directory", json!({})),
        ("find_files", json!({ "patterns": ["*.txt"] })),
        ("search_files", json!({ "query": "one" })),
        ("write_file", json!({ "path": "b/c.txt", "content": "x" })),
        (
            "edit_file",
            json!({ "path": "a.txt", "old_text": "two", "new_text": "two!" }),
        ),
        (
            "apply_patch",
            json!({ "patch": "--- a/a.txt\n+++ b/a.txt\n@@ -1,1 +1,1 @@\n-one\n+one\n" }),
        ),
        #[cfg(unix)]
        ("run_command", json!({ "command": "echo hello" })),
    ] {
        conformance::tool(&*here.tool(name), &arguments).await;
    }
}

#[test]
fn what_changes_something_must_be_allowed_and_says_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let tools = WorkspaceTools::open(folder.path()).unwrap();
    let offered = |tools: &WorkspaceTools| {
        let tools = tools.tools().into_iter();
        tools
            .map(|tool| (tool.spec().name.clone(), tool.spec().effect))
            .collect::<Vec<_>>()
    };
    let reading = ["read_file", "list_directory", "find_files", "search_files"];
    let mut expected: Vec<_> = reading
        .iter()
        .map(|name| ((*name).to_owned(), Effect::ReadOnly))
        .collect();
    assert_eq!(offered(&tools), expected);
    let tools = tools.allow_write(true);
    expected.extend(
        ["write_file", "edit_file", "apply_patch"].map(|name| (name.to_owned(), Effect::Write)),
    );
    assert_eq!(offered(&tools), expected);
    if cfg!(unix) {
        let tools = tools.allow_commands(true);
        expected.push(("run_command".to_owned(), Effect::Destructive));
        assert_eq!(offered(&tools), expected);
    }
}

#[test]
fn every_argument_is_described() {
    for tool in Fixture::new(&[]).tools.tools() {
        let spec = tool.spec();
        for (name, property) in spec.input_schema["properties"].as_object().unwrap() {
            assert!(
                property["description"].is_string(),
                "{name} of {}",
                spec.name
            );
        }
    }
}

#[test]
fn a_root_must_be_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for root in [file, folder.path().join("missing")] {
        let error = WorkspaceTools::open(&root).unwrap_err();
        assert_eq!(error.root, root);
        assert!(error.to_string().contains("must be a folder"));
    }
}
