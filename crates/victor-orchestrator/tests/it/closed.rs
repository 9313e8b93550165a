//! One crate is enough: every extension point, and the ports of a turn, are implemented here by what
//! `victor_orchestrator` re-exports.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult,
};
use victor_orchestrator::chat::{
    ChatEngine, ModelCall, ModelCallError, SuspendedTurn, TurnLimits, TurnPorts, TurnStart,
    TurnStream,
};
use victor_orchestrator::checkpoint::{
    Checkpoint, CheckpointError, CheckpointStore, History, HistoryLink, InMemoryCheckpointStore,
};
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::context::{
    CompactionBudget, CompactionError, CompactionStrategy, TokenCounter,
};
use victor_orchestrator::coordinators::chat::ChatCoordinator;
use victor_orchestrator::core::{
    BoxError, CheckpointId, Context, Effect, Message, Messages, ModelId, Part, SessionId, ToolCall,
    ToolResult, ToolSpec, TurnId, Usage,
};
use victor_orchestrator::embedding::{EmbedError, Embedder, Embedding};
use victor_orchestrator::mode::{Mode, ModePolicy, Permission};
use victor_orchestrator::prompt::{Contribution, PromptContext, PromptContributor, PromptError};
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};
use victor_orchestrator::serde_json::{Value, json};
use victor_orchestrator::session::{
    InMemorySessionStore, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch,
    SessionQuery, SessionStore, TranscriptEntry,
};
use victor_orchestrator::tool::{
    ApprovalPolicy, ApprovalRequest, GivenApproval, Receipt, ReceiptStore, ResultPage, ResultStore,
    Tool, ToolContext, ToolError, ToolExecutor, ToolOutput, ToolResults, ToolScope, ToolStoreError,
    Verdict,
};
use victor_orchestrator::tool_selection::{
    SelectionError, SelectionRequest, ToolSelectionStrategy,
};
use victor_orchestrator::{AgentOrchestrator, async_trait};

/// Implements every extension point, and notes which of them were asked.
#[derive(Debug, Clone, Default)]
struct Everything(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: Mutex<Vec<&'static str>>,
    sessions: InMemorySessionStore,
    checkpoints: InMemoryCheckpointStore,
    receipts: Mutex<HashMap<String, Option<ToolResult>>>,
    texts: Mutex<HashMap<String, String>>,
}

impl Everything {
    fn note(&self, what: &'static str) -> &State {
        self.0.asked.lock().unwrap().push(what);
        &self.0
    }

    fn was_asked(&self, what: &str) -> bool {
        self.0.asked.lock().unwrap().contains(&what)
    }
}

#[async_trait]
impl ChatProvider for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        self.note("provider");
        let is_answered = request
            .context
            .messages()
            .last()
            .is_some_and(|last| last.tool_results().next().is_some());
        let part = match is_answered {
            true => Part::text("Done."),
            false => ToolCall::new("c1", "print", json!({}).to_string()).into(),
        };
        let completion = Completion::new(ModelId::new("m"), vec![part], Usage::new(10, 1));
        Ok(CompletionStream::from_events([Ok(
            CompletionEvent::finished(completion),
        )]))
    }

    fn default_model(&self) -> Option<ModelId> {
        Some("m".into())
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.tools = true;
        capabilities
    }
}

/// Prints more than a conversation holds.
#[derive(Debug)]
struct Print(ToolSpec);

#[async_trait]
impl Tool for Print {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, _: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        Ok("line\n".repeat(100_000).into())
    }
}

#[async_trait]
impl ApprovalPolicy for Everything {
    async fn review(&self, _: &ApprovalRequest) -> Verdict {
        self.note("approval");
        Verdict::Run
    }
}

#[async_trait]
impl ReceiptStore for Everything {
    async fn begin(&self, _: &SessionId, key: &str) -> Result<Receipt, ToolStoreError> {
        let mut receipts = self.note("receipts").receipts.lock().unwrap();
        Ok(match receipts.get(key).cloned() {
            Some(Some(result)) => Receipt::Finished(result),
            Some(None) => Receipt::Begun,
            None => {
                receipts.insert(key.to_owned(), None);
                Receipt::New
            }
        })
    }

    async fn finish(
        &self,
        _: &SessionId,
        key: &str,
        result: &ToolResult,
    ) -> Result<(), ToolStoreError> {
        self.0
            .receipts
            .lock()
            .unwrap()
            .insert(key.to_owned(), Some(result.clone()));
        Ok(())
    }

    async fn withdraw(&self, _: &SessionId, key: &str) -> Result<(), ToolStoreError> {
        self.0.receipts.lock().unwrap().remove(key);
        Ok(())
    }

    async fn forget(&self, _: &SessionId) -> Result<(), ToolStoreError> {
        self.0.receipts.lock().unwrap().clear();
        Ok(())
    }
}

#[async_trait]
impl ResultStore for Everything {
    async fn put(&self, _: &SessionId, handle: &str, text: &str) -> Result<(), ToolStoreError> {
        let mut texts = self.note("results").texts.lock().unwrap();
        texts.insert(handle.to_owned(), text.to_owned());
        Ok(())
    }

    async fn read(
        &self,
        _: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, ToolStoreError> {
        let texts = self.0.texts.lock().unwrap();
        Ok(texts
            .get(handle)
            .map(|text| ResultPage::of(text, offset, max_bytes)))
    }

    async fn forget(&self, _: &SessionId) -> Result<(), ToolStoreError> {
        self.0.texts.lock().unwrap().clear();
        Ok(())
    }
}

#[async_trait]
impl SessionStore for Everything {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        self.0.sessions.create_with(session, entries).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        self.note("sessions")
            .sessions
            .commit(session, expected, commit)
            .await
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        self.0.sessions.open_turn(session).await
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.0.sessions.open_turns().await
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        self.0.sessions.load(session, from).await
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        self.0.sessions.info(session).await
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.0.sessions.update(session, patch).await
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        self.0.sessions.find(query).await
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.0.sessions.clear(session, patch).await
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        self.0.sessions.delete(session).await
    }
}

#[async_trait]
impl CheckpointStore for Everything {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        self.note("checkpoints")
            .checkpoints
            .save(checkpoint, links)
            .await
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        self.0.checkpoints.load(id).await
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        self.0.checkpoints.messages(history).await
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.0.checkpoints.list(session).await
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        self.0.checkpoints.delete(ids).await
    }
}

#[async_trait]
impl ConfigProvider for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    async fn get_config(&self, _: &SessionId) -> Result<ConfigMap, ConfigError> {
        self.note("config");
        Ok(ConfigMap::new())
    }
}

#[async_trait]
impl PromptContributor for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        self.note("prompt");
        Ok("Be brief.".into())
    }
}

#[async_trait]
impl CompactionStrategy for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        self.note("compaction");
        Ok(context.clone())
    }
}

impl TokenCounter for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    fn count_text(&self, text: &str) -> u32 {
        u32::try_from(text.len()).unwrap_or(u32::MAX)
    }

    fn count_message(&self, message: &Message) -> u32 {
        self.note("tokens");
        self.count_text(&message.text())
    }
}

#[async_trait]
impl AnalyticsExporter for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        self.note("analytics");
        Ok(ExportResult::exported(events.len()))
    }
}

/// A mode that reads.
#[derive(Debug)]
struct Reading(Mode);

impl ModePolicy for Reading {
    fn mode(&self) -> &Mode {
        &self.0
    }

    fn permits(&self, tool: &ToolSpec) -> Permission {
        self.0.permits(tool)
    }
}

#[async_trait]
impl ToolSelectionStrategy for Everything {
    fn name(&self) -> &str {
        "everything"
    }

    async fn score(
        &self,
        _: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        self.note("selection");
        Ok(vec![1.0; tools.len()])
    }
}

/// Sees no difference between texts.
#[derive(Debug)]
struct Flat(ModelId);

#[async_trait]
impl Embedder for Flat {
    fn model(&self) -> &ModelId {
        &self.0
    }

    fn dimensions(&self) -> usize {
        1
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        texts
            .iter()
            .map(|_| Embedding::new(vec![1.0]).map_err(Into::into))
            .collect()
    }
}

#[tokio::test]
async fn every_extension_point_is_reachable_from_one_crate() {
    use victor_orchestrator::coordinators::context::ContextCoordinator;
    let all = Everything::default();
    let print =
        ToolSpec::new("print", "Prints", json!({"type": "object"})).with_effect(Effect::Write);
    let context = ContextCoordinator::builder()
        .counter(Arc::new(all.clone()))
        .build();
    let orchestrator = AgentOrchestrator::builder()
        .provider(all.clone())
        .tool(Print(print))
        .approval_policy(all.clone())
        .receipt_store(all.clone())
        .result_store(all.clone())
        .session_store(all.clone())
        .checkpoint_store(all.clone())
        .config_provider(all.clone())
        .prompt_contributor(all.clone())
        .context_coordinator(Arc::new(context))
        .register_compaction_strategy("everything", all.clone())
        .analytics_exporter(all.clone())
        .mode(Reading(Mode::new("reading", Effect::ReadOnly)))
        .register_tool_selection_strategy(all.clone())
        .setting("tool_selection_strategy", "everything")
        .setting("tool_selection_limit", 1)
        .setting("context_compaction_strategy", "everything")
        .build()
        .unwrap();
    let session = orchestrator.session("s");
    let response = session.chat("Print it").await.unwrap();
    assert_eq!(response.content(), "Done.");
    session.checkpoint(Some("printed")).await.unwrap();
    // The strategy makes nothing smaller, which is an error of its own.
    assert!(session.compact().await.is_err());
    orchestrator.shutdown().await;
    for point in [
        "provider",
        "approval",
        "receipts",
        "results",
        "sessions",
        "checkpoints",
        "config",
        "prompt",
        "tokens",
        "analytics",
        "compaction",
        "selection",
    ] {
        assert!(all.was_asked(point), "{point}");
    }
    let embedded = Flat("flat".into()).embed(&["a", "b"]).await.unwrap();
    assert_eq!(embedded[0].cosine(&embedded[1]), Some(1.0));
}

/// The ports of a turn without an orchestrator: a model, the default executor, and a list.
#[derive(Debug)]
struct Ports {
    model: Everything,
    tools: victor_orchestrator::coordinators::tool::ToolCoordinator,
    messages: Mutex<Vec<Arc<Message>>>,
}

impl Ports {
    fn scope() -> ToolScope {
        ToolScope::new("s".into(), TurnId::generate())
    }
}

#[async_trait]
impl TurnPorts for Ports {
    async fn call_model(&self, _: &ModelCall) -> Result<CompletionStream, ModelCallError> {
        let context = Context::from_iter(self.messages.lock().unwrap().iter().cloned());
        let stream = self
            .model
            .stream_chat(&ChatRequest::new("m", context))
            .await;
        stream.map_err(ModelCallError::from)
    }

    async fn review_tools(&self, calls: &[ToolCall], _: &[GivenApproval]) -> Vec<Verdict> {
        self.tools.review_tool_calls(calls, &Self::scope()).await
    }

    fn run_tools(&self, calls: Vec<ToolCall>) -> ToolResults {
        self.tools.run_tool_calls(calls, &Self::scope())
    }

    async fn commit(
        &self,
        messages: &[Arc<Message>],
        _: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        self.messages.lock().unwrap().extend_from_slice(messages);
        Ok(())
    }

    fn abandon(&self, messages: Vec<Arc<Message>>) {
        self.messages.lock().unwrap().extend(messages);
    }
}

#[tokio::test]
async fn a_turn_runs_on_ports_of_the_program() {
    use victor_orchestrator::coordinators::tool::ToolCoordinator;
    let tools = ToolCoordinator::new();
    let print =
        ToolSpec::new("print", "Prints", json!({"type": "object"})).with_effect(Effect::Write);
    tools.register(Arc::new(Print(print))).unwrap();
    let (session, turn) = (SessionId::from("s"), TurnId::generate());
    let ports = Arc::new(Ports {
        model: Everything::default(),
        tools,
        messages: Mutex::default(),
    });
    let start = TurnStart::Begin {
        session: session.clone(),
        turn,
        input: Message::user("Print it"),
        limits: TurnLimits::default(),
        output: None,
    };
    let used = ports.clone();
    let stream = TurnStream::new(session, turn, async move |events| {
        ChatCoordinator::new().run_turn(start, used, &events).await
    });
    assert_eq!(stream.response().await.unwrap().content(), "Done.");
    assert_eq!(
        ports.messages.lock().unwrap().len(),
        4,
        "input, call, result and answer"
    );
}

#[test]
fn this_file_uses_no_other_crate_of_ours() {
    let lines = include_str!("closed.rs").lines();
    let uses: Vec<_> = lines
        .filter_map(|line| line.trim().strip_prefix("use "))
        .collect();
    assert!(uses.len() > 15);
    for path in uses {
        assert!(
            path.starts_with("std::") || path.starts_with("victor_orchestrator::"),
            "{path}"
        );
    }
}
