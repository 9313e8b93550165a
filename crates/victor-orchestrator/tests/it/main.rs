//! The orchestrator from outside: the way of a message, what holds when parts fail, sessions, and building.

mod build;
mod chaos;
mod checkpoints;
mod closed;
#[cfg(unix)]
mod cluster;
#[cfg(unix)]
mod crash;
mod custom;
mod dialects;
mod errors;
mod faults;
mod injection;
mod keyed;
mod leases;
mod live_evaluation;
mod metrics;
mod modes;
mod money;
mod names;
mod observers;
mod otel;
#[cfg(unix)]
mod outbox;
mod per_session;
mod policies;
#[cfg(unix)]
mod processes;
mod recall;
mod reconfigured;
mod recovery;
mod refusals;
mod scenarios;
mod selection;
mod sessions;
#[cfg(unix)]
mod sweep;
mod templates;
mod tools;
#[cfg(feature = "typed")]
mod typed;
mod way;
mod window;
mod workflows;

use std::sync::{Arc, Mutex};

use serde_json::json;
use victor_core::{Effect, ToolSpec};
use victor_orchestrator::tool::{
    ApprovalPolicy, ApprovalRequest, Tool, ToolContext, ToolError, ToolOutput, Verdict,
};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder};
use victor_testkit::ScriptedModel;

/// A builder with a scripted model.
fn builder(model: ScriptedModel) -> (Arc<ScriptedModel>, AgentOrchestratorBuilder) {
    let model = Arc::new(model);
    (
        model.clone(),
        AgentOrchestrator::builder()
            .provider(model)
            .model("scripted"),
    )
}

fn orchestrator(model: ScriptedModel) -> AgentOrchestrator {
    builder(model).1.build().unwrap()
}

/// A tool that remembers what it was called with.
#[derive(Debug)]
struct Note {
    spec: ToolSpec,
    calls: Mutex<Vec<(String, serde_json::Value)>>,
}

impl Note {
    fn new(name: &str) -> Arc<Self> {
        let schema = json!({
            "type": "object",
            "properties": { "text": { "type": "string" } },
            "required": ["text"],
        });
        let spec = ToolSpec::new(name, "Takes a note", schema).with_effect(Effect::Write);
        Arc::new(Self {
            spec,
            calls: Mutex::default(),
        })
    }

    fn calls(&self) -> Vec<(String, serde_json::Value)> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl Tool for Note {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(
        &self,
        cx: &ToolContext,
        arguments: serde_json::Value,
    ) -> Result<ToolOutput, ToolError> {
        self.calls
            .lock()
            .unwrap()
            .push((cx.idempotency_key.clone(), arguments));
        Ok("noted".into())
    }
}

/// Asks about everything.
#[derive(Debug)]
struct AskAlways;

#[async_trait::async_trait]
impl ApprovalPolicy for AskAlways {
    async fn review(&self, request: &ApprovalRequest) -> Verdict {
        Verdict::ask(format!("run {}?", request.call.name))
    }
}

/// A stream of one item.
fn once<T: Unpin + Send + 'static>(value: T) -> impl futures_core::Stream<Item = T> + Send {
    struct Once<T>(Option<T>);
    impl<T: Unpin> futures_core::Stream for Once<T> {
        type Item = T;
        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<T>> {
            std::task::Poll::Ready(self.0.take())
        }
    }
    Once(Some(value))
}
