//! Runs calls.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::stream::{self, Stream, StreamExt as _};
use serde_json::Value;
use tokio::task::{Id, JoinSet};
use tracing::{Instrument as _, Span, debug, field, info_span, warn};
use victor_core::{Part, Problems, ToolCall, ToolOutcome, ToolResult, contain, with_causes};
use victor_tool_protocol::{ToolContext, ToolResults, ToolScope};

use crate::registry::{Registered, Registry};
use crate::{ToolOptions, arguments, output};

/// What a running call needs.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    pub(crate) options: ToolOptions,
    pub(crate) registry: Registry,
    pub(crate) problems: Problems,
}

/// Runs the calls, side by side as far as the options allow. Nothing starts before the first poll.
pub(crate) fn results(
    runner: Arc<Runner>,
    calls: Vec<ToolCall>,
    scope: ToolScope,
    span: Span,
) -> ToolResults {
    let slots = runner.options.max_concurrent_calls.max(1);
    let work = Work {
        runner,
        scope: Arc::new(scope),
        span,
    };
    if calls.len() == 1 || slots == 1 {
        // Nothing to run beside each other: the caller's own task does it, and no task is spawned.
        let results = stream::iter(calls).then(move |call| work.clone().run(Arc::new(call)));
        return ToolResults::new(results);
    }
    ToolResults::new(Parallel {
        work,
        slots,
        waiting: calls.into_iter(),
        running: Vec::new(),
        tasks: JoinSet::new(),
    })
}

/// Calls that run side by side, each in a task of its own. Dropping it aborts the tasks.
struct Parallel {
    work: Work,
    slots: usize,
    waiting: std::vec::IntoIter<ToolCall>,
    running: Vec<(Id, Arc<ToolCall>)>,
    tasks: JoinSet<ToolResult>,
}

impl Stream for Parallel {
    type Item = ToolResult;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolResult>> {
        let this = self.get_mut();
        while this.running.len() < this.slots
            && let Some(call) = this.waiting.next()
        {
            let call = Arc::new(call);
            let task = this.tasks.spawn(this.work.clone().run(Arc::clone(&call)));
            this.running.push((task.id(), call));
        }
        let Some(joined) = ready!(this.tasks.poll_join_next_with_id(cx)) else {
            return Poll::Ready(None);
        };
        let id = match &joined {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let index = this.running.iter().position(|(running, _)| *running == id);
        let call = index.map(|index| this.running.swap_remove(index).1);
        Poll::Ready(match joined {
            Ok((_, result)) => Some(result),
            // The runtime of the task has been shut down.
            Err(_) => call.map(|call| {
                ToolResult::new(
                    &call,
                    ToolOutcome::Cancelled,
                    format!(
                        "`{}` was cancelled while it ran; it may have had an effect",
                        call.name
                    ),
                )
            }),
        })
    }
}

#[derive(Clone)]
struct Work {
    runner: Arc<Runner>,
    scope: Arc<ToolScope>,
    span: Span,
}

impl Work {
    async fn run(self, call: Arc<ToolCall>) -> ToolResult {
        let span = info_span!(
            parent: &self.span,
            "tool_call",
            tool = %call.name,
            call = %call.id,
            session = %self.scope.session,
            turn = %self.scope.turn,
            outcome = field::Empty,
        );
        let run = async {
            let result = self.runner.run(&call, &self.scope).await;
            Span::current().record("outcome", field::display(&result.outcome));
            debug!(outcome = %result.outcome, "tool call ended");
            result
        };
        run.instrument(span).await
    }
}

impl Runner {
    /// What a call would do, as its tool shows it to a person. A tool that cannot tell in time shows nothing.
    pub(crate) async fn preview(
        &self,
        tool: &Registered,
        call: &ToolCall,
        scope: &ToolScope,
    ) -> Option<String> {
        let arguments = Value::Object(arguments::parse(call, &tool.spec).ok()?);
        let cx = context(call, scope);
        let shown = contain(async {
            let shown = async { tool.tool.preview(&cx, &arguments).await };
            tokio::time::timeout(self.options.review_timeout, shown).await
        });
        shown.await.ok()?.ok()?
    }

    async fn run(&self, call: &ToolCall, scope: &ToolScope) -> ToolResult {
        let name = &call.name;
        let rejected = |reason: String| ToolResult::new(call, ToolOutcome::Rejected, reason);
        let tool = match self.registry.find(name) {
            Ok(tool) => tool,
            Err(reason) => return rejected(reason),
        };
        let arguments = match arguments::parse(call, &tool.spec) {
            Ok(arguments) => Value::Object(arguments),
            Err(reason) => return rejected(reason),
        };
        let cx = context(call, scope);
        let limit = scope.timeout.unwrap_or(self.options.timeout);
        // The block drops the call within the containment, so that a panic of a `Drop` is contained too.
        let ended = contain(async {
            let call = async { tool.tool.call(&cx, arguments).await };
            tokio::time::timeout(limit, call).await
        })
        .await;
        if ended.is_ok() {
            self.problems.clear(&part(name));
        }
        let (outcome, mut content) = match ended {
            Ok(Ok(Ok(output))) => (ToolOutcome::Success, output.content),
            Ok(Ok(Err(error))) => (ToolOutcome::Error, vec![Part::text(with_causes(&error))]),
            Ok(Err(_)) => {
                let text = format!(
                    "`{name}` was ended after {limit:?}, the longest that a call may take; it may have had an effect: \
                     look before you call it again, and ask for less at once"
                );
                (ToolOutcome::TimedOut, vec![Part::text(text)])
            }
            Err(panicked) => {
                warn!(%panicked, "tool panicked");
                self.problems.report(part(name), &panicked);
                let text = format!(
                    "`{name}` broke down: {panicked}; this is a fault of the tool: do without it, or try other arguments"
                );
                (ToolOutcome::Error, vec![Part::text(text)])
            }
        };
        output::limit(&mut content, self.options.max_output_bytes);
        ToolResult::with_parts(call, outcome, content)
    }
}

/// The name under which a tool's problems are kept.
fn part(tool: &str) -> String {
    format!("tool `{tool}`")
}

fn context(call: &ToolCall, scope: &ToolScope) -> ToolContext {
    ToolContext::new(
        scope.session.clone(),
        scope.turn,
        call.id.clone(),
        idempotency_key(call, scope),
    )
}

/// The call's own key, or one that is the same for every attempt at it where it was given none.
fn idempotency_key(call: &ToolCall, scope: &ToolScope) -> String {
    if call.idempotency_key.is_empty() {
        return format!("{}/{}", scope.turn, call.id);
    }
    call.idempotency_key.clone()
}
