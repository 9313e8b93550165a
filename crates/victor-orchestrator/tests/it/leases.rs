//! Turns in one session of several orchestrators on one database, as in several processes; and turns that are closed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use victor_core::ToolSpec;
use victor_orchestrator::chat::{Approval, ChatErrorKind, TurnEventKind, TurnOutcome};
use victor_orchestrator::coordinators::session::{SessionCoordinator, SessionOptions};
use victor_orchestrator::session::SessionManagerExt as _;
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};
use victor_orchestrator::{AgentOrchestrator, RecoveredTurn, RecoveryPolicy};
use victor_sql::Database;
use victor_testkit::{ScriptedModel, cancel_at_every_poll, poll_at_most};

use crate::{AskAlways, builder};

/// A tool that waits until it may go on.
#[derive(Debug)]
struct Gate {
    spec: ToolSpec,
    begun: AtomicUsize,
    open: Semaphore,
}

impl Gate {
    fn new() -> Arc<Self> {
        let schema = json!({ "type": "object" });
        Arc::new(Self {
            spec: ToolSpec::new("gate", "Waits", schema),
            begun: AtomicUsize::default(),
            open: Semaphore::new(0),
        })
    }

    /// Waits until so many calls have begun.
    async fn begun(&self, count: usize) {
        while self.begun.load(Ordering::Acquire) < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[async_trait]
impl Tool for Gate {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, _: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        self.begun.fetch_add(1, Ordering::Release);
        self.open.acquire().await.unwrap().forget();
        Ok("through the gate".into())
    }
}

/// A model that calls the tool so often at once, and then answers.
fn caller(calls: usize) -> ScriptedModel {
    let calls = (0..calls).map(|number| ("gate", json!({ "number": number })));
    ScriptedModel::new().calls_all(calls).says("done")
}

/// An orchestrator as in a process of its own.
async fn process(
    path: &Path,
    model: ScriptedModel,
    gate: &Arc<Gate>,
    set: impl FnOnce(&mut SessionOptions),
) -> AgentOrchestrator {
    let store = Database::open(path.to_str().unwrap()).await.unwrap();
    let mut options = SessionOptions::default();
    set(&mut options);
    let sessions = SessionCoordinator::with_options(store.session_store(), options);
    let builder = builder(model).1.session_coordinator(Arc::new(sessions));
    builder.tool(gate.clone()).build().unwrap()
}

fn impatient(options: &mut SessionOptions) {
    options.wait_timeout = Some(Duration::ZERO);
}

async fn texts(orchestrator: &AgentOrchestrator) -> Vec<String> {
    let transcript = orchestrator.session("s").transcript().await.unwrap();
    let shown = transcript.iter().map(|entry| {
        let message = &entry.message;
        let results: Vec<_> = message
            .tool_results()
            .map(|result| format!("{}: {}", result.outcome, result.text()))
            .collect();
        format!(
            "{}: {}{}",
            message.role(),
            message.text(),
            results.join(" | ")
        )
    });
    shown.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_while_a_turn_runs_elsewhere_has_written_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, gate) = (folder.path().join("victor.db"), Gate::new());
    let named = |options: &mut SessionOptions| options.owner = "the first".into();
    let first = process(&path, caller(1), &gate, named).await;
    let second = process(&path, ScriptedModel::new().says("2"), &gate, impatient).await;
    let patient = process(&path, ScriptedModel::new().says("3"), &gate, |_| {}).await;

    let running = first.session("s");
    let running = tokio::spawn(async move { running.chat("first").await });
    gate.begun(1).await;
    let error = second.session("s").chat("second").await.unwrap_err();
    assert_eq!(error.kind(), ChatErrorKind::Conflict);
    let told = error.report();
    assert!(
        told.starts_with("somebody else has the session: send the message again: session `s` is being worked on by the first, since 20"),
        "{told}"
    );
    assert_eq!(texts(&second).await, ["user: first"]);
    // It is neither interrupted nor to be taken up.
    let session = second.session("s");
    assert_eq!(
        session.running().await.unwrap().unwrap().owner.name,
        "the first"
    );
    assert!(session.open_turn().await.unwrap().is_none());
    for policy in [RecoveryPolicy::Close, RecoveryPolicy::Resume] {
        let recovered = second.recover(policy).await.unwrap();
        assert!(
            matches!(&recovered[0].result, RecoveredTurn::Running(_)),
            "{recovered:?}"
        );
    }
    let waits = patient.session("s");
    let waits = tokio::spawn(async move { waits.chat("third").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waits.is_finished());

    gate.open.add_permits(1);
    assert_eq!(running.await.unwrap().unwrap().content(), "done");
    assert_eq!(waits.await.unwrap().unwrap().content(), "3");
    assert_eq!(
        second.session("s").chat("second").await.unwrap().content(),
        "2"
    );
    assert!(session.running().await.unwrap().is_none());
    assert_eq!(
        texts(&second).await,
        [
            "user: first",
            "assistant: ",
            "tool: success: through the gate",
            "assistant: done",
            "user: third",
            "assistant: 3",
            "user: second",
            "assistant: 2",
        ]
    );
}

#[test]
fn who_has_lost_the_session_is_told_what_it_has_done_and_the_conversation_tells_it_too() {
    let runtime = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let (path, gate) = (folder.path().join("victor.db"), Gate::new());
    gate.open.add_permits(1);
    let (slow, other) = (runtime(), runtime());
    let short = |options: &mut SessionOptions| options.lease_timeout = Duration::from_millis(50);
    let first = slow.block_on(process(&path, caller(2), &gate, short));
    let second = other.block_on(process(
        &path,
        ScriptedModel::new().says("2"),
        &gate,
        |_| {},
    ));

    // One call has ended and one runs, when nothing moves any more in the first process.
    let mut running = Box::pin(first.session("s").stream_chat("first").response());
    slow.block_on(async {
        loop {
            let _ = poll_at_most(1, running.as_mut()).await;
            if gate.begun.load(Ordering::Acquire) == 2 && gate.open.available_permits() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let (answered, told) = other.block_on(async {
        let mut stream = second.session("s").stream_chat("second");
        let mut told = Vec::new();
        while let Some(event) = stream.next().await {
            match event.unwrap().kind {
                TurnEventKind::Notice(notice) => told.push(notice.message),
                TurnEventKind::TurnFinished(finished) => {
                    return (finished.response.content().into_owned(), told);
                }
                _ => {}
            }
        }
        panic!("it does not end")
    });
    assert_eq!(answered, "2");
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("the last turn was interrupted"),
        "{told:?}"
    );

    gate.open.add_permits(1);
    let error = slow.block_on(running).unwrap_err();
    assert_eq!(error.kind(), ChatErrorKind::Conflict, "{error:?}");
    assert!(
        error.report().contains("has lost session `s`"),
        "{}",
        error.report()
    );
    let executed = error.executed().iter().map(|result| result.name.as_str());
    assert_eq!(executed.collect::<Vec<_>>(), ["gate", "gate"]);
    let interrupted =
        "cancelled: the turn was cancelled while this call ran; it may have had an effect";
    assert_eq!(
        other.block_on(texts(&second)),
        [
            "user: first".to_owned(),
            "assistant: ".to_owned(),
            format!("tool: {interrupted} | {interrupted}"),
            "user: second".to_owned(),
            "assistant: 2".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_turn_that_waits_for_a_person_holds_nothing_and_is_taken_up_by_any_process() {
    let folder = tempfile::tempdir().unwrap();
    let (path, gate) = (folder.path().join("victor.db"), Gate::new());
    gate.open.add_permits(1);
    let make = async |model| {
        let store = Database::open(path.to_str().unwrap()).await.unwrap();
        let builder = builder(model)
            .1
            .session_store(store.session_store())
            .approval_policy(Arc::new(AskAlways));
        builder.tool(gate.clone()).build().unwrap()
    };
    let first = make(caller(1)).await;
    let response = first.session("s").chat("first").await.unwrap();
    assert_eq!(response.outcome, TurnOutcome::AwaitingApproval);
    let second = make(ScriptedModel::new().says("done")).await;
    let session = second.session("s");
    assert!(session.running().await.unwrap().is_none());
    let turn = session.open_turn().await.unwrap().unwrap();
    let approved = Approval::approve(turn.approvals[0].call.id.clone());
    let response = session.resume(turn, [approved]).response();
    assert_eq!(response.await.unwrap().content(), "done");

    // Who says no and stops the turn at once has closed it.
    let third = make(caller(1)).await;
    let session = third.session("s");
    let response = session.chat("again").await.unwrap();
    let turn = *response.suspended.unwrap();
    let denied = Approval::deny(turn.approvals[0].call.id.clone(), "no");
    let stream = session.resume(turn, [denied]);
    stream.cancel_handle().cancel();
    assert_eq!(
        stream.response().await.unwrap().outcome,
        TurnOutcome::Cancelled
    );
    assert!(session.open_turn().await.unwrap().is_none());
}

/// A database in which a turn was interrupted while its two tools ran, by the end of a process that had no lease.
async fn interrupted(path: &Path) {
    let gate = Gate::new();
    let none = |options: &mut SessionOptions| options.lease_timeout = Duration::ZERO;
    let first = process(path, caller(2), &gate, none).await;
    let mut running = Box::pin(first.session("s").stream_chat("first").response());
    while gate.begun.load(Ordering::Acquire) < 2 {
        assert!(poll_at_most(1, running.as_mut()).await.is_none());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    #[expect(clippy::mem_forget, reason = "the end of a process drops nothing")]
    std::mem::forget(running);
}

/// Checks that nothing is open, and that every call has its result.
async fn closed(orchestrator: &AgentOrchestrator) {
    let sessions = orchestrator.session_coordinator();
    assert!(sessions.open_turns().await.unwrap().is_empty());
    let texts = texts(orchestrator).await;
    assert_eq!(texts[0], "user: first");
    assert!(texts[2].starts_with("tool: cancelled: "), "{texts:?}");
    assert_eq!(texts[2].matches("cancelled: ").count(), 2, "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_closed_is_closed_whenever_it_is_cancelled() {
    let gate = Gate::new();
    let open = async |path: &Path| process(path, ScriptedModel::new(), &gate, |_| {}).await;
    for way in ["recover", "resume"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("victor.db");
        interrupted(&path).await;
        let orchestrator = open(&path).await;
        let response = if way == "recover" {
            let mut recovered = orchestrator.recover(RecoveryPolicy::Close).await.unwrap();
            match recovered.remove(0).result {
                RecoveredTurn::Ended(response) => *response,
                other => panic!("{other:?}"),
            }
        } else {
            let session = orchestrator.session("s");
            let stream = session.resume(session.open_turn().await.unwrap().unwrap(), []);
            stream.cancel_handle().cancel();
            stream.response().await.unwrap()
        };
        assert_eq!(response.outcome, TurnOutcome::Cancelled);
        assert!(response.suspended.is_none());
        closed(&orchestrator).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_is_dropped_at_any_poll_leaves_a_turn_that_can_be_closed() {
    let gate = Gate::new();
    let folder = tempfile::tempdir().unwrap();
    let number = AtomicUsize::default();
    let path = || {
        let number = number.load(Ordering::Relaxed);
        folder.path().join(format!("{number}.db"))
    };
    let open = async |path: &Path| process(path, ScriptedModel::new(), &gate, |_| {}).await;
    interrupted(&path()).await;
    let first = std::sync::Mutex::new(open(&path()).await);
    let recovered = cancel_at_every_poll(
        async || {
            let orchestrator = first.lock().unwrap().clone();
            orchestrator.recover(RecoveryPolicy::Close).await.unwrap()
        },
        async |polls| {
            let next = open(&path()).await;
            let mut times = 0;
            while !next
                .session_coordinator()
                .open_turns()
                .await
                .unwrap()
                .is_empty()
            {
                for recovered in next.recover(RecoveryPolicy::Close).await.unwrap() {
                    // What was dropped is being written in the background, or the lease released.
                    let busy = matches!(&recovered.result, RecoveredTurn::Running(_))
                        || matches!(&recovered.result, RecoveredTurn::Failed(error) if error.kind() == ChatErrorKind::Conflict);
                    let ended = matches!(&recovered.result, RecoveredTurn::Ended(_));
                    assert!(busy || ended, "after {polls} polls: {recovered:?}");
                }
                times += 1;
                assert!(times < 1000, "after {polls} polls it is not closed");
            }
            closed(&next).await;
            number.fetch_add(1, Ordering::Relaxed);
            interrupted(&path()).await;
            *first.lock().unwrap() = open(&path()).await;
        },
    );
    assert!(matches!(recovered.await[0].result, RecoveredTurn::Ended(_)));
    closed(&open(&path()).await).await;
    assert!(
        number.load(Ordering::Relaxed) > 0,
        "it was dropped at {number:?} polls"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_message_closes_what_was_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victor.db");
    interrupted(&path).await;
    let next = process(&path, ScriptedModel::new().says("2"), &Gate::new(), |_| {}).await;
    assert_eq!(
        next.session("s").chat("second").await.unwrap().content(),
        "2"
    );
    closed(&next).await;
    assert_eq!(texts(&next).await[3..], ["user: second", "assistant: 2"]);
    let context = next.session("s").context();
    assert_eq!(context.messages().len(), 5);
    context.messages().validate().unwrap();
}
