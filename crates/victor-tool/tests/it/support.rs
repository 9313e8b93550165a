//! Tools and calls for the tests.

use std::future::{Future, pending};
use std::time::Duration;

use serde_json::{Value, json};
use victor_core::{Effect, SessionId, ToolCall, ToolSpec, TurnId};
use victor_tool::{ToolCoordinator, ToolOptions, tool_fn};
use victor_tool_protocol::{Tool, ToolError, ToolOutput, ToolScope};

pub(crate) fn spec(name: &str) -> ToolSpec {
    ToolSpec::new(name, "for tests", json!({ "type": "object" })).with_effect(Effect::ReadOnly)
}

/// A tool that does what the function says, and takes any arguments.
pub(crate) fn tool<R, O>(
    name: &str,
    function: impl Fn(Value) -> R + Send + Sync + 'static,
) -> impl Tool
where
    R: Future<Output = Result<O, ToolError>> + Send + 'static,
    O: Into<ToolOutput> + 'static,
{
    tool_fn(spec(name), move |_cx, arguments: Value| function(arguments))
}

/// Sleeps as many milliseconds as its argument `ms` says, then says how many.
pub(crate) fn sleeper() -> impl Tool {
    tool("sleep", |arguments| async move {
        let ms = arguments["ms"].as_u64().unwrap();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(ms.to_string())
    })
}

pub(crate) fn faulty(options: ToolOptions) -> ToolCoordinator {
    let panics = tool("panics", |arguments| async move {
        if arguments["quietly"] == true {
            return Ok("not this time");
        }
        panic!("out of cheese")
    });
    let at_once = tool("panics_at_once", |_| {
        if true {
            panic!("no future")
        }
        async { Ok("never") }
    });
    let in_drop = tool("panics_in_drop", |_| async {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        let _bomb = Bomb;
        pending::<Result<String, ToolError>>().await
    });
    let fails = tool("fails", |_| async {
        let source = std::io::Error::other("disk full");
        Err::<String, _>(ToolError::failed("could not write").with_source(source))
    });
    ToolCoordinator::builder()
        .options(options)
        .tool(panics)
        .tool(at_once)
        .tool(in_drop)
        .tool(fails)
        .tool(tool("hangs", |_| pending::<Result<String, ToolError>>()))
        .tool(tool("talks", |arguments| async move {
            Ok("x".repeat(arguments["bytes"].as_u64().unwrap() as usize))
        }))
        .tool(sleeper())
        .build()
        .unwrap()
}

pub(crate) fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall::new(id, name, arguments)
}

pub(crate) fn scope() -> ToolScope {
    ToolScope::new(SessionId::new("s"), TurnId::from_u128(1))
}
