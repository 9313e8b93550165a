//! Helpers of the tests.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;
use victor_core::{
    Coordinator, Effect, SessionId, ToolCall, ToolCallId, ToolOutcome, ToolResult, ToolSpec, TurnId,
};
use victor_mcp::{McpClient, McpServerConfig};
use victor_tool_protocol::{
    RegisterError, Tool, ToolContext, ToolError, ToolExecutor, ToolListener, ToolOutput,
    ToolResults, ToolScope, ToolUpdate, Verdict,
};

/// A reference server, as npm has installed it into the folder that `VICTOR_MCP_SERVERS` names.
///
/// Without it the tests that want one pass over it, and say so; where `CI` is set, they fail.
pub(crate) fn reference_server(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("VICTOR_MCP_SERVERS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "VICTOR_MCP_SERVERS is not set, so nothing is tested with the reference servers"
        );
        #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
        {
            eprintln!("SKIPPED: set VICTOR_MCP_SERVERS to test with the reference servers");
        }
        return None;
    };
    let package = format!("node_modules/@modelcontextprotocol/server-{name}/dist/index.js");
    Some(PathBuf::from(folder).join(package))
}

pub(crate) async fn connect(config: McpServerConfig) -> McpClient {
    McpClient::connect(config).await.unwrap()
}

pub(crate) fn context() -> ToolContext {
    ToolContext::new(
        SessionId::default(),
        TurnId::generate(),
        "call".into(),
        "key",
    )
}

/// The tool that the server calls by this name.
#[track_caller]
pub(crate) fn tool(client: &McpClient, name: &str) -> Arc<dyn Tool> {
    let name = format!("mcp_{}_{name}", client.name());
    let tools = client.tools();
    let names: Vec<_> = tools.iter().map(|tool| tool.spec().name.clone()).collect();
    let found = tools.into_iter().find(|tool| tool.spec().name == name);
    found.unwrap_or_else(|| panic!("no `{name}` among {names:?}"))
}

pub(crate) async fn call(
    client: &McpClient,
    name: &str,
    arguments: Value,
) -> Result<ToolOutput, ToolError> {
    tool(client, name).call(&context(), arguments).await
}

/// The text that a tool without arguments gives back.
pub(crate) async fn ask(client: &McpClient, name: &str) -> String {
    text(
        &call(client, name, Value::Object(Default::default()))
            .await
            .unwrap(),
    )
}

/// The error of a tool without arguments.
pub(crate) async fn fail(client: &McpClient, name: &str) -> ToolError {
    call(client, name, Value::Object(Default::default()))
        .await
        .unwrap_err()
}

pub(crate) fn text(output: &ToolOutput) -> String {
    victor_core::text_of(&output.content).into_owned()
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        for _ in 0..600 {
            if is_so() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it did not become so at {place}");
    }
}

/// Notes what it hears of a call.
#[derive(Debug, Default)]
pub(crate) struct Listener(Mutex<Vec<Option<String>>>);

impl Listener {
    pub(crate) fn heard(&self) -> Vec<Option<String>> {
        self.0.lock().unwrap().clone()
    }
}

impl ToolListener for Listener {
    fn heard(&self, _call: &ToolCallId, progress: Option<&str>) {
        self.0.lock().unwrap().push(progress.map(str::to_owned));
    }
}

/// An executor that runs every call but destructive ones, and notes what is registered.
#[derive(Debug, Default)]
pub(crate) struct Executor {
    tools: Mutex<Vec<Arc<dyn Tool>>>,
    log: Mutex<Vec<String>>,
}

impl Executor {
    /// Returns the registrations (`+`) and unregistrations (`-`) since the last call.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Tool>> {
        let tools = self.tools.lock().unwrap();
        tools.iter().find(|tool| tool.spec().name == name).cloned()
    }
}

#[async_trait]
impl Coordinator for Executor {
    fn name(&self) -> &str {
        "tool"
    }
}

#[async_trait]
impl ToolExecutor for Executor {
    fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        let name = tool.spec().name.clone();
        if self.find(&name).is_some() {
            return Err(RegisterError::Duplicate(name));
        }
        self.log.lock().unwrap().push(format!("+{name}"));
        self.tools.lock().unwrap().push(tool);
        Ok(())
    }

    fn unregister(&self, name: &str) -> bool {
        self.log.lock().unwrap().push(format!("-{name}"));
        let mut tools = self.tools.lock().unwrap();
        let before = tools.len();
        tools.retain(|tool| tool.spec().name != name);
        tools.len() < before
    }

    fn specs(&self) -> Arc<[ToolSpec]> {
        let tools = self.tools.lock().unwrap();
        tools.iter().map(|tool| tool.spec().clone()).collect()
    }

    async fn review_tool_calls(&self, calls: &[ToolCall], _scope: &ToolScope) -> Vec<Verdict> {
        let review = |call: &ToolCall| match self.find(&call.name) {
            None => Verdict::Reject {
                reason: format!("there is no tool `{}`", call.name),
            },
            Some(tool) if tool.spec().effect == Effect::Destructive => Verdict::ask("May it?"),
            Some(_) => Verdict::Run,
        };
        calls.iter().map(review).collect()
    }

    fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
        let scope = scope.clone();
        let calls: Vec<_> = calls
            .into_iter()
            .map(|call| (self.find(&call.name).unwrap(), call))
            .collect();
        let updates = stream::iter(calls).then(move |(tool, call)| {
            let listener = Arc::new(Listener::default());
            let cx = ToolContext::new(scope.session.clone(), scope.turn, call.id.clone(), "")
                .with_listener(listener.clone())
                .with_trace(scope.trace.clone());
            async move {
                let arguments = Value::Object(call.parse_arguments().unwrap());
                let result = match tool.call(&cx, arguments).await {
                    Ok(output) => {
                        ToolResult::with_parts(&call, ToolOutcome::Success, output.content)
                    }
                    Err(error) => ToolResult::new(&call, ToolOutcome::Error, error.to_string()),
                };
                let progress: Vec<_> = listener
                    .heard()
                    .into_iter()
                    .flatten()
                    .map(|message| ToolUpdate::Progress {
                        call: call.id.clone(),
                        message,
                    })
                    .collect();
                // Each is heard by itself.
                let pause = Duration::from_millis(if progress.is_empty() { 0 } else { 200 });
                let result = stream::once(async move {
                    tokio::time::sleep(pause).await;
                    ToolUpdate::from(result)
                });
                stream::iter(progress).chain(result.boxed())
            }
        });
        ToolResults::new(updates.flatten())
    }
}
