//! Tools that do blocking work with files.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use victor_core::{Effect, ToolSpec};
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

use crate::budget::Budget;
use crate::shorten::shorten_error;
use crate::workspace::Workspace;

/// The work of a tool, given its arguments.
pub(crate) type Work<A> = fn(&Workspace, &A, Budget, &Cancelled) -> Result<String, ToolError>;

/// A tool whose work blocks, and is therefore done on a thread for such work.
pub(crate) struct FileTool<A> {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
    work: Work<A>,
}

impl<A> FileTool<A> {
    pub(crate) fn new(workspace: &Arc<Workspace>, spec: ToolSpec, work: Work<A>) -> Self {
        Self {
            spec,
            workspace: Arc::clone(workspace),
            work,
        }
    }
}

/// The spec of a tool that takes these properties and no others.
pub(crate) fn spec(
    name: &str,
    effect: Effect,
    description: &str,
    required: &[&str],
    properties: Value,
) -> ToolSpec {
    let mut schema = json!({ "type": "object" });
    schema["properties"] = properties;
    schema["required"] = required.into();
    schema["additionalProperties"] = false.into();
    ToolSpec::new(name, description, schema).with_effect(effect)
}

/// Reads arguments, which the executor has checked against the schema.
pub(crate) fn arguments<A: DeserializeOwned>(arguments: Value) -> Result<A, ToolError> {
    serde_json::from_value(arguments)
        .map_err(|error| shorten_error(ToolError::InvalidArguments(error.to_string())))
}

impl<A> fmt::Debug for FileTool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileTool")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<A: DeserializeOwned + Send + 'static> Tool for FileTool<A> {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, input: Value) -> Result<ToolOutput, ToolError> {
        let input = arguments(input)?;
        let (workspace, work) = (Arc::clone(&self.workspace), self.work);
        let budget = Budget::of(cx);
        let output = run(move |cancelled| work(&workspace, &input, budget, cancelled));
        output.await.map(ToolOutput::from)
    }
}

/// Does blocking work on a thread for it. The work is told when this is dropped. Errors that quote much are shortened.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce(&Cancelled) -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    let cancelled = Cancelled::default();
    let _cancel = CancelOnDrop(cancelled.clone());
    match tokio::task::spawn_blocking(move || work(&cancelled)).await {
        Ok(output) => output.map_err(shorten_error),
        Err(error) => Err(ToolError::failed("the work was broken off").with_source(error)),
    }
}

/// Whether the call has been dropped. A blocking thread cannot be stopped from outside, so long work looks here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(ToolError::failed("cancelled"));
        }
        Ok(())
    }
}

struct CancelOnDrop(Cancelled);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use victor_core::{SessionId, ToolCallId, TurnId};

    use super::*;

    fn tool(work: Work<Value>) -> FileTool<Value> {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(folder.path()).unwrap();
        let spec = spec("t", Effect::ReadOnly, "for tests", &[], json!({}));
        FileTool::new(&Arc::new(workspace), spec, work)
    }

    fn context() -> ToolContext {
        ToolContext::new(
            SessionId::default(),
            TurnId::from_u128(1),
            ToolCallId::new("1"),
            "key",
        )
    }

    #[tokio::test]
    async fn work_learns_that_its_call_was_dropped() {
        static ENDED: AtomicBool = AtomicBool::new(false);
        let tool = tool(|_, _, _, cancelled| {
            while cancelled.check().is_ok() {
                std::thread::yield_now();
            }
            ENDED.store(true, Ordering::SeqCst);
            cancelled.check().map(|()| String::new())
        });
        let cx = context();
        let mut call = tool.call(&cx, json!({}));
        let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_pending());
        drop(call);
        while !ENDED.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error() {
        let tool = tool(|_, _, _, _| panic!("out of cheese"));
        let error = tool.call(&context(), json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), "the work was broken off");
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.to_string().contains("out of cheese"));
    }
}
