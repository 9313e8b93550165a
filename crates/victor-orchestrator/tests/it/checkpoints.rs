//! Going back, in this process and in the next.

use std::sync::Arc;

use serde_json::json;
use victor_core::{Effect, ToolSpec};
use victor_orchestrator::coordinators::tool_fn;
use victor_orchestrator::protocols::{
    CheckpointCause, CheckpointId, InMemoryCheckpointStore, InMemorySessionStore, SwitchedBy,
};
use victor_orchestrator::{AgentOrchestrator, ChatError, RecoveryPolicy, Session};
use victor_testkit::ScriptedModel;

struct Place {
    sessions: Arc<InMemorySessionStore>,
    checkpoints: Arc<InMemoryCheckpointStore>,
}

impl Place {
    fn new() -> Self {
        Self {
            sessions: Arc::default(),
            checkpoints: Arc::default(),
        }
    }

    /// An orchestrator that knows nothing but what is in the stores.
    fn open(&self, model: ScriptedModel) -> AgentOrchestrator {
        let tool = |name: &str, effect| {
            let spec =
                ToolSpec::new(name, "Does it", json!({ "type": "object" })).with_effect(effect);
            tool_fn(spec, |_cx, _: serde_json::Value| async { Ok("done") })
        };
        AgentOrchestrator::builder()
            .provider(Arc::new(model))
            .model("scripted")
            .session_store(self.sessions.clone())
            .checkpoint_store(self.checkpoints.clone())
            .tool(Arc::new(tool("look", Effect::ReadOnly)))
            .tool(Arc::new(tool("remove", Effect::Destructive)))
            .build()
            .unwrap()
    }
}

fn said(session: &Session) -> Vec<String> {
    let context = session.context();
    context
        .messages()
        .iter()
        .map(|message| message.text().into_owned())
        .collect()
}

#[tokio::test]
async fn a_session_goes_back_and_stays_there() {
    let place = Place::new();
    let orchestrator = place.open(ScriptedModel::new().says("1").says("2").says("3"));
    let session = orchestrator.session("s");
    session.chat("a").await.unwrap();
    session.switch_mode("plan", SwitchedBy::Person).unwrap();
    let checkpoint = session.checkpoint(Some("good")).await.unwrap();
    assert_eq!(checkpoint.label.as_deref(), Some("good"));
    session.switch_mode("build", SwitchedBy::Person).unwrap();
    session.chat("b").await.unwrap();
    assert_eq!(said(&session), ["a", "1", "b", "2"]);

    let restored = session.restore_checkpoint(checkpoint.id).await.unwrap();
    assert_eq!(restored.checkpoint.id, checkpoint.id);
    assert_eq!(said(&session), ["a", "1"]);
    assert_eq!(session.mode().as_deref(), Some("plan"));
    session.chat("c").await.unwrap();
    assert_eq!(said(&session), ["a", "1", "c", "3"]);
    // The transcript keeps everything.
    assert_eq!(session.transcript().await.unwrap().len(), 6);

    let orchestrator = place.open(ScriptedModel::new().says("4"));
    let session = orchestrator.session("s");
    session.chat("d").await.unwrap();
    assert_eq!(said(&session), ["a", "1", "c", "3", "d", "4"]);
}

/// How many messages the last turn had, which is undone.
async fn undone(session: &Session) -> usize {
    let undone = session.undo().await.unwrap();
    undone.map_or(0, |undone| undone.messages)
}

#[tokio::test]
async fn a_turn_is_undone_and_the_one_before_it_too() {
    let place = Place::new();
    let orchestrator = place.open(
        ScriptedModel::new()
            .says("1")
            .calls("look", json!({}))
            .says("2")
            .says("3"),
    );
    let session = orchestrator.session("s");
    for message in ["a", "b", "c"] {
        session.chat(message).await.unwrap();
    }
    assert_eq!(undone(&session).await, 2);
    assert_eq!(
        undone(&session).await,
        4,
        "with the calls and their results"
    );
    assert_eq!(said(&session), ["a", "1"]);
    assert_eq!(undone(&session).await, 2);
    assert_eq!(undone(&session).await, 0);
    let orchestrator = place.open(ScriptedModel::new().says("4"));
    let session = orchestrator.session("s");
    session.chat("d").await.unwrap();
    assert_eq!(said(&session), ["d", "4"]);
}

#[tokio::test]
async fn a_fork_goes_its_own_way() {
    let place = Place::new();
    let orchestrator = place.open(ScriptedModel::new().says("1").says("2").says("3"));
    let session = orchestrator.session("s");
    session.chat("a").await.unwrap();
    let checkpoint = session.checkpoint(None).await.unwrap();
    let fork = orchestrator.fork(checkpoint.id, "t").await.unwrap();
    fork.chat("b").await.unwrap();
    session.chat("c").await.unwrap();
    assert_eq!(said(&fork), ["a", "1", "b", "2"]);
    assert_eq!(said(&session), ["a", "1", "c", "3"]);
    assert_eq!(fork.transcript().await.unwrap().len(), 4);
    assert_eq!(
        fork.checkpoints().await.unwrap()[0].cause,
        CheckpointCause::Fork
    );

    let again = orchestrator.fork(checkpoint.id, "t").await.unwrap_err();
    assert!(
        again.report().contains("fork into a new session"),
        "{}",
        again.report()
    );
    let elsewhere = fork.restore_checkpoint(checkpoint.id).await.unwrap_err();
    assert!(
        elsewhere.report().contains("is of session `s`"),
        "{}",
        elsewhere.report()
    );
    let nowhere = session
        .restore_checkpoint(CheckpointId::generate())
        .await
        .unwrap_err();
    assert!(
        nowhere.report().contains("there is no checkpoint"),
        "{}",
        nowhere.report()
    );
    assert_eq!(said(&session), ["a", "1", "c", "3"]);
}

#[tokio::test]
async fn checkpoints_are_made_before_what_cannot_be_brought_back() {
    let place = Place::new();
    let model = ScriptedModel::new()
        .calls("remove", json!({}))
        .says("gone")
        .says("again");
    let orchestrator = place.open(model);
    let session = orchestrator.session("s");
    session.chat("tidy up").await.unwrap();
    let made = session.checkpoints().await.unwrap();
    let causes: Vec<_> = made.iter().map(|made| made.cause.clone()).collect();
    assert_eq!(causes, [CheckpointCause::BeforeDestructive]);
    assert_eq!(made[0].state["provider"], "scripted");
    assert_eq!(made[0].state["budget"], json!({ "tool_calls": 0 }));

    // The turn that was being worked can be taken up again from there.
    let restored = session.restore_checkpoint(made[0].id).await.unwrap();
    assert_eq!(said(&session), ["tidy up"]);
    let response = orchestrator
        .resume(*restored.turn.unwrap(), [])
        .response()
        .await
        .unwrap();
    assert_eq!(response.content(), "again");
    assert_eq!(said(&session), ["tidy up", "again"]);
}

#[tokio::test]
async fn checkpoints_are_made_after_so_many_calls() {
    let place = Place::new();
    let looks = |model: ScriptedModel, n: u32| model.calls("look", json!({ "n": n }));
    let model = (0..12).fold(ScriptedModel::new(), looks).says("seen");
    let session = place.open(model).session("s");
    session.chat("look around").await.unwrap();
    let made = session.checkpoints().await.unwrap();
    assert_eq!(made.len(), 2, "one for five calls");
    assert!(
        made.iter()
            .all(|made| made.cause == CheckpointCause::ToolCalls && made.turn.is_some())
    );
}

#[tokio::test]
async fn without_checkpoints_it_is_said_how_to_have_them() {
    let orchestrator = crate::orchestrator(ScriptedModel::new());
    let error = orchestrator
        .session("s")
        .checkpoint(None)
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        ChatError::Setup {
            coordinator: "checkpoint",
            ..
        }
    ));
    assert!(
        error.report().contains("`checkpoint_store`"),
        "{}",
        error.report()
    );
    assert!(
        orchestrator
            .recover(RecoveryPolicy::Resume)
            .await
            .unwrap()
            .is_empty()
    );
}
