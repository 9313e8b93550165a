//! Sessions: isolation, order, reset, restoring, the end.

use std::sync::Arc;
use std::time::Duration;

use victor_orchestrator::chat::{ChatError, TurnOutcome};
use victor_orchestrator::session::SessionManagerExt as _;
use victor_orchestrator::session::{InMemorySessionStore, SessionStore};
use victor_sql::Database;
use victor_testkit::{Expect, ScriptedModel};

use crate::{builder, orchestrator};

#[tokio::test]
async fn sessions_know_nothing_of_each_other() {
    let model = ScriptedModel::new()
        .says("one")
        .expecting(Expect::messages(1))
        .says("two")
        .expecting(Expect::messages(3))
        .says("three");
    let (model, builder) = builder(model);
    let orchestrator = builder.build().unwrap();
    let (review, docs) = (
        orchestrator.session("code-review-123"),
        orchestrator.session("docs-456"),
    );
    review.chat("a").await.unwrap();
    docs.chat("b").await.unwrap();
    review.chat("c").await.unwrap();
    model.assert_finished();
    assert_eq!(
        (
            review.context().messages().len(),
            docs.context().messages().len()
        ),
        (4, 2)
    );
    assert_eq!(
        (
            review.analytics().events.len(),
            docs.analytics().events.len()
        ),
        (8, 4)
    );

    review.reset().await.unwrap();
    assert_eq!(
        (
            review.context().messages().len(),
            docs.context().messages().len()
        ),
        (0, 2)
    );
    assert_eq!(
        (
            review.analytics().events.len(),
            docs.analytics().events.len()
        ),
        (0, 4)
    );
    assert!(review.transcript().await.unwrap().is_empty());
    let sessions = orchestrator.session_coordinator().sessions().await.unwrap();
    let entries = |id: &str| {
        sessions
            .iter()
            .find(|info| info.id.as_str() == id)
            .unwrap()
            .entries
    };
    assert_eq!((entries("code-review-123"), entries("docs-456")), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn turns_of_one_session_follow_each_other_in_order() {
    let mut model = ScriptedModel::new();
    for turn in 0..5 {
        model = model
            .expecting(Expect::messages(2 * turn + 1))
            .expecting(Expect::user_text(turn.to_string()))
            .after(Duration::from_secs(1))
            .says("so it is");
    }
    let (model, builder) = builder(model);
    let orchestrator = builder.build().unwrap();
    let turns: Vec<_> = (0..5)
        .map(|turn| {
            let session = orchestrator.session("one");
            tokio::spawn(async move { session.chat(turn.to_string()).await.unwrap() })
        })
        .collect();
    for turn in turns {
        turn.await.unwrap();
    }
    model.assert_finished();
}

#[tokio::test(start_paused = true)]
async fn a_turn_can_be_cancelled_while_it_waits_for_another() {
    let model = ScriptedModel::new()
        .after(Duration::from_secs(9))
        .says("at last");
    let orchestrator = orchestrator(model);
    let session = orchestrator.session("one");
    let first = tokio::spawn(async move { session.chat("first").await });
    tokio::task::yield_now().await;
    let stream = orchestrator.session("one").stream_chat("second");
    let handle = stream.cancel_handle();
    let second = tokio::spawn(stream.response());
    tokio::task::yield_now().await;
    handle.cancel();
    let second = second.await.unwrap().unwrap();
    assert_eq!(second.outcome, TurnOutcome::Cancelled);
    assert_eq!(first.await.unwrap().unwrap().content(), "at last");
    assert_eq!(orchestrator.session("one").context().messages().len(), 2);
}

#[tokio::test]
async fn another_orchestrator_on_the_same_store_goes_on() {
    let store = Arc::new(InMemorySessionStore::default());
    let make = |model| {
        builder(model)
            .1
            .session_store(store.clone() as Arc<dyn SessionStore>)
            .build()
            .unwrap()
    };
    make(ScriptedModel::new().says("Good day, Ada"))
        .session("s")
        .chat("I am Ada")
        .await
        .unwrap();
    let model = ScriptedModel::new()
        .expecting(Expect::messages(3))
        .says("Ada");
    let later = make(model);
    assert_eq!(
        later
            .session("s")
            .chat("Who am I?")
            .await
            .unwrap()
            .content(),
        "Ada"
    );
}

#[tokio::test]
async fn two_orchestrators_that_take_turns_both_see_all_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("victor.db");
    let mut stores: Vec<[Arc<dyn SessionStore>; 2]> = Vec::new();
    let memory = Arc::new(InMemorySessionStore::default());
    stores.push([memory.clone(), memory]);
    let open = async || {
        Database::open(path.to_str().unwrap())
            .await
            .unwrap()
            .session_store()
    };
    stores.push([open().await, open().await]);
    for stores in stores {
        let two = stores.map(|store| {
            let model = (0..5).fold(ScriptedModel::new(), |model, _| model.says("yes"));
            builder(model).1.session_store(store).build().unwrap()
        });
        for number in 0..10 {
            let session = two[number % 2].session("customer-7");
            let response = session.chat(format!("message {number}")).await;
            assert_eq!(response.unwrap().content(), "yes");
            assert_eq!(session.context().messages().len(), 2 * number + 2);
        }
        let transcript = two[0].session("customer-7").transcript().await.unwrap();
        let texts = transcript.iter().map(|entry| entry.message.text());
        let expected: Vec<_> = (0..10)
            .flat_map(|number| [format!("message {number}"), "yes".to_owned()])
            .collect();
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn after_shutdown_there_are_no_turns() {
    let orchestrator = orchestrator(ScriptedModel::new().says("x"));
    orchestrator.chat("hi").await.unwrap();
    orchestrator.shutdown().await;
    orchestrator.shutdown().await;
    assert!(matches!(
        orchestrator.chat("hi").await,
        Err(ChatError::ShutDown)
    ));
}
