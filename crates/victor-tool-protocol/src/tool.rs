//! The extension point for tools.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use victor_core::{Part, SessionId, ToolCallId, ToolSpec, TraceContext, TurnId};

use crate::{Preview, ToolError};

/// A tool that a model can call.
///
/// Implemented by programs and adapters that offer something to a model; called by the
/// [`ToolExecutor`](crate::ToolExecutor), from many tasks at once, also twice at the same time with the same arguments.
///
/// A tool need not defend itself: the executor checks the arguments against the schema, ends a call that takes too
/// long, contains a panic and cuts an output that is too large. It must not block the thread for long; blocking work
/// belongs on `tokio::task::spawn_blocking` or the like.
///
/// # Cancel safety
///
/// A call is cancelled by dropping its future, at any await point: at the time limit, or with the turn. A tool that
/// has something to undo undoes it in the `Drop` of a value that the future holds.
#[doc(alias = "BaseTool")]
#[async_trait]
pub trait Tool: fmt::Debug + Send + Sync + 'static {
    /// Describes the tool. The description never changes.
    fn spec(&self) -> &ToolSpec;

    /// Runs the tool. `arguments` is a JSON object that fits the schema.
    ///
    /// # Errors
    ///
    /// The model is told every error in words, and the turn goes on.
    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError>;

    /// Shows what the call would do to a person who is asked whether it may: a diff, a command. It changes nothing.
    /// Defaults to `None`: the arguments say it all, and the person is shown them.
    ///
    /// It is called once more before an approved call runs. If it has become another preview by then, the person is
    /// asked again. A tool that can check under a lock of its own compares
    /// [`ToolContext::evidence`] as well, since much may happen between that and the call.
    async fn preview(&self, _cx: &ToolContext, _arguments: &Value) -> Option<Preview> {
        None
    }

    /// Returns the limits of its calls. Asked when the tool is registered. Defaults to those of the executor.
    fn limits(&self) -> ToolLimits {
        ToolLimits::default()
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Tool + ?Sized> Tool for Arc<T> {
    victor_core::forward! {
        fn spec(&self) -> &ToolSpec;
        async fn call<'a>(
            &self,
            cx: &'a ToolContext,
            arguments: Value,
        ) -> Result<ToolOutput, ToolError>;
        async fn preview<'a, 'b>(
            &self,
            cx: &'a ToolContext,
            arguments: &'b Value,
        ) -> Option<Preview>;
        fn limits(&self) -> ToolLimits;
    }
}

/// The limits of the calls of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolLimits {
    /// The longest time without a [sign of life](ToolContext::heartbeat); that of the scope or the executor if absent.
    pub timeout: Option<Duration>,
    /// The number of calls of the tool that may run at the same time, in all sessions together; any number if absent.
    pub max_concurrent: Option<usize>,
    /// Whether a call is a barrier: it begins when the calls before it in the same message have ended, and those after
    /// it wait for its end.
    pub sequential: bool,
    /// The time for which the result of a [read-only](victor_core::Effect::ReadOnly) call may be given again to the
    /// same call in the same session, if nothing was written meanwhile; not at all if absent.
    pub cache_for: Option<Duration>,
}

impl ToolLimits {
    /// Sets the longest time without a sign of life.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the number of calls of the tool that may run at the same time.
    #[must_use]
    pub fn with_max_concurrent(mut self, calls: usize) -> Self {
        self.max_concurrent = Some(calls);
        self
    }

    /// Makes every call a barrier.
    #[must_use]
    pub fn sequential(mut self) -> Self {
        self.sequential = true;
        self
    }

    /// Sets the time for which the result of a read-only call may be given again.
    #[must_use]
    pub fn with_cache_for(mut self, time: Duration) -> Self {
        self.cache_for = Some(time);
        self
    }
}

/// The context of a call, for its tool.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ToolContext {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The call.
    pub call: ToolCallId,
    /// The same for every attempt at this call: pass it on to services that know such keys.
    pub idempotency_key: String,
    /// The [evidence](Preview::evidence) of the preview that a person has approved. If the call would do something
    /// else by now, it must not do it. Absent where nobody was asked.
    pub evidence: Option<String>,
    /// The place of the call in a distributed trace: pass it on to services that take part in it. Absent where nothing
    /// is traced.
    pub trace: Option<TraceContext>,
    output_budget: usize,
    listener: Option<Arc<dyn ToolListener>>,
}

/// A listener to a running call. Implemented by executors.
pub trait ToolListener: fmt::Debug + Send + Sync + 'static {
    /// Takes a sign of life of the call, with its progress if it reports some.
    fn heard(&self, call: &ToolCallId, progress: Option<&str>);
}

impl ToolContext {
    /// The budget of an output where the executor sets none: 51,200 bytes (50 KiB).
    pub const OUTPUT_BUDGET: usize = 50 * 1024;

    /// The context of a call.
    pub fn new(
        session: SessionId,
        turn: TurnId,
        call: ToolCallId,
        idempotency_key: impl Into<String>,
    ) -> Self {
        Self {
            session,
            turn,
            call,
            idempotency_key: idempotency_key.into(),
            evidence: None,
            trace: None,
            output_budget: Self::OUTPUT_BUDGET,
            listener: None,
        }
    }

    /// Sets the listener to the call.
    #[must_use]
    pub fn with_listener(mut self, listener: Arc<dyn ToolListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Sets the evidence of the preview that a person has approved.
    #[must_use]
    pub fn with_evidence(mut self, evidence: Option<String>) -> Self {
        self.evidence = evidence;
        self
    }

    /// Sets the place of the call in a distributed trace.
    #[must_use]
    pub fn with_trace(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace;
        self
    }

    /// Sets the bytes of text that the executor leaves of an output.
    #[must_use]
    pub fn with_output_budget(mut self, bytes: usize) -> Self {
        self.output_budget = bytes;
        self
    }

    /// Returns the bytes of text that the executor leaves of an output; of a longer one it cuts the middle out.
    ///
    /// A tool that cuts its output by itself, because it can say better how to get at the rest, keeps within this
    /// budget together with the remark that says so.
    #[must_use]
    pub fn output_budget(&self) -> usize {
        self.output_budget
    }

    /// Gives a sign of life: the time limit of the call starts again. Cheap enough for every piece of work.
    pub fn heartbeat(&self) {
        if let Some(listener) = &self.listener {
            listener.heard(&self.call, None);
        }
    }

    /// Gives a sign of life and reports the progress of the call to those who watch the turn.
    pub fn progress(&self, message: &str) {
        if let Some(listener) = &self.listener {
            listener.heard(&self.call, Some(message));
        }
    }
}

/// The output of a tool.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ToolOutput {
    /// The content for the model: text, pictures, documents.
    pub content: Vec<Part>,
}

impl From<Vec<Part>> for ToolOutput {
    fn from(content: Vec<Part>) -> Self {
        Self { content }
    }
}

impl From<String> for ToolOutput {
    fn from(text: String) -> Self {
        vec![Part::text(text)].into()
    }
}

impl From<&str> for ToolOutput {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Value> for ToolOutput {
    /// The JSON as text.
    fn from(value: Value) -> Self {
        value.to_string().into()
    }
}

#[cfg(feature = "mock")]
mockall::mock! {
    /// A mock of [`Tool`], made by mockall. It has no preview and no limits of its own.
    #[derive(Debug)]
    pub Tool {}

    #[async_trait]
    impl Tool for Tool {
        fn spec(&self) -> &ToolSpec;
        async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError>;
    }
}
