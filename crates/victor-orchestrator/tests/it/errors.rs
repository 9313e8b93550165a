//! What the operations of a session say when they fail.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{CheckpointId, Coordinator, CoordinatorError, SessionId};
use victor_orchestrator::SessionOpError;
use victor_orchestrator::chat::ChatError;
use victor_orchestrator::checkpoint::InMemoryCheckpointStore;
use victor_orchestrator::prompt::{BuiltPrompt, PromptBuilder, PromptContext, PromptContributor};
use victor_testkit::ScriptedModel;

use crate::{builder, orchestrator};

#[tokio::test]
async fn what_needs_checkpoints_says_how_to_have_them() {
    let orchestrator = orchestrator(ScriptedModel::new().says("yes"));
    let session = orchestrator.session("s");
    session.chat("hi").await.unwrap();
    let id = CheckpointId::from_u128(1);
    let errors = [
        session.checkpoint(None).await.unwrap_err(),
        session.restore_checkpoint(id).await.unwrap_err(),
        orchestrator.fork(id, "other").await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, SessionOpError::NotConfigured { .. }));
        assert_eq!(
            error.report(),
            "checkpoints are not configured: give the builder a `checkpoint_store`"
        );
    }
    let undone = session.undo().await.unwrap().expect("undo needs none");
    assert_eq!(undone.messages, 2);
}

#[tokio::test]
async fn a_checkpoint_of_another_session_says_whose_it_is() {
    let (_, builder) = builder(ScriptedModel::new().says("yes"));
    let store = Arc::new(InMemoryCheckpointStore::default());
    let orchestrator = builder.checkpoint_store(store).build().unwrap();
    let session = orchestrator.session("s");
    session.chat("hi").await.unwrap();
    let checkpoint = session.checkpoint(None).await.unwrap();
    let other = orchestrator.session("other");
    match other.restore_checkpoint(checkpoint.id).await {
        Err(SessionOpError::WrongSession { session, owner, .. }) => {
            assert_eq!((session.as_str(), owner.as_str()), ("other", "s"));
        }
        restored => panic!("{restored:?}"),
    }
    match session.restore_checkpoint(CheckpointId::from_u128(1)).await {
        Err(SessionOpError::Checkpoint(error)) => {
            assert!(
                error.to_string().contains("there is no checkpoint"),
                "{error}"
            );
        }
        restored => panic!("{restored:?}"),
    }
}

#[tokio::test]
async fn nothing_is_done_after_the_end() {
    let orchestrator = orchestrator(ScriptedModel::new());
    orchestrator.shutdown().await;
    let session = orchestrator.session("s");
    assert!(matches!(
        session.undo().await,
        Err(SessionOpError::ShutDown)
    ));
    assert!(matches!(
        session.compact().await,
        Err(SessionOpError::ShutDown)
    ));
    assert!(matches!(session.chat("hi").await, Err(ChatError::ShutDown)));
}

/// A prompt coordinator that cannot start.
#[derive(Debug)]
struct Unready;

#[async_trait]
impl Coordinator for Unready {
    fn name(&self) -> &str {
        "unready"
    }

    async fn initialize(&self) -> Result<(), CoordinatorError> {
        Err(CoordinatorError {
            coordinator: self.name().to_owned(),
            source: "no templates".into(),
        })
    }
}

#[async_trait]
impl PromptBuilder for Unready {
    async fn build_system_prompt(&self, _: &PromptContext) -> BuiltPrompt {
        unreachable!("it never starts")
    }

    fn add_contributor(&self, _: Arc<dyn PromptContributor>) {}

    fn remove_contributor(&self, _: &str) -> bool {
        false
    }

    fn templates(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_failed_start_names_its_coordinator() {
    let (model, builder) = builder(ScriptedModel::new().says("never"));
    let orchestrator = builder
        .prompt_coordinator(Arc::new(Unready))
        .build()
        .unwrap();
    let session = orchestrator.session("s");
    match session.chat("hi").await {
        Err(ChatError::Start {
            coordinator,
            source,
        }) => {
            assert_eq!(coordinator, "unready");
            assert_eq!(source.to_string(), "no templates");
        }
        answered => panic!("{answered:?}"),
    }
    let error = session.undo().await.unwrap_err();
    assert!(matches!(error, SessionOpError::Start(_)));
    assert_eq!(
        error.report(),
        "coordinator `unready` could not start: no templates"
    );
    assert!(model.requests().is_empty());
}

/// A coordinator that panics when it is to forget a session.
#[derive(Debug)]
struct Stubborn;

impl Coordinator for Stubborn {
    fn name(&self) -> &str {
        "stubborn"
    }

    fn reset(&self, _: &SessionId) {
        panic!("never");
    }
}

#[tokio::test]
async fn a_coordinator_that_panics_keeps_no_session_from_being_reset() {
    let (_, builder) = builder(ScriptedModel::new().says("yes"));
    let builder = builder.custom_coordinator("stubborn", Arc::new(Stubborn));
    let session = builder.build().unwrap().session("s");
    session.chat("hi").await.unwrap();
    session.reset().await.unwrap();
    assert!(session.context().messages().is_empty());
    assert!(session.transcript().await.unwrap().is_empty());
}
