//! What is there after the end of a process: the turn is interrupted after each write to the store, and goes on in
//! another process that has nothing but the store.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Effect, Part, SessionId, ToolCall, ToolSpec, Usage};
use victor_orchestrator::chat::{Approval, TurnOutcome};
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};
use victor_orchestrator::session::{
    InMemorySessionStore, SessionError, SessionInfo, SessionPatch, SessionQuery, SessionStore,
    TranscriptEntry,
};
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};
use victor_orchestrator::{AgentOrchestrator, RecoveredTurn, RecoveryPolicy};
use victor_session_protocol::{OpenTurn, SessionCommit};

use crate::{AskAlways, once};

/// A store that counts as durable, and knows what was written to it.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    inner: InMemorySessionStore,
    pub(crate) commits: Mutex<Vec<(SessionId, u64, SessionCommit)>>,
}

impl Disk {
    /// The store as it was after the first `count` writes.
    pub(crate) async fn after(commits: &[(SessionId, u64, SessionCommit)]) -> Arc<Self> {
        let disk = Self::default();
        for (session, expected, commit) in commits {
            disk.inner.commit(session, *expected, commit).await.unwrap();
        }
        Arc::new(disk)
    }

    async fn texts(&self) -> Vec<String> {
        let entries = self.load(&SessionId::default(), 0).await.unwrap();
        let show = |entry: TranscriptEntry| {
            let message = entry.message;
            let results: Vec<_> = message
                .tool_results()
                .map(|result| result.text().into_owned())
                .collect();
            format!(
                "{}: {}{}",
                message.role(),
                message.text(),
                results.join(", ")
            )
        };
        entries.into_iter().map(show).collect()
    }
}

#[async_trait]
impl SessionStore for Disk {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        self.inner.create_with(session, entries).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let version = self.inner.commit(session, expected, commit).await?;
        let mut commits = self.commits.lock().unwrap();
        commits.push((session.clone(), expected, commit.clone()));
        Ok(version)
    }

    fn persists_turns(&self) -> bool {
        true
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        self.inner.open_turn(session).await
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.inner.open_turns().await
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        self.inner.load(session, from).await
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        self.inner.info(session).await
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.inner.update(session, patch).await
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        self.inner.find(query).await
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.inner.clear(session, patch).await
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        self.inner.delete(session).await
    }
}

/// Answers by what the conversation holds, so that it says the same in whichever process it is asked.
#[derive(Debug)]
struct Model;

#[async_trait]
impl ChatProvider for Model {
    fn name(&self) -> &str {
        "by heart"
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        let results = request
            .context
            .messages()
            .iter()
            .map(|message| message.tool_results().count());
        let call =
            |id: &str, n: u32| Part::from(ToolCall::new(id, "add", json!({ "n": n }).to_string()));
        let parts = match results.sum::<usize>() {
            0 => vec![call("a", 1), call("b", 2)],
            2 => vec![Part::text("and once more"), call("c", 3)],
            _ => vec![Part::text("done")],
        };
        Ok(Completion::new("m".into(), parts, Usage::new(10, 1)))
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let completion = self.chat(request).await?;
        Ok(CompletionStream::new(once(Ok(CompletionEvent::finished(
            completion,
        )))))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

/// Adds up what it is given, once for each key.
#[derive(Debug)]
struct Add(ToolSpec);

#[async_trait]
impl Tool for Add {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        Ok(format!(
            "{} under {}",
            arguments["n"],
            cx.idempotency_key.split_once('/').unwrap().1
        )
        .into())
    }
}

fn orchestrator(disk: &Arc<Disk>, asks: bool) -> AgentOrchestrator {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let add = Add(ToolSpec::new("add", "Adds", schema).with_effect(Effect::Write));
    let builder = AgentOrchestrator::builder()
        .provider(Arc::new(Model))
        .model("m")
        .session_store(disk.clone())
        .tool(Arc::new(add));
    match asks {
        true => builder.approval_policy(Arc::new(AskAlways)),
        false => builder,
    }
    .build()
    .unwrap()
}

#[tokio::test]
async fn a_turn_goes_on_wherever_it_was_interrupted() {
    let disk = Arc::<Disk>::default();
    orchestrator(&disk, false).chat("add").await.unwrap();
    let whole = disk.texts().await;
    assert_eq!(
        whole,
        [
            "user: add",
            "assistant: ",
            "tool: 1 under 1/0, 2 under 1/1",
            "assistant: and once more",
            "tool: 3 under 2/0",
            "assistant: done",
        ]
    );
    assert!(disk.open_turns().await.unwrap().is_empty());
    let commits = disk.commits.lock().unwrap().clone();
    assert_eq!(
        commits.len(),
        6,
        "the message, twice the calls and their results, the answer"
    );
    for count in 1..commits.len() {
        let disk = Disk::after(&commits[..count]).await;
        let recovered = orchestrator(&disk, false)
            .recover(RecoveryPolicy::Resume)
            .await
            .unwrap();
        let [recovered] = &recovered[..] else {
            panic!("after {count} writes: {recovered:?}")
        };
        let RecoveredTurn::Ended(response) = &recovered.result else {
            panic!("after {count} writes: {recovered:?}")
        };
        assert_eq!(response.content(), "done");
        assert_eq!(response.messages.len(), 6);
        assert_eq!(disk.texts().await, whole, "after {count} writes");
        assert!(disk.open_turns().await.unwrap().is_empty());

        // And nothing is left to recover.
        let again = orchestrator(&disk, false)
            .recover(RecoveryPolicy::Resume)
            .await
            .unwrap();
        assert!(again.is_empty());
    }
}

#[tokio::test]
async fn a_turn_that_is_closed_leaves_a_conversation_that_goes_on() {
    let disk = Arc::<Disk>::default();
    orchestrator(&disk, false).chat("add").await.unwrap();
    let commits = disk.commits.lock().unwrap().clone();
    for count in 1..commits.len() {
        let disk = Disk::after(&commits[..count]).await;
        let orchestrator = orchestrator(&disk, false);
        let recovered = orchestrator.recover(RecoveryPolicy::Close).await.unwrap();
        let RecoveredTurn::Ended(response) = &recovered[0].result else {
            panic!("{recovered:?}")
        };
        assert_eq!(response.outcome, TurnOutcome::Cancelled);
        orchestrator
            .session("default")
            .context()
            .messages()
            .validate()
            .unwrap();
        assert!(disk.open_turns().await.unwrap().is_empty());
        assert_eq!(
            orchestrator.chat("again").await.unwrap().outcome,
            TurnOutcome::Completed
        );
    }
}

#[tokio::test]
async fn a_turn_that_waits_for_a_person_waits_in_the_next_process_too() {
    let disk = Arc::<Disk>::default();
    let response = orchestrator(&disk, true).chat("add").await.unwrap();
    assert_eq!(response.outcome, TurnOutcome::AwaitingApproval);

    let orchestrator = orchestrator(&disk, true);
    let recovered = orchestrator.recover(RecoveryPolicy::Resume).await.unwrap();
    assert!(
        matches!(&recovered[0].result, RecoveredTurn::Waiting(turn) if turn.approvals.len() == 2)
    );
    let session = orchestrator.session("default");
    let turn = session.open_turn().await.unwrap().unwrap();
    let decisions: Vec<_> = turn
        .approvals
        .iter()
        .map(|asked| Approval::approve(asked.call.id.clone()))
        .collect();
    let response = session.resume(turn, decisions).response().await.unwrap();
    assert_eq!(
        response.outcome,
        TurnOutcome::AwaitingApproval,
        "the next call is asked about as well"
    );
    let turn = session.open_turn().await.unwrap().unwrap();
    assert_eq!(turn.approvals[0].call.id.as_str(), "c");
    let denied = vec![Approval::deny("c", "enough")];
    let response = session.resume(turn, denied).response().await.unwrap();
    assert_eq!(response.content(), "done");
    assert!(session.open_turn().await.unwrap().is_none());
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_is_told_of_and_stays() {
    let disk = Arc::<Disk>::default();
    orchestrator(&disk, false).chat("add").await.unwrap();
    let mut commits = disk.commits.lock().unwrap().clone();
    commits.truncate(2);
    let victor_session_protocol::TurnChange::Open(open) = &mut commits[1].2.turn else {
        panic!()
    };
    open.state = "rubbish".into();
    let disk = Disk::after(&commits).await;
    let orchestrator = orchestrator(&disk, false);
    let recovered = orchestrator.recover(RecoveryPolicy::Resume).await.unwrap();
    let RecoveredTurn::Failed(error) = &recovered[0].result else {
        panic!("{recovered:?}")
    };
    assert!(
        error.to_string().contains("its journal cannot be read"),
        "{error}"
    );
    assert_eq!(disk.open_turns().await.unwrap().len(), 1);
    // The conversation goes on without it.
    orchestrator.chat("again").await.unwrap();
    assert!(disk.open_turns().await.unwrap().is_empty());
}

/// The sessions that it was asked to evict.
#[derive(Debug, Default)]
struct Evicted(Mutex<Vec<SessionId>>);

impl victor_core::Coordinator for Evicted {
    fn name(&self) -> &str {
        "evicted"
    }

    fn evict(&self, session: &SessionId) {
        self.0.lock().unwrap().push(session.clone());
    }
}

#[tokio::test]
async fn idle_sessions_leave_memory_and_come_back() {
    let disk = Arc::<Disk>::default();
    let evicted = Arc::<Evicted>::default();
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let orchestrator = AgentOrchestrator::builder()
        .provider(Arc::new(Model))
        .model("m")
        .session_store(disk.clone())
        .memory(victor_orchestrator::MemoryLimits::default().with_sessions(8))
        .custom_coordinator("evicted", evicted.clone())
        .tool(Arc::new(Add(ToolSpec::new("add", "Adds", schema))))
        .build()
        .unwrap();
    for number in 0..30 {
        orchestrator
            .session(format!("s{number}"))
            .chat("add")
            .await
            .unwrap();
    }
    let in_memory = |number: u32| {
        !orchestrator
            .session(format!("s{number}"))
            .context()
            .messages()
            .is_empty()
    };
    let kept: Vec<u32> = (0..30).filter(|number| in_memory(*number)).collect();
    assert!(kept.len() <= 8 && kept.contains(&29), "{kept:?}");
    assert!(!kept.contains(&0));
    let gone: Vec<_> = (0..30)
        .filter(|number| !kept.contains(number))
        .map(|number| SessionId::new(format!("s{number}")))
        .collect();
    assert_eq!(*evicted.0.lock().unwrap(), gone);
    let response = orchestrator.session("s0").chat("and again").await.unwrap();
    assert_eq!(response.content(), "done");
    assert_eq!(orchestrator.session("s0").context().messages().len(), 8);
}

#[tokio::test]
async fn a_mode_is_kept_with_its_session() {
    let disk = Arc::<Disk>::default();
    let first = orchestrator(&disk, false);
    first.chat("add").await.unwrap();
    first
        .session("default")
        .switch_mode_by("plan", victor_orchestrator::mode::SwitchedBy::Person)
        .unwrap();
    let mut stream = first.stream_chat("and now?");
    let mut switched = Vec::new();
    while let Some(event) = stream.next().await {
        if let victor_orchestrator::chat::TurnEventKind::ModeSwitched(event) = event.unwrap().kind {
            switched.push((event.from, event.to, event.by));
        }
    }
    assert_eq!(
        switched,
        [("build".to_owned(), "plan".to_owned(), "person".to_owned())]
    );

    let second = orchestrator(&disk, false);
    second.chat("and here?").await.unwrap();
    assert_eq!(second.session("default").mode().as_deref(), Some("plan"));
}

/// Counts how often each key was called.
#[derive(Debug)]
struct Count(ToolSpec, Mutex<std::collections::BTreeMap<String, u32>>);

#[async_trait]
impl Tool for Count {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, cx: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        *self
            .1
            .lock()
            .unwrap()
            .entry(cx.idempotency_key.clone())
            .or_default() += 1;
        Ok("counted".into())
    }
}

#[tokio::test]
async fn a_call_that_has_run_does_not_run_again_after_a_crash() {
    let disk = Arc::<Disk>::default();
    let receipts = Arc::new(victor_orchestrator::tool::InMemoryReceiptStore::default());
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let count = Arc::new(Count(
        ToolSpec::new("add", "Counts", schema),
        Mutex::default(),
    ));
    let build = |disk: &Arc<Disk>| {
        AgentOrchestrator::builder()
            .provider(Arc::new(Model))
            .model("m")
            .session_store(disk.clone())
            .receipt_store(receipts.clone())
            .tool(count.clone())
            .build()
            .unwrap()
    };
    build(&disk).chat("add").await.unwrap();
    let commits = disk.commits.lock().unwrap().clone();
    let whole = disk.texts().await;
    for written in 2..commits.len() {
        let disk = Disk::after(&commits[..written]).await;
        build(&disk).recover(RecoveryPolicy::Resume).await.unwrap();
        assert_eq!(disk.texts().await, whole, "after {written} writes");
    }
    let times: Vec<u32> = count.1.lock().unwrap().values().copied().collect();
    assert_eq!(times, [1, 1, 1]);
}
