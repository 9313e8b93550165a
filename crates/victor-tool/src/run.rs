//! Runs a call, from its arguments to its result.

use std::sync::Arc;

use serde_json::Value;
use tracing::{debug, warn};
use victor_core::{Effect, Part, Problems, ToolCall, ToolOutcome, ToolResult, with_causes};
use victor_tool_protocol::{Receipt, ToolContext, ToolError, ToolScope};

use crate::attempt::{Attempts, Ended, Timeout, Tried};
use crate::cache::{Cache, Key, Known};
use crate::pulse::Pulse;
use crate::registry::Registry;
use crate::schedule::Work;
use crate::stores::Stores;
use crate::{ToolOptions, arguments};

/// What a running call needs.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) options: ToolOptions,
    pub(crate) registry: Registry,
    pub(crate) problems: Arc<Problems>,
    pub(crate) cache: Cache,
    pub(crate) stores: Arc<Stores>,
}

impl Runner {
    pub(crate) async fn run(&self, call: &ToolCall, work: &Work, pulse: &Arc<Pulse>) -> ToolResult {
        let rejected = |reason: String| ToolResult::new(call, ToolOutcome::Rejected, reason);
        let tool = match self.registry.find(&call.name) {
            Ok(tool) => tool,
            Err(reason) => return rejected(reason),
        };
        let arguments = match arguments::parse(call, &tool.spec) {
            Ok(arguments) => Value::Object(arguments),
            Err(reason) => return rejected(reason),
        };
        let run = Attempts {
            call,
            tool: &tool,
            cx: context(call, &work.scope).with_listener(pulse.clone()),
            work,
            pulse,
        };
        if tool.spec.effect == Effect::ReadOnly {
            self.read(&run, arguments).await
        } else {
            self.write(&run, arguments).await
        }
    }

    /// A call that changes nothing: it may be answered from what is known already.
    async fn read(&self, run: &Attempts<'_>, arguments: Value) -> ToolResult {
        let Some(time) = run.tool.limits.cache_for else {
            return self.work(run, arguments).await.result;
        };
        let key = Key::new(&run.work.scope.session, &run.call.name, &arguments);
        match self.cache.look(key).await {
            Known::Result(content) => {
                debug!("the result is given again");
                ToolResult::with_parts(run.call, ToolOutcome::Success, content)
            }
            Known::Nothing(claim) => {
                let result = self.work(run, arguments).await.result;
                if !result.is_error() {
                    claim.keep(&result.content, time, self.options.max_cache_bytes);
                }
                result
            }
        }
    }

    /// A call that may change something: it does so once, as far as receipts tell.
    async fn write(&self, run: &Attempts<'_>, arguments: Value) -> ToolResult {
        let (session, key) = (&run.work.scope.session, &run.cx.idempotency_key);
        let name = &run.call.name;
        match self.stores.begin(session, key).await {
            None | Some(Ok(Receipt::New)) => {}
            Some(Ok(Receipt::Begun)) if run.tool.spec.effect == Effect::Idempotent => {}
            Some(Ok(Receipt::Finished(mut result))) => {
                debug!("the call has ended before; its result is given again");
                result.call_id.clone_from(&run.call.id);
                return result;
            }
            Some(Ok(_)) => {
                let text = format!(
                    "`{name}` had begun when the work was interrupted, and nobody knows what came of it: it may have had \
                     its effect; it was not run again. Look what is there before you call it once more"
                );
                return ToolResult::new(run.call, ToolOutcome::Interrupted, text);
            }
            Some(Err(problem)) => {
                let text = format!(
                    "`{name}` was not run, because it could not be noted that it begins ({problem}), and without that \
                     it might run twice: try again later"
                );
                return ToolResult::new(run.call, ToolOutcome::Error, text);
            }
        }
        let writing = self.cache.writing();
        let worked = self.work(run, arguments).await;
        drop(writing);
        if worked.nothing_done {
            self.stores.withdraw(session, key).await;
        } else {
            self.stores.finish(session, key, &worked.result).await;
        }
        worked.result
    }

    /// Runs the call and says what came of it, within limits.
    async fn work(&self, run: &Attempts<'_>, arguments: Value) -> Worked {
        let Tried {
            ended,
            attempts,
            blocked,
        } = self.attempts(run, arguments).await;
        let (name, part) = (&run.call.name, &run.tool.part);
        match blocked {
            Some(time) => {
                let advice = format!(
                    "it blocked its thread for {time:.1?}: use `spawn_blocking` for such work"
                );
                warn!(tool = %name, ?time, "a tool blocked its thread");
                self.problems.report(part, advice);
            }
            None if matches!(ended, Ended::Panicked(_)) => {}
            None => self.problems.clear(part),
        }
        let nothing_done = matches!(ended, Ended::Failed(ToolError::Unavailable { .. }));
        let (outcome, mut content) = match ended {
            Ended::Well(output) => (ToolOutcome::Success, output.content),
            Ended::Failed(error) => {
                let text = told(&error, attempts);
                (ToolOutcome::Error, vec![Part::text(text)])
            }
            Ended::TimedOut(timeout) => {
                let text = timed_out(name, &timeout, run.tool.spec.effect);
                (ToolOutcome::TimedOut, vec![Part::text(text)])
            }
            Ended::Panicked(panicked) => {
                warn!(%panicked, "tool panicked");
                self.problems.report(part, &panicked);
                let text = format!(
                    "`{name}` broke down: {panicked}; this is a fault of the tool: do without it, or try other arguments"
                );
                (ToolOutcome::Error, vec![Part::text(text)])
            }
        };
        if !run.tool.is_ours {
            let (session, key) = (&run.work.scope.session, &run.cx.idempotency_key);
            let max = self.options.max_output_bytes;
            self.stores.spill(&mut content, max, session, key).await;
        }
        Worked {
            result: ToolResult::with_parts(run.call, outcome, content),
            nothing_done,
        }
    }
}

/// What came of a call.
struct Worked {
    result: ToolResult,
    /// Whether it is certain that it has had no effect.
    nothing_done: bool,
}

/// The error as the model is told it.
fn told(error: &ToolError, attempts: u32) -> String {
    let mut text = with_causes(error);
    if attempts > 1 {
        text += &format!("; tried {attempts} times");
    }
    if let ToolError::Unavailable {
        retry_after: Some(time),
        ..
    } = error
    {
        text += &format!("; trying again is of no use before {time:?} have passed");
    }
    text
}

fn timed_out(name: &str, timeout: &Timeout, effect: Effect) -> String {
    let why = match timeout {
        Timeout::Took(time) => format!("after {time:?}, the longest that a call may take"),
        Timeout::Silent(time) => format!("after {time:?} without a sign of life"),
    };
    let advice = if effect == Effect::ReadOnly {
        "ask for less at once"
    } else {
        "it may have had an effect: look before you call it again, and ask for less at once"
    };
    format!("`{name}` was ended {why}; {advice}")
}

pub(crate) fn context(call: &ToolCall, scope: &ToolScope) -> ToolContext {
    ToolContext::new(
        scope.session.clone(),
        scope.turn,
        call.id.clone(),
        idempotency_key(call, scope),
    )
    .with_evidence(call.evidence.clone())
}

/// The call's own key, or one that is the same for every attempt at it where it was given none.
fn idempotency_key(call: &ToolCall, scope: &ToolScope) -> String {
    if call.idempotency_key.is_empty() {
        return format!("{}/{}", scope.turn, call.id);
    }
    call.idempotency_key.clone()
}
