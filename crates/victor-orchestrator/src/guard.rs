//! Tools within what modes permit.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use async_trait::async_trait;
use futures_core::Stream;
use victor_core::{
    Coordinator, CoordinatorError, Health, SessionId, ToolCall, ToolOutcome, ToolResult, ToolSpec,
    contain_sync,
};
use victor_mode_protocol::{Mode, ModeManager, Permission};
use victor_tool_protocol::{
    RegisterError, Tool, ToolExecutor, ToolResults, ToolScope, ToolUpdate, Verdict,
};

/// The tool coordinator within what modes permit: a call that the mode of its session does not permit does not run,
/// whoever asks for it and whatever was decided about it before.
///
/// A mode is asked by the effect that a tool declares, twice: when a call is reviewed, so that nobody is asked to approve
/// what may not run, and when it is to run, since the mode may have been switched in between.
#[derive(Debug)]
pub(crate) struct GuardedTools {
    tools: Arc<dyn ToolExecutor>,
    modes: Arc<dyn ModeManager>,
}

impl GuardedTools {
    pub(crate) fn new(tools: Arc<dyn ToolExecutor>, modes: Arc<dyn ModeManager>) -> Self {
        Self { tools, modes }
    }

    /// Why each call may not run; those of tools that there are not are left to who knows the tools.
    fn denials<'a>(
        &self,
        calls: impl Iterator<Item = &'a ToolCall>,
        session: &SessionId,
    ) -> Vec<Option<String>> {
        let specs = self.tools.specs();
        let denial = |call: &ToolCall| {
            let spec = specs.iter().find(|spec| spec.name == call.name)?;
            match permits(&*self.modes, session, spec) {
                Permission::Permitted => None,
                Permission::Denied { reason } => Some(format!("not run: {reason}")),
            }
        };
        calls.map(denial).collect()
    }
}

/// What a mode says about a tool. One that panics denies.
pub(crate) fn permits(modes: &dyn ModeManager, session: &SessionId, spec: &ToolSpec) -> Permission {
    contain_sync(|| modes.permits(session, spec))
        .unwrap_or_else(|panicked| Permission::denied(format!("the mode coordinator {panicked}")))
}

/// What follows from the mode that a session is in; nothing if who knows it panics.
pub(crate) fn in_mode<T>(
    modes: Option<&Arc<dyn ModeManager>>,
    session: &SessionId,
    read: impl FnOnce(&Mode) -> T,
) -> Option<T> {
    let modes = modes?;
    contain_sync(|| read(modes.mode(session).mode())).ok()
}

#[async_trait]
impl Coordinator for GuardedTools {
    fn name(&self) -> &str {
        self.tools.name()
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        self.tools.initialize().await
    }

    fn health(&self) -> Health {
        self.tools.health()
    }

    fn reset(&self, session: &SessionId) {
        self.tools.reset(session);
    }

    async fn shutdown(&self) {
        self.tools.shutdown().await;
    }
}

// `execute_tool_calls` is as provided: it reviews and runs through the guard.
#[async_trait]
impl ToolExecutor for GuardedTools {
    fn register(&self, tool: Arc<dyn Tool>) -> Result<(), RegisterError> {
        self.tools.register(tool)
    }

    fn unregister(&self, name: &str) -> bool {
        self.tools.unregister(name)
    }

    fn specs(&self) -> Arc<[ToolSpec]> {
        self.tools.specs()
    }

    async fn review_tool_calls(&self, calls: &[ToolCall], scope: &ToolScope) -> Vec<Verdict> {
        let denials = self.denials(calls.iter(), &scope.session);
        if denials.iter().all(Option::is_none) {
            return self.tools.review_tool_calls(calls, scope).await;
        }
        let permitted = calls.iter().zip(&denials);
        let permitted = permitted.filter(|(_, denial)| denial.is_none());
        let permitted: Vec<_> = permitted.map(|(call, _)| call.clone()).collect();
        let mut verdicts = self
            .tools
            .review_tool_calls(&permitted, scope)
            .await
            .into_iter();
        let verdict = |denial: Option<String>| match denial {
            Some(reason) => Verdict::Deny { reason },
            None => verdicts.next().unwrap_or_else(|| Verdict::Deny {
                reason: "nobody decided about this call".to_owned(),
            }),
        };
        denials.into_iter().map(verdict).collect()
    }

    fn run_tool_calls(&self, calls: Vec<ToolCall>, scope: &ToolScope) -> ToolResults {
        let denials = self.denials(calls.iter(), &scope.session);
        if denials.iter().all(Option::is_none) {
            return self.tools.run_tool_calls(calls, scope);
        }
        let (mut denied, mut permitted) = (Vec::new(), Vec::new());
        for (call, denial) in calls.into_iter().zip(denials) {
            match denial {
                Some(reason) => denied.push(ToolResult::new(&call, ToolOutcome::Denied, reason)),
                None => permitted.push(call),
            }
        }
        ToolResults::new(Running {
            denied: denied.into_iter(),
            permitted: self.tools.run_tool_calls(permitted, scope),
        })
    }
}

/// Results of calls of which some may not run.
struct Running {
    denied: vec::IntoIter<ToolResult>,
    permitted: ToolResults,
}

impl Stream for Running {
    type Item = ToolUpdate;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolUpdate>> {
        match self.denied.next() {
            Some(result) => Poll::Ready(Some(result.into())),
            None => Pin::new(&mut self.permitted).poll_next(cx),
        }
    }
}

#[cfg(all(test, feature = "mode", feature = "tool"))]
mod tests {
    use victor_testkit::conformance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_keeps_the_laws_of_executors() {
        conformance::tool_executor(async || {
            let tools = Arc::new(victor_tool::ToolCoordinator::new());
            GuardedTools::new(tools, Arc::new(victor_mode::ModeCoordinator::new()))
        })
        .await;
    }
}
