//! One call, from its arguments to its result.

use std::borrow::Borrow;
use std::sync::Arc;

use serde_json::Value;
use tracing::{Instrument as _, Span, debug, field, info_span, warn};
use victor_core::{Effect, Part, Problems, ToolCall, ToolOutcome, ToolResult, with_causes};
use victor_tool_protocol::{Receipt, ToolError};

use super::batch::CallBatch;
use super::invocation::{AttemptOutcome, Attempts, Invocation, Timeout, tool_context};
use super::liveness::Liveness;
use crate::registry::Registry;
use crate::results::{Cache, Cached, Key, Stores};
use crate::{ToolOptions, arguments};

/// Runs calls.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) options: ToolOptions,
    pub(crate) registry: Registry,
    pub(crate) problems: Arc<Problems>,
    pub(crate) cache: Cache,
    pub(crate) stores: Arc<Stores>,
}

impl Runner {
    /// Runs a call of a batch, in a span of its own.
    pub(super) async fn run(
        self: Arc<Self>,
        call: impl Borrow<ToolCall>,
        batch: Arc<CallBatch>,
    ) -> ToolResult {
        let call = call.borrow();
        let span = info_span!(
            parent: &batch.span,
            "tool_call",
            tool = %call.name,
            call = %call.id,
            session = %batch.scope.session,
            turn = %batch.scope.turn,
            outcome = field::Empty,
        );
        let run = async {
            let liveness = Arc::new(Liveness::new(Arc::downgrade(&batch)));
            let result = self.result(call, &batch, &liveness).await;
            liveness.end(&call.id);
            Span::current().record("outcome", field::display(&result.outcome));
            debug!(outcome = %result.outcome, "tool call ended");
            result
        };
        run.instrument(span).await
    }

    /// Finds the tool, reads the arguments and does what the tool's effect demands.
    async fn result(
        &self,
        call: &ToolCall,
        batch: &CallBatch,
        liveness: &Arc<Liveness>,
    ) -> ToolResult {
        let rejected = |reason: String| ToolResult::new(call, ToolOutcome::Rejected, reason);
        let tool = match self.registry.find(&call.name) {
            Ok(tool) => tool,
            Err(reason) => return rejected(reason),
        };
        let arguments = match arguments::parse(call, &tool.spec) {
            Ok(arguments) => Value::Object(arguments),
            Err(reason) => return rejected(reason),
        };
        let context = tool_context(call, &batch.scope)
            .with_output_budget(self.options.max_output_bytes)
            .with_listener(Arc::<Liveness>::clone(liveness));
        let invocation = Invocation {
            options: &self.options,
            call,
            tool: &tool,
            context,
            batch,
            liveness,
        };
        if tool.spec.effect == Effect::ReadOnly {
            self.read(&invocation, arguments).await
        } else {
            self.write(&invocation, arguments).await
        }
    }

    /// Runs a call that changes nothing, unless the cache has its result.
    async fn read(&self, invocation: &Invocation<'_>, arguments: Value) -> ToolResult {
        let Some(time) = invocation.tool.limits.cache_for else {
            return self.execute(invocation, arguments).await.result;
        };
        let call = invocation.call;
        let key = Key::new(&invocation.context.session, &call.name, &arguments);
        match self.cache.look(key).await {
            Cached::Result(content) => {
                debug!("the result comes from the cache");
                ToolResult::with_parts(call, ToolOutcome::Success, content)
            }
            Cached::Nothing(claim) => {
                let result = self.execute(invocation, arguments).await.result;
                if !result.is_error() {
                    claim.keep(&result.content, time, self.options.max_cache_bytes);
                }
                result
            }
        }
    }

    /// Runs a call that may change something: once, as far as receipts tell.
    async fn write(&self, invocation: &Invocation<'_>, arguments: Value) -> ToolResult {
        let (call, context) = (invocation.call, &invocation.context);
        let (session, key) = (&context.session, &context.idempotency_key);
        let name = &call.name;
        match self.stores.begin(session, key).await {
            None | Some(Ok(Receipt::New)) => {}
            Some(Ok(Receipt::Begun)) if invocation.tool.spec.effect == Effect::Idempotent => {}
            Some(Ok(Receipt::Finished(mut result))) => {
                debug!("the call has ended before; its result comes from its receipt");
                result.call_id.clone_from(&call.id);
                return result;
            }
            Some(Ok(_)) => {
                let text = format!(
                    "`{name}` was interrupted after it had begun, and was not run again: it may have had its effect. \
                     Check the current state before calling it again"
                );
                return ToolResult::new(call, ToolOutcome::Interrupted, text);
            }
            Some(Err(problem)) => {
                let text = format!(
                    "`{name}` was not run, because its start could not be recorded ({problem}), and without a record \
                     it might run twice: try again later"
                );
                return ToolResult::new(call, ToolOutcome::Error, text);
            }
        }
        let writing = self.cache.writing();
        let execution = self.execute(invocation, arguments).await;
        drop(writing);
        if execution.nothing_done {
            self.stores.withdraw(session, key).await;
        } else {
            self.stores.finish(session, key, &execution.result).await;
        }
        execution.result
    }

    /// Makes the attempts, and turns their outcome into a result within the limit of output.
    async fn execute(&self, invocation: &Invocation<'_>, arguments: Value) -> Execution {
        let attempts = invocation.attempts(arguments).await;
        self.note_health(invocation, &attempts);
        let tool = invocation.tool;
        let name = &invocation.call.name;
        let outcome = attempts.outcome;
        let nothing_done = matches!(
            outcome,
            AttemptOutcome::Failed(ToolError::Unavailable { .. })
        );
        let (outcome, mut content) = match outcome {
            AttemptOutcome::Done(output) => (ToolOutcome::Success, output.content),
            AttemptOutcome::Failed(error) => {
                let text = failure_text(&error, attempts.count);
                (ToolOutcome::Error, vec![Part::text(text)])
            }
            AttemptOutcome::TimedOut(timeout) => {
                let text = timeout_text(name, &timeout, tool.spec.effect);
                (ToolOutcome::TimedOut, vec![Part::text(text)])
            }
            AttemptOutcome::Panicked(panicked) => {
                let text = format!(
                    "`{name}` broke down: {panicked}; this is a fault of the tool: do without it, or try other \
                    arguments"
                );
                (ToolOutcome::Error, vec![Part::text(text)])
            }
        };
        if !tool.is_builtin {
            let (session, key) = (
                &invocation.context.session,
                &invocation.context.idempotency_key,
            );
            let max = self.options.max_output_bytes;
            self.stores.spill(&mut content, max, session, key).await;
        }
        Execution {
            result: ToolResult::with_parts(invocation.call, outcome, content),
            nothing_done,
        }
    }

    /// Keeps what the attempts say about the tool in the health.
    fn note_health(&self, invocation: &Invocation<'_>, attempts: &Attempts) {
        let (name, component) = (&invocation.call.name, &invocation.tool.component);
        if let Some(time) = attempts.blocked {
            let advice =
                format!("it blocked its thread for {time:.1?}: use `spawn_blocking` for such work");
            warn!(tool = %name, ?time, "a tool blocked its thread");
            self.problems.report(component, &advice);
            let notice = format!("tool `{name}`: {advice}");
            invocation
                .batch
                .progress
                .notice(&invocation.call.id, notice);
        }
        match &attempts.outcome {
            AttemptOutcome::Panicked(panicked) => {
                warn!(%panicked, "tool panicked");
                self.problems.report(component, panicked);
            }
            _ if attempts.blocked.is_none() => self.problems.clear(component),
            _ => {}
        }
    }
}

/// The end of a call.
struct Execution {
    result: ToolResult,
    /// Whether it is certain that the call had no effect.
    nothing_done: bool,
}

/// The text about an error of a tool, for the model.
fn failure_text(error: &ToolError, attempts: u32) -> String {
    let mut text = with_causes(error);
    if attempts > 1 {
        text += &format!("; tried {attempts} times");
    }
    if let ToolError::Unavailable {
        retry_after: Some(time),
        ..
    } = error
    {
        text += &format!("; try again after {time:?} at the earliest");
    }
    text
}

/// The text about a call that took too long, for the model.
fn timeout_text(name: &str, timeout: &Timeout, effect: Effect) -> String {
    let why = match timeout {
        Timeout::Took(time) => format!("after {time:?}, the longest that a call may take"),
        Timeout::Silent(time) => format!("after {time:?} without a sign of life"),
    };
    let advice = if effect == Effect::ReadOnly {
        "ask for less at once"
    } else {
        "it may have had an effect: check the current state before calling it again, and ask for less at once"
    };
    format!("`{name}` was ended {why}; {advice}")
}
