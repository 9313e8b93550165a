//! The tool coordinator behind the modes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use async_trait::async_trait;
use futures_core::Stream;
use victor_core::{
    Coordinator, CoordinatorError, Health, SessionId, ToolCall, ToolOutcome, ToolResult, ToolSpec,
};
use victor_mode_protocol::{ModeManager, Permission};
use victor_tool_protocol::{
    RegisterError, Tool, ToolExecutor, ToolResults, ToolScope, ToolUpdate, Verdict,
};

use crate::ModeManagerExt as _;

/// A tool coordinator that runs only what modes permit: a call that the mode of its session denies does not run,
/// whoever asks for it and whatever was decided about it before.
///
/// The mode decides by the effect that a tool declares, twice: when a call is reviewed, so that nobody is asked to
/// approve a call that may not run, and before it runs, since the mode may have been switched in between.
#[derive(Debug)]
pub struct ModeGuard {
    tools: Arc<dyn ToolExecutor>,
    modes: Arc<dyn ModeManager>,
}

impl ModeGuard {
    /// Guards an executor by the modes of a manager.
    pub fn new(tools: Arc<dyn ToolExecutor>, modes: Arc<dyn ModeManager>) -> Self {
        Self { tools, modes }
    }

    /// Returns for each call why the mode denies it. Calls to unknown tools are left to the executor.
    fn denials<'a>(
        &self,
        calls: impl Iterator<Item = &'a ToolCall>,
        session: &SessionId,
    ) -> Vec<Option<String>> {
        let specs = self.tools.specs();
        let denial = |call: &ToolCall| {
            let spec = specs.iter().find(|spec| spec.name == call.name)?;
            match self.modes.decide(session, spec) {
                Permission::Permitted => None,
                Permission::Denied { reason } => Some(format!("not run: {reason}")),
            }
        };
        calls.map(denial).collect()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Coordinator for ModeGuard {
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

    fn evict(&self, session: &SessionId) {
        self.tools.evict(session);
    }

    async fn shutdown(&self) {
        self.tools.shutdown().await;
    }
}

// `execute_tool_calls` is as provided: it reviews and runs through the guard.
#[async_trait]
impl ToolExecutor for ModeGuard {
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
        let permitted: Vec<_> = calls
            .iter()
            .zip(&denials)
            .filter(|(_, denial)| denial.is_none())
            .map(|(call, _)| call.clone())
            .collect();
        let mut verdicts = self
            .tools
            .review_tool_calls(&permitted, scope)
            .await
            .into_iter();
        let verdict = |denial: Option<String>| match denial {
            Some(reason) => Verdict::Deny { reason },
            None => verdicts.next().unwrap_or_else(|| Verdict::Deny {
                reason: "the tool coordinator gave no verdict about this call".to_owned(),
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
        ToolResults::new(PartlyDenied {
            denied: denied.into_iter(),
            permitted: self.tools.run_tool_calls(permitted, scope),
        })
    }
}

/// The results of a batch of which the mode denies some calls.
struct PartlyDenied {
    denied: vec::IntoIter<ToolResult>,
    permitted: ToolResults,
}

impl Stream for PartlyDenied {
    type Item = ToolUpdate;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ToolUpdate>> {
        match self.denied.next() {
            Some(result) => Poll::Ready(Some(result.into())),
            None => Pin::new(&mut self.permitted).poll_next(cx),
        }
    }
}
