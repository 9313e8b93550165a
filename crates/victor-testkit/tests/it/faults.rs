//! Each fault does what it says.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointStore, History, InMemoryCheckpointStore,
};
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_core::{
    Context, SessionId, ToolCall, ToolOutcome, ToolResult, ToolSpec, TurnId, contain,
};
use victor_prompt_protocol::{Contribution, PromptContext, PromptContributor, PromptError};
use victor_provider_protocol::{ChatProvider, ProviderErrorKind};
use victor_session_protocol::{InMemorySessionStore, SessionError, SessionInfo, SessionStore};
use victor_testkit::faults::{Fault, Faulty, INJECTED, ModelFault};
use victor_testkit::{CharCounter, ScriptedModel};
use victor_tool_protocol::{
    ApprovalPolicy, ApprovalRequest, InMemoryReceiptStore, InMemoryResultStore, Receipt,
    ReceiptStore, ResultStore, Tool, ToolContext, ToolError, ToolOutput, Verdict,
};

use crate::request;

/// Implements every small extension point, and counts its calls.
#[derive(Debug)]
struct Good(AtomicU32, ToolSpec);

impl Good {
    fn new() -> Self {
        Self(
            AtomicU32::new(0),
            ToolSpec::new("good", "d", json!({ "type": "object" })),
        )
    }

    fn count<T, E>(&self, value: T) -> Result<T, E> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(value)
    }
}

#[async_trait]
impl Tool for Good {
    fn spec(&self) -> &ToolSpec {
        &self.1
    }

    async fn call(&self, _: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        self.count("good".into())
    }
}

#[async_trait]
impl ApprovalPolicy for Good {
    async fn review(&self, _: &ApprovalRequest) -> Verdict {
        self.count::<_, ()>(Verdict::Run).unwrap()
    }
}

#[async_trait]
impl ConfigProvider for Good {
    fn name(&self) -> &str {
        "good"
    }

    fn priority(&self) -> i32 {
        7
    }

    async fn get_config(&self, _: &SessionId) -> Result<ConfigMap, ConfigError> {
        self.count(ConfigMap::new())
    }
}

#[async_trait]
impl PromptContributor for Good {
    fn name(&self) -> &str {
        "good"
    }

    fn priority(&self) -> i32 {
        8
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        self.count(Contribution::nothing())
    }
}

#[async_trait]
impl CompactionStrategy for Good {
    fn name(&self) -> &str {
        "good"
    }

    async fn compact(
        &self,
        context: &Context,
        _: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        self.count(context.clone())
    }
}

#[async_trait]
impl AnalyticsExporter for Good {
    fn name(&self) -> &str {
        "good"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        self.count(ExportResult::exported(events.len()))
    }

    async fn shutdown(&self) {
        self.count::<_, ()>(()).unwrap();
    }
}

/// Calls every method of every small trait with a fault, and checks how each call ended and how often `Good` was
/// reached.
async fn check(fault: Fault, expected: &str, reached: u32) {
    let faulty = || Faulty::new(Good::new(), fault);
    let cx = ToolContext::new(SessionId::default(), TurnId::from_u128(1), "c".into(), "k");
    let session = SessionId::default();
    let approval = ApprovalRequest::new(
        session.clone(),
        ToolCall::new("c", "t", "{}"),
        Good::new().1,
    );
    let budget = CompactionBudget::new(1, std::sync::Arc::new(CharCounter));

    macro_rules! ends {
        ($what:literal, $call:expr) => {{
            let good = faulty();
            let ended = how_it_ended($call(&good)).await;
            assert_eq!(ended, expected, concat!($what, " with {:?}"), fault);
            assert_eq!(
                good.inner().0.load(Ordering::Relaxed),
                reached,
                concat!($what, " with {:?}"),
                fault
            );
        }};
    }
    ends!("tool", async |good: &Faulty<Good>| good
        .call(&cx, json!({}))
        .await
        .map(drop));
    ends!("config", async |good: &Faulty<Good>| good
        .get_config(&session)
        .await
        .map(drop));
    ends!("prompt", async |good: &Faulty<Good>| good
        .get_contribution(&PromptContext::new())
        .await
        .map(drop));
    ends!("compaction", async |good: &Faulty<Good>| good
        .compact(&Context::default(), &budget)
        .await
        .map(drop));
    ends!("export", async |good: &Faulty<Good>| good
        .export(&[])
        .await
        .map(drop));
    ends!(
        "policy",
        async |good: &Faulty<Good>| match good.review(&approval).await {
            Verdict::Run => Ok(()),
            Verdict::Deny { reason } => Err(reason),
            verdict => Err(format!("{verdict:?}")),
        }
    );
    if !expected.contains("error") {
        // A shutdown cannot say that it failed.
        ends!("shutdown", async |good: &Faulty<Good>| {
            good.shutdown().await;
            Ok::<_, ()>(())
        });
    }
}

async fn how_it_ended<E: Debug>(call: impl Future<Output = Result<(), E>>) -> String {
    let start = Instant::now();
    match timeout(Duration::from_secs(3600), contain(call)).await {
        Err(_) => "hangs".into(),
        Ok(Err(panicked)) => panicked.to_string(),
        Ok(Ok(Ok(()))) => format!("well after {} s", start.elapsed().as_secs()),
        Ok(Ok(Err(error))) => {
            assert!(format!("{error:?}").contains("injected fault"), "{error:?}");
            "error".into()
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_every_small_trait() {
    check(Fault::Error, "error", 0).await;
    check(Fault::Panic, "panicked: injected fault", 0).await;
    check(Fault::Hang, "hangs", 0).await;
    check(Fault::Slow(Duration::from_secs(9)), "well after 9 s", 1).await;
    check(Fault::ErrorAfterwards, "error", 1).await;
    check(Fault::HangAfterwards, "hangs", 1).await;
}

#[tokio::test(start_paused = true)]
async fn every_method_of_a_store() {
    let session = SessionId::new("s");
    let failed = |result: Result<(), SessionError>| match result {
        Err(SessionError::Store { message, .. }) => message,
        result => format!("{result:?}"),
    };
    let store = Faulty::new(InMemorySessionStore::default(), Fault::Error);
    for result in [
        store.create(&SessionInfo::new(session.clone())).await,
        store.append(&session, 0, &[]).await.map(drop),
        store.load(&session, 0).await.map(drop),
        store.info(&session).await.map(drop),
        store.list().await.map(drop),
        store.delete(&session).await.map(drop),
    ] {
        assert_eq!(failed(result), "injected fault");
    }
    assert_eq!(store.calls(), 6);
    assert!(store.inner().list().await.unwrap().is_empty());

    let store = Faulty::new(InMemorySessionStore::default(), Fault::ErrorAfterwards);
    store.append(&session, 0, &[]).await.unwrap_err();
    assert!(
        store.inner().info(&session).await.unwrap().is_some(),
        "the write has happened"
    );
}

#[tokio::test]
async fn every_method_of_a_checkpoint_store() {
    let store = Faulty::new(InMemoryCheckpointStore::default(), Fault::Error);
    let (session, history) = (SessionId::new("s"), History::default());
    let checkpoint = Checkpoint::new(session.clone(), history, CheckpointCause::Manual);
    for result in [
        store.save(&checkpoint, &[]).await,
        store.load(checkpoint.id).await.map(drop),
        store.messages(&history).await.map(drop),
        store.list(&session).await.map(drop),
        store.delete(&[checkpoint.id]).await.map(drop),
    ] {
        assert!(
            matches!(&result, Err(CheckpointError::Store { message, .. }) if message == INJECTED),
            "{result:?}"
        );
    }
    assert_eq!(store.calls(), 5);
    assert!(store.inner().list(&session).await.unwrap().is_empty());
}

#[tokio::test]
async fn faults_strike_when_they_are_due() {
    let struck = async |tool: Faulty<Good>| {
        let cx = ToolContext::new(SessionId::default(), TurnId::from_u128(1), "c".into(), "k");
        let mut struck = String::new();
        for _ in 0..7 {
            struck.push(if tool.call(&cx, json!({})).await.is_err() {
                'x'
            } else {
                '.'
            });
        }
        struck
    };
    let faulty = || Faulty::new(Good::new(), Fault::Error);
    assert_eq!(struck(faulty()).await, "xxxxxxx");
    assert_eq!(struck(faulty().first(2)).await, "xx.....");
    assert_eq!(struck(faulty().first(0)).await, ".......");
    assert_eq!(struck(faulty().every(3)).await, "..x..x.");
    assert!(crate::panic_of(|| faulty().every(0)).contains("count from 1"));
}

#[test]
fn what_a_thing_is_stays() {
    let faulty = Faulty::new(Good::new(), Fault::Panic);
    assert_eq!(faulty.spec().name, "good");
    assert_eq!(
        (
            ConfigProvider::name(&faulty),
            ConfigProvider::priority(&faulty)
        ),
        ("good", 7)
    );
    assert_eq!(
        (
            PromptContributor::name(&faulty),
            PromptContributor::priority(&faulty)
        ),
        ("good", 8)
    );
    assert_eq!(CompactionStrategy::name(&faulty), "good");
    assert_eq!(AnalyticsExporter::name(&faulty), "good");
    let model = Faulty::new(ScriptedModel::new(), ModelFault::Panic);
    assert_eq!(model.name(), "scripted");
    assert_eq!(model.default_model(), Some("scripted".into()));
    assert!(model.capabilities(&"m".into()).tools);
}

/// How a stream of three words ends: after how many events, and how.
async fn stream_ends(fault: ModelFault) -> String {
    let model = Faulty::new(ScriptedModel::new().says("one two three"), fault);
    let start = Instant::now();
    let mut count = 0;
    let read = async {
        let mut stream = model
            .stream_chat(&request("count"))
            .await
            .map_err(|error| error.kind)?;
        while let Some(event) = stream.next().await {
            event.map_err(|error| error.kind)?;
            count += 1;
        }
        Ok::<_, ProviderErrorKind>(())
    };
    let ended = match timeout(Duration::from_secs(3600), contain(read)).await {
        Err(_) => "hangs".into(),
        Ok(Err(panicked)) => panicked.to_string(),
        Ok(Ok(Err(kind))) => kind.to_string(),
        Ok(Ok(Ok(()))) => format!("well after {} s", start.elapsed().as_secs()),
    };
    format!("{count}: {ended}")
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_models() {
    let seconds = Duration::from_secs;
    let check = async |fault: ModelFault, expected: &str| {
        assert_eq!(stream_ends(fault.clone()).await, expected, "{fault:?}");
    };
    check(
        ModelFault::Error(ProviderErrorKind::RateLimit),
        "0: rate_limit",
    )
    .await;
    check(ModelFault::Panic, "0: panicked: injected fault").await;
    check(ModelFault::Hang, "0: hangs").await;
    check(
        ModelFault::Slow {
            first: seconds(10),
            between: seconds(1),
        },
        "4: well after 13 s",
    )
    .await;
    check(ModelFault::Truncate(0), "0: truncated").await;
    check(ModelFault::Truncate(2), "2: truncated").await;
    check(
        ModelFault::ErrorAfter(1, ProviderErrorKind::Server),
        "1: server",
    )
    .await;
    check(ModelFault::PanicAfter(3), "3: panicked: injected fault").await;
    check(ModelFault::HangAfter(2), "2: hangs").await;
}

#[tokio::test]
async fn chat_has_the_faults_of_the_stream() {
    let model = Faulty::new(
        ScriptedModel::new().says("one two").says("three"),
        ModelFault::Truncate(1),
    )
    .first(1);
    assert_eq!(
        model.chat(&request("count")).await.unwrap_err().kind,
        ProviderErrorKind::Truncated
    );
    model.chat(&request("count")).await.unwrap();
    model.inner().assert_finished();
}

#[tokio::test]
async fn every_method_of_the_stores_of_tools() {
    let session = SessionId::new("s");
    let result = ToolResult::new(&ToolCall::new("c", "t", "{}"), ToolOutcome::Success, "done");
    let receipts = Faulty::new(InMemoryReceiptStore::default(), Fault::ErrorAfterwards);
    let results = Faulty::new(InMemoryResultStore::default(), Fault::ErrorAfterwards);
    for found in [
        receipts.begin(&session, "k").await.map(drop),
        receipts.finish(&session, "k", &result).await,
        results.put(&session, "h", "text").await,
        results.read(&session, "h", 0, 9).await.map(drop),
    ] {
        let error = found.unwrap_err();
        assert!(error.to_string().ends_with("failed: injected fault"));
    }
    let found = receipts.inner().begin(&session, "k").await.unwrap();
    assert_eq!(found, Receipt::Finished(result));
    let found = results.inner().read(&session, "h", 0, 9).await.unwrap();
    assert_eq!(found.unwrap().text, "text");

    receipts.withdraw(&session, "k").await.unwrap_err();
    let found = receipts.inner().begin(&session, "k").await.unwrap();
    assert_eq!(found, Receipt::New);
    receipts.forget(&session).await.unwrap_err();
    results.forget(&session).await.unwrap_err();
    let found = results.inner().read(&session, "h", 0, 9).await.unwrap();
    assert_eq!(found, None);
    assert_eq!((receipts.calls(), results.calls()), (4, 3));
}
