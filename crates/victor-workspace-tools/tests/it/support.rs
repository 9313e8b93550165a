//! A workspace for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use victor_core::{SessionId, ToolCallId, TurnId};
use victor_tool_protocol::{Tool, ToolContext, ToolError};
use victor_workspace_tools::WorkspaceTools;

/// A folder with a workspace in it, and something beside the workspace.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) tools: WorkspaceTools,
}

impl Fixture {
    /// A workspace with these files in it.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/secret"), "the secret").unwrap();
        for (path, content) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let tools = WorkspaceTools::open(&root)
            .unwrap()
            .allow_write(true)
            .allow_commands(true);
        Self { folder, tools }
    }

    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    pub(crate) fn content(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn tool(&self, name: &str) -> Arc<dyn Tool> {
        let tools = self.tools.tools();
        tools
            .into_iter()
            .find(|tool| tool.spec().name == name)
            .unwrap()
    }

    pub(crate) async fn call(&self, name: &str, arguments: Value) -> Result<String, ToolError> {
        self.call_in(TurnId::from_u128(1), name, arguments).await
    }

    pub(crate) async fn call_in(
        &self,
        turn: TurnId,
        name: &str,
        arguments: Value,
    ) -> Result<String, ToolError> {
        let mut cx = context();
        cx.turn = turn;
        self.call_with(&cx, name, arguments).await
    }

    pub(crate) async fn call_with(
        &self,
        cx: &ToolContext,
        name: &str,
        arguments: Value,
    ) -> Result<String, ToolError> {
        let output = self.tool(name).call(cx, arguments).await?;
        Ok(output
            .content
            .iter()
            .map(|part| match part {
                victor_core::Part::Text(text) => text.text.as_str(),
                other => panic!("{other:?}"),
            })
            .collect())
    }

    pub(crate) fn preview(&self, name: &str, arguments: &Value) -> Option<String> {
        let preview = block_on(self.tool(name).preview(&context(), arguments));
        preview.map(|preview| preview.text)
    }

    /// All files and what is in them, in the order of their paths.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        fn collect(folder: &Path, root: &Path, files: &mut Vec<(String, String)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    collect(&path, root, files);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                    let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                    files.push((name.to_owned(), content));
                }
            }
        }
        let (root, mut files) = (self.path(""), Vec::new());
        collect(&root, &root, &mut files);
        files.sort();
        files
    }

    /// Calls a tool and compares what it says, or how it fails.
    #[track_caller]
    pub(crate) fn check(&self, name: &str, arguments: Value, expected: &str) {
        let found = block_on(self.call(name, arguments)).unwrap_or_else(|error| said(&error));
        assert_eq!(found, expected);
    }
}

/// An error in words, with the variant where the words do not say it, and what is beneath.
pub(crate) fn said(error: &ToolError) -> String {
    match error {
        ToolError::Failed { source, .. } => {
            let beneath = source.as_ref().map_or(String::new(), |e| format!(": {e}"));
            format!("failed: {error}{beneath}")
        }
        _ => error.to_string(),
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// The context of a call whose output has room for 40 KiB of content.
pub(crate) fn context() -> ToolContext {
    let call = ToolCallId::new("1");
    let context = ToolContext::new(SessionId::default(), TurnId::from_u128(1), call, "key");
    context.with_output_budget(40 * 1024 + 1_000)
}
