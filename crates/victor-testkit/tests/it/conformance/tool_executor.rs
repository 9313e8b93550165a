use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;
use victor_core::{Coordinator, SessionId, ToolCall, ToolOutcome, ToolResult, ToolSpec, contain};
use victor_testkit::conformance;
use victor_tool_protocol::{
    RegisterError, Tool, ToolContext, ToolExecutor, ToolResults, ToolScope, Verdict,
};

use super::breaks;

/// An executor without frills, with something wrong about it.
#[derive(Debug)]
struct Executor {
    bug: &'static str,
    tools: Mutex<Vec<Arc<dyn Tool>>>,
}

impl Executor {
    fn new(bug: &'static str) -> Self {
        Self {
            bug,
            tools: Mutex::default(),
        }
    }

    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Tool>> {
        let tools = self.tools.lock().unwrap();
        tools.iter().find(|tool| tool.spec().name == name).cloned()
    }

    /// What the suite's only schema with demands demands.
    fn fits(call: &ToolCall, tool: &dyn Tool) -> bool {
        let Ok(arguments) = call.parse_arguments() else {
            return false;
        };
        tool.spec().input_schema["required"].is_null() || arguments.contains_key("text")
    }
}

#[async_trait]
impl Coordinator for Executor {
    fn name(&self) -> &str {
        if self.is("nameless") { "" } else { "tool" }
    }

    fn reset(&self, _: &SessionId) {
        if self.is("forgets its tools") {
            self.tools.lock().unwrap().clear();
        }
    }

    async fn shutdown(&self) {
        assert!(!self.is("panics at the end"), "bug");
    }
}

#[async_trait]
impl ToolExecutor for Executor {
    fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        let spec = tool.spec().clone();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let fits = (1..=64).contains(&spec.name.len()) && spec.name.bytes().all(is_name);
        if !fits && !self.is("takes any name") {
            return Err(RegisterError::InvalidName(spec.name));
        }
        let properties = &spec.input_schema["properties"];
        let is_schema = spec.input_schema["type"] == "object"
            && (properties.is_null() || properties.is_object());
        if !is_schema && !self.is("takes any schema") {
            return Err(RegisterError::InvalidSchema {
                tool: spec.name,
                message: "no".into(),
            });
        }
        if self.find(&spec.name).is_some() && !self.is("takes a name twice") {
            return Err(RegisterError::Duplicate(spec.name));
        }
        self.tools.lock().unwrap().push(tool);
        Ok(())
    }

    fn unregister(&self, name: &str) -> bool {
        let mut tools = self.tools.lock().unwrap();
        let before = tools.len();
        if !self.is("keeps tools") {
            tools.retain(|tool| tool.spec().name != name);
        }
        tools.len() < before || self.is("keeps tools")
    }

    fn specs(&self) -> Arc<[ToolSpec]> {
        let mut tools = self.tools.lock().unwrap();
        if self.is("shuffles") {
            tools.reverse();
        }
        tools.iter().map(|tool| tool.spec().clone()).collect()
    }

    async fn review_tool_calls(&self, calls: &[ToolCall], _: &ToolScope) -> Vec<Verdict> {
        let verdict = |call: &ToolCall| match self.find(&call.name) {
            Some(tool) if Self::fits(call, &*tool) || self.is("checks nothing") => Verdict::Run,
            _ => Verdict::Reject {
                reason: if self.is("silent") { "" } else { "no" }.to_owned(),
            },
        };
        let verdicts = calls.iter().map(verdict);
        verdicts.skip(usize::from(self.is("skips one"))).collect()
    }

    fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
        let (bug, scope) = (self.bug, scope.clone());
        let mut work: Vec<_> = calls
            .into_iter()
            .map(|call| (self.find(&call.name), call, scope.clone()))
            .collect();
        match bug {
            "loses one" => drop(work.pop()),
            "repeats one" => work.extend(work.first().cloned()),
            _ => {}
        }
        if bug == "spawns" {
            let (send, receive) = tokio::sync::mpsc::channel(9);
            for (tool, call, scope) in work {
                let send = send.clone();
                tokio::spawn(async move {
                    let _ = send.send(run(bug, tool, call, scope).await).await;
                });
            }
            return ToolResults::new(stream::unfold(receive, async |mut receive| {
                Some((receive.recv().await?, receive))
            }));
        }
        let running =
            stream::iter(work).map(move |(tool, call, scope)| run(bug, tool, call, scope));
        ToolResults::new(running.buffer_unordered(9))
    }
}

async fn run(
    bug: &'static str,
    tool: Option<Arc<dyn Tool>>,
    call: ToolCall,
    scope: ToolScope,
) -> ToolResult {
    let Some(tool) = tool else {
        return ToolResult::new(&call, ToolOutcome::Rejected, "no such tool");
    };
    let key = match (&*call.idempotency_key, bug) {
        (_, "ignores keys") => format!("{}/{}", scope.turn, call.id),
        ("", "one key") => "key".to_owned(),
        ("", "new keys") => victor_core::TurnId::generate().to_string(),
        ("", _) => format!("{}/{}", scope.turn, call.id),
        (key, _) => key.to_owned(),
    };
    let cx = ToolContext::new(scope.session, scope.turn, call.id.clone(), key);
    let arguments = Value::Object(call.parse_arguments().unwrap_or_default());
    if bug == "lets panics through" {
        let output = tool.call(&cx, arguments).await;
        return ToolResult::new(&call, ToolOutcome::Success, format!("{output:?}"));
    }
    let limit = match bug {
        "is patient" => Duration::from_secs(3_600),
        _ => scope.timeout.unwrap_or_default(),
    };
    let ended = contain(async { tokio::time::timeout(limit, tool.call(&cx, arguments)).await });
    match ended.await {
        Ok(Ok(Ok(output))) => ToolResult::with_parts(&call, ToolOutcome::Success, output.content),
        Ok(Ok(Err(_))) if bug == "hides errors" => {
            ToolResult::new(&call, ToolOutcome::Success, "fine")
        }
        Ok(Ok(Err(error))) => ToolResult::new(&call, ToolOutcome::Error, error.to_string()),
        Ok(Err(_)) => ToolResult::new(&call, ToolOutcome::TimedOut, "too slow"),
        Err(panicked) => ToolResult::new(&call, ToolOutcome::Error, panicked.to_string()),
    }
}

async fn suite(bug: &'static str) {
    conformance::tool_executor(async || Executor::new(bug)).await;
}

#[tokio::test(start_paused = true)]
async fn a_right_executor_passes() {
    suite("none").await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("takes any name", "a name that no provider takes is refused"),
        (
            "takes any schema",
            "a schema that is none of an object is refused",
        ),
        ("takes a name twice", "a name is taken once"),
        ("keeps tools", "a tool is unregistered once"),
        ("shuffles", "tools are offered in an order that stays"),
        ("checks nothing", "what cannot run is rejected"),
        ("silent", "a rejection says why"),
        ("skips one", "every call has a verdict"),
        ("loses one", "a result says what came of the call"),
        ("repeats one", "every call has exactly one result"),
        ("hides errors", "a result says what came of the call"),
        ("lets panics through", "no call panics"),
        ("is patient", "a call ends at the time limit of its scope"),
        ("ignores keys", "a call's own idempotency key is passed on"),
        (
            "new keys",
            "every attempt at a call has the same idempotency key",
        ),
        ("one key", "other calls have other idempotency keys"),
        ("spawns", "dropping the results ends the calls"),
        ("nameless", "a coordinator has a name"),
        ("forgets its tools", "a reset leaves the tools"),
        ("panics at the end", "no call panics"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
