//! What each coordinator takes of a turn: the calls that one turn makes of it, through its role.
//!
//! Run with `cargo bench -p benches --bench share`. What is left of `turn/victor/10` is the facade's: joining them,
//! and bringing every event to whoever reads it.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use victor_chat::ChatCoordinator;
use victor_chat_protocol::{
    ModelCall, ModelCallError, SuspendedTurn, TurnLimits, TurnPorts, TurnStart,
};
use victor_core::{BoxError, Message, SessionId, ToolCall, TurnId};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::context::WindowRequest;
use victor_orchestrator::prompt::PromptContext;
use victor_orchestrator::provider::{ChatProvider, ChatRequest, CompletionStream};
use victor_orchestrator::session::SessionManagerExt as _;
use victor_orchestrator::tool::Verdict;
use victor_tool_protocol::{GivenApproval, ToolResults};

use benches::{InstantModel, QUESTION, history, orchestrator, runtime, warm_session};

/// How many events of a turn analytics hears of.
const EVENTS: usize = 4;

/// Ports behind which there is only a model.
#[derive(Debug)]
struct OnlyModel;

#[async_trait]
impl TurnPorts for OnlyModel {
    async fn call_model(&self, _: &ModelCall) -> Result<CompletionStream, ModelCallError> {
        let request = ChatRequest::new("m", [Message::user(QUESTION)].into_iter().collect());
        Ok(InstantModel::default().stream_chat(&request).await?)
    }

    async fn review_tools(&self, calls: &[ToolCall], _: &[GivenApproval]) -> Vec<Verdict> {
        vec![Verdict::Run; calls.len()]
    }

    fn run_tools(&self, _: Vec<ToolCall>) -> ToolResults {
        unreachable!("the model calls no tools")
    }

    async fn commit(&self, _: &[Arc<Message>], _: Option<SuspendedTurn>) -> Result<(), BoxError> {
        Ok(())
    }

    fn abandon(&self, _: Vec<Arc<Message>>) {}
}

fn messages() -> [Arc<Message>; 2] {
    [Message::user(QUESTION), Message::assistant("Four.")].map(Arc::new)
}

fn share(c: &mut Criterion) {
    let runtime = runtime();
    let orchestrator = orchestrator(InstantModel::default());
    let session = runtime.block_on(warm_session(&orchestrator, "share", &history(10)));
    let id = session.id();
    let mut group = c.benchmark_group("share");
    let mut measure = |name: &str, call: &dyn Fn()| {
        group.bench_function(name, |b| b.iter(call));
    };
    measure("config", &|| {
        black_box(
            runtime
                .block_on(orchestrator.config_coordinator().load_config(id))
                .ok(),
        );
    });
    measure("prompt", &|| {
        let mut context = PromptContext::new().with_template("default");
        context.insert("session_id", json!(id));
        context.insert("model", json!("m"));
        let prompts = orchestrator.prompt_coordinator();
        black_box(runtime.block_on(prompts.build_system_prompt(&context)));
    });
    measure("session", &|| {
        runtime.block_on(session_calls(&orchestrator, id));
    });
    measure("context", &|| {
        runtime.block_on(context_calls(&orchestrator, id));
    });
    measure("provider", &|| {
        let request = ChatRequest::new("m", session.context());
        let stream = orchestrator.provider_coordinator().stream_chat(request);
        black_box(runtime.block_on(stream.completion()).ok());
    });
    measure("tool", &|| {
        drop(black_box(orchestrator.tool_coordinator().specs()));
    });
    measure("chat", &|| {
        let start = TurnStart::Begin {
            session: id.clone(),
            turn: TurnId::generate(),
            input: Message::user(QUESTION),
            limits: TurnLimits::default(),
            output: None,
        };
        let turn = ChatCoordinator::new().stream_chat(start, Arc::new(OnlyModel));
        black_box(runtime.block_on(turn.response()).ok());
    });
    let events = session.analytics().events;
    let events = &events[events.len() - EVENTS..];
    measure("analytics", &|| {
        for event in events {
            let analytics = orchestrator.analytics_coordinator();
            analytics.track_event(id, event.clone());
        }
    });
    group.finish();
}

async fn session_calls(orchestrator: &AgentOrchestrator, id: &SessionId) {
    let sessions = orchestrator.session_coordinator();
    let lease = sessions.begin_turn(id).await.expect("a lease");
    let turn = TurnId::generate();
    for message in messages() {
        let message = [message];
        let recorded = sessions.record(&lease, turn, &message);
        recorded.await.expect("recorded");
    }
}

fn context_calls(orchestrator: &AgentOrchestrator, id: &SessionId) -> impl Future<Output = ()> {
    let contexts = orchestrator.context_coordinator().clone();
    let id = id.clone();
    async move {
        let [question, answer] = messages();
        contexts.append(&id, &[question]);
        let mut request = WindowRequest::default();
        request.window = Some(100_000_000);
        black_box(contexts.prepare(&id, &request).await.ok());
        contexts.append(&id, &[answer]);
    }
}

criterion_group!(benches, share);
criterion_main!(benches);
