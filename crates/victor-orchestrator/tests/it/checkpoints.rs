//! Going back, in this process and in the next.

use std::sync::Arc;

use serde_json::json;
use victor_checkpoint_protocol::History;
use victor_core::{Effect, ToolSpec};
use victor_orchestrator::chat::TurnEventKind;
use victor_orchestrator::checkpoint::{
    Checkpoint, CheckpointCause, CheckpointStore, InMemoryCheckpointStore,
};
use victor_orchestrator::coordinators::tool::tool_fn;
use victor_orchestrator::core::{CheckpointId, SessionId};
use victor_orchestrator::mode::SwitchedBy;
use victor_orchestrator::session::SessionManagerExt as _;
use victor_orchestrator::session::{
    InMemorySessionStore, SessionExport, SessionPatch, SessionStore, TranscriptEntry,
};
use victor_orchestrator::{AgentOrchestrator, RecoveryPolicy, Session, SessionOpError};
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
    session.switch_mode_by("plan", SwitchedBy::Person).unwrap();
    let checkpoint = session.checkpoint(Some("good")).await.unwrap();
    assert_eq!(checkpoint.label.as_deref(), Some("good"));
    session.switch_mode_by("build", SwitchedBy::Person).unwrap();
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
async fn many_calls_of_one_answer_are_one_checkpoint() {
    let place = Place::new();
    let calls = (0..23).map(|n| ("look", json!({ "n": n })));
    let model = ScriptedModel::new().calls_all(calls).says("seen");
    let session = place.open(model).session("s");
    session.chat("look around").await.unwrap();
    assert_eq!(session.checkpoints().await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_checkpoints_it_is_said_how_to_have_them() {
    let orchestrator = crate::orchestrator(ScriptedModel::new());
    let error = orchestrator
        .session("s")
        .checkpoint(None)
        .await
        .unwrap_err();
    assert!(matches!(error, SessionOpError::NotConfigured { .. }));
    assert_eq!(
        error.to_string(),
        "checkpoints are not configured: give the builder a `checkpoint_store`"
    );
    assert!(
        orchestrator
            .recover(RecoveryPolicy::Resume)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_was_undone_stays_undone_wherever_the_session_goes() {
    let place = Place::new();
    let orchestrator = place.open(ScriptedModel::new().says("1").says("2").says("3"));
    let session = orchestrator.session("s");
    session.chat("a").await.unwrap();
    session.chat("b").await.unwrap();
    assert_eq!(undone(&session).await, 2);
    session.chat("c").await.unwrap();
    let sessions = orchestrator.session_coordinator();
    let export = sessions.export_session(&"s".into()).await.unwrap();
    assert_eq!(export.entries.len(), 6, "the transcript keeps everything");
    let export = SessionExport::from_json_lines(&export.to_json_lines()).unwrap();
    // Beside it, and elsewhere.
    let elsewhere = Place::new();
    for (place, name) in [(&place, "t"), (&elsewhere, "s"), (&elsewhere, "u")] {
        let orchestrator = place.open(ScriptedModel::new().says("4"));
        let sessions = orchestrator.session_coordinator();
        let imported = sessions.import_session(&export, Some(name.into())).await;
        imported.unwrap();
        // It depends on the other one in nothing.
        if name == "t" {
            assert!(orchestrator.delete_session(&"s".into()).await.unwrap());
        }
        let session = orchestrator.session(name);
        session.chat("d").await.unwrap();
        assert_eq!(said(&session), ["a", "1", "c", "3", "d", "4"], "{name}");
    }
}

#[tokio::test]
async fn undoing_needs_no_checkpoints_and_forgetting_takes_it_along() {
    let (_, builder) = crate::builder(ScriptedModel::new().says("1").says("2").says("3").says("4"));
    let store = Arc::new(InMemorySessionStore::default());
    let orchestrator = builder.session_store(store.clone()).build().unwrap();
    let session = orchestrator.session("s");
    session.chat("a").await.unwrap();
    session.chat("b").await.unwrap();
    assert_eq!(undone(&session).await, 2);
    let kept = store.info(&"s".into()).await.unwrap().unwrap().metadata;
    assert!(kept.contains_key("victor_context"), "{kept:?}");
    session.reset().await.unwrap();
    let kept = store.info(&"s".into()).await.unwrap().unwrap().metadata;
    assert!(!kept.contains_key("victor_context"), "{kept:?}");
    session.chat("c").await.unwrap();
    session.chat("d").await.unwrap();
    let (_, builder) = crate::builder(ScriptedModel::new().says("5"));
    let orchestrator = builder.session_store(store).build().unwrap();
    let session = orchestrator.session("s");
    session.chat("e").await.unwrap();
    assert_eq!(said(&session), ["c", "3", "d", "4", "e", "5"]);
}

/// Leaves in the metadata of session `s` what earlier versions left when it went back: to the first two of its six
/// messages, by a checkpoint of this session.
async fn as_earlier(place: &Place, owner: &str) -> CheckpointId {
    let orchestrator = place.open(ScriptedModel::new().says("1").says("2").says("3"));
    let session = orchestrator.session("s");
    for message in ["a", "b", "c"] {
        session.chat(message).await.unwrap();
    }
    let mut history = History::default();
    let transcript = session.transcript().await.unwrap();
    let links: Vec<_> = transcript[..2]
        .iter()
        .map(|entry| history.push(entry.message.clone()))
        .collect();
    let checkpoint = Checkpoint::new(owner.into(), history, CheckpointCause::Manual);
    place.checkpoints.save(&checkpoint, &links).await.unwrap();
    let base = json!({ "checkpoint": checkpoint.id, "entries": 4 });
    let patch = SessionPatch::default().with_metadata("victor_context_base", base);
    place.sessions.update(&"s".into(), &patch).await.unwrap();
    checkpoint.id
}

#[tokio::test]
async fn what_earlier_versions_have_undone_stays_so_and_depends_on_no_checkpoint_any_more() {
    let place = Place::new();
    let id = as_earlier(&place, "s").await;
    let session = place.open(ScriptedModel::new().says("4")).session("s");
    session.chat("d").await.unwrap();
    assert_eq!(said(&session), ["a", "1", "c", "3", "d", "4"]);
    place.checkpoints.delete(&[id]).await.unwrap();
    let session = place.open(ScriptedModel::new().says("5")).session("s");
    session.chat("e").await.unwrap();
    assert_eq!(said(&session), ["a", "1", "c", "3", "d", "4", "e", "5"]);
}

#[tokio::test]
async fn what_is_lost_of_it_is_told() {
    for owner in ["s", "other"] {
        let place = Place::new();
        let id = as_earlier(&place, owner).await;
        if owner == "s" {
            place.checkpoints.delete(&[id]).await.unwrap();
        }
        let orchestrator = place.open(ScriptedModel::new().says("4"));
        let session = orchestrator.session("s");
        let mut turn = session.stream_chat("d");
        let mut notices = Vec::new();
        while let Some(event) = turn.next().await {
            if let TurnEventKind::Notice(notice) = event.unwrap().kind {
                notices.push(notice.message);
            }
        }
        let [notice] = &notices[..] else {
            panic!("{notices:?}")
        };
        let why = match owner {
            "s" => "there is no checkpoint",
            _ => "is of session `other`",
        };
        assert!(
            notice.contains("the model sees it again") && notice.contains(why),
            "{notice}"
        );
        let health = orchestrator.health();
        let problems = format!("{health:?}");
        assert!(
            problems.contains("session `s`") && problems.contains(why),
            "{problems}"
        );
        assert_eq!(said(&session).len(), 8);
        // Until it is done again.
        assert_eq!(undone(&session).await, 2);
        let health = orchestrator.health();
        let problems = &health.get("orchestrator").unwrap().problems;
        assert!(!format!("{problems:?}").contains("session `s`"));
    }
}

#[tokio::test]
async fn a_fork_keeps_its_turns_apart() {
    let place = Place::new();
    let orchestrator = place.open(ScriptedModel::new().says("1").says("2"));
    let session = orchestrator.session("s");
    session.chat("a").await.unwrap();
    session.chat("b").await.unwrap();
    let checkpoint = session.checkpoint(None).await.unwrap();
    let fork = orchestrator.fork(checkpoint.id, "t").await.unwrap();
    assert_eq!(
        fork.transcript().await.unwrap(),
        session.transcript().await.unwrap()
    );
    assert_eq!(undone(&fork).await, 2);
    assert_eq!(said(&fork), ["a", "1"]);
    assert_eq!(said(&session), ["a", "1", "b", "2"]);
}

#[tokio::test]
async fn a_fork_that_was_interrupted_is_finished_and_one_that_was_not_made_can_be() {
    let place = Place::new();
    let orchestrator = place.open(ScriptedModel::new().says("1").says("2").says("3"));
    let session = orchestrator.session("s");
    session.chat("a").await.unwrap();
    let checkpoint = session.checkpoint(None).await.unwrap();
    let fork = orchestrator.fork(checkpoint.id, "t").await.unwrap();
    let made = fork.checkpoints().await.unwrap();
    place.checkpoints.delete(&[made[0].id]).await.unwrap();
    // It has its session, and its first checkpoint is missing.
    let orchestrator = place.open(ScriptedModel::new().says("2"));
    let fork = orchestrator.fork(checkpoint.id, "t").await.unwrap();
    let made = fork.checkpoints().await.unwrap();
    assert_eq!((made.len(), made[0].parent), (1, Some(checkpoint.id)));
    fork.chat("b").await.unwrap();
    // One that has gone on is another matter.
    place.checkpoints.delete(&[made[0].id]).await.unwrap();
    let error = orchestrator.fork(checkpoint.id, "t").await.unwrap_err();
    assert!(
        error.report().contains("is there already"),
        "{}",
        error.report()
    );

    // What an earlier version has left, which saved the checkpoint first.
    place.sessions.delete(&"t".into()).await.unwrap();
    let left = Checkpoint::new("t".into(), checkpoint.history, CheckpointCause::Fork);
    place.checkpoints.save(&left, &[]).await.unwrap();
    let fork = orchestrator.fork(checkpoint.id, "t").await.unwrap();
    let made = fork.checkpoints().await.unwrap();
    assert!(made.len() == 1 && made[0].id != left.id, "{made:?}");
    assert_eq!(said(&fork), ["a", "1"]);

    // Checkpoints that somebody has made are not swept away, as where sessions are gone with their process.
    place.sessions.delete(&"s".into()).await.unwrap();
    for (id, into) in [(checkpoint.id, "s"), (made[0].id, "s")] {
        let error = orchestrator.fork(id, into).await.unwrap_err();
        assert!(
            error.report().contains("is there already"),
            "{}",
            error.report()
        );
    }
    assert_eq!(session.checkpoints().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_is_deleted_with_its_checkpoints_and_what_is_left_of_one_as_well() {
    let place = Place::new();
    let orchestrator = place.open(ScriptedModel::new().says("1").says("2"));
    let id = SessionId::new("s");
    let session = orchestrator.session("s");
    session.chat("a").await.unwrap();
    session.checkpoint(Some("good")).await.unwrap();
    let other = orchestrator.session("t");
    other.chat("b").await.unwrap();
    other.checkpoint(None).await.unwrap();
    assert!(orchestrator.delete_session(&id).await.unwrap());
    assert!(session.checkpoints().await.unwrap().is_empty());
    assert!(place.sessions.info(&id).await.unwrap().is_none());
    assert!(said(&session).is_empty());
    assert_eq!(other.checkpoints().await.unwrap().len(), 1);
    assert!(!orchestrator.delete_session(&id).await.unwrap());
    // A deletion that came no further than the session.
    place.sessions.delete(&"t".into()).await.unwrap();
    assert!(orchestrator.delete_session(&"t".into()).await.unwrap());
    assert!(other.checkpoints().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_checkpoint_is_of_a_session_that_is_there() {
    let place = Place::new();
    let session = place.open(ScriptedModel::new()).session("s");
    let checkpoint = session.checkpoint(None).await.unwrap();
    let info = place.sessions.info(&"s".into()).await.unwrap().unwrap();
    assert_eq!(info.entries, 0);
    let entries: Vec<TranscriptEntry> = place.sessions.load(&"s".into(), 0).await.unwrap();
    assert!(entries.is_empty());
    session.restore_checkpoint(checkpoint.id).await.unwrap();
}
