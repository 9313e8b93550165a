use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointStore, History, HistoryLink,
    InMemoryCheckpointStore,
};
use victor_core::{CheckpointId, Message, SessionId, Timestamp};

fn checkpoint(session: &str, history: History, second: i64) -> Checkpoint {
    let mut checkpoint = Checkpoint::new(session.into(), history, CheckpointCause::Manual);
    checkpoint.at = Timestamp::from_second(second).unwrap();
    checkpoint
}

fn grow(history: &mut History, count: usize) -> Vec<HistoryLink> {
    (0..count)
        .map(|n| history.push(Message::user(n.to_string())))
        .collect()
}

#[tokio::test]
async fn every_checkpoint_gives_back_its_own_messages() {
    let store = InMemoryCheckpointStore::default();
    let mut history = History::default();
    let empty = checkpoint("s", history, 0);
    store.save(&empty, &[]).await.unwrap();
    let mut all = vec![empty];
    for second in 1..=10 {
        let links = grow(&mut history, 2);
        let next = checkpoint("s", history, second);
        store.save(&next, &links).await.unwrap();
        all.push(next);
    }
    for (count, checkpoint) in all.iter().enumerate() {
        let messages = store.messages(&checkpoint.history).await.unwrap();
        assert_eq!(messages.len(), 2 * count);
        assert_eq!(store.load(checkpoint.id).await.unwrap(), *checkpoint);
    }
    all.reverse();
    assert_eq!(store.list(&"s".into()).await.unwrap(), all);
    assert!(
        store
            .list(&SessionId::new("other"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_fork_lives_on_when_its_origin_is_deleted() {
    let store = InMemoryCheckpointStore::default();
    let mut history = History::default();
    let links = grow(&mut history, 3);
    let origin = checkpoint("s", history, 1);
    store.save(&origin, &links).await.unwrap();
    let fork = checkpoint("t", history, 2);
    store.save(&fork, &[]).await.unwrap();
    assert_eq!(
        store
            .delete(&[origin.id, CheckpointId::from_u128(0)])
            .await
            .unwrap(),
        1
    );
    assert_eq!(store.messages(&fork.history).await.unwrap().len(), 3);
    assert!(
        matches!(store.load(origin.id).await, Err(CheckpointError::NotFound(id)) if id == origin.id)
    );
}

#[tokio::test]
async fn the_same_save_twice_is_one_and_another_under_its_name_is_refused() {
    let store = InMemoryCheckpointStore::default();
    let mut history = History::default();
    let links = grow(&mut history, 2);
    let saved = checkpoint("s", history, 1);
    store.save(&saved, &links).await.unwrap();
    store.save(&saved, &links).await.unwrap();
    let mut other = saved.clone();
    other.label = Some("other".into());
    assert!(
        matches!(store.save(&other, &links).await, Err(CheckpointError::AlreadyExists(id)) if id == saved.id)
    );

    // Links that are there already are no error, and are not counted twice.
    let again = checkpoint("s", history, 2);
    store.save(&again, &links).await.unwrap();
    store.delete(&[saved.id, again.id]).await.unwrap();
    assert!(matches!(
        store.messages(&history).await,
        Err(CheckpointError::MissingHistory(_))
    ));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_whole() {
    let store = InMemoryCheckpointStore::default();
    let mut history = History::default();
    let links = grow(&mut history, 3);
    let wanted = checkpoint("s", history, 1);
    let missing = store.save(&wanted, &links[1..]).await;
    assert!(matches!(missing, Err(CheckpointError::MissingHistory(hash)) if hash == links[0].hash));
    assert!(matches!(
        store.save(&wanted, &[]).await,
        Err(CheckpointError::MissingHistory(_))
    ));

    let damaged = async |checkpoint: &Checkpoint, links: &[HistoryLink]| {
        let error = store.save(checkpoint, links).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
    };
    damaged(&wanted, &links[..2]).await;
    damaged(&wanted, &[links[0].clone(), links[2].clone()]).await;
    let mut forged = links.clone();
    forged[1].message = Message::user("forged").into();
    damaged(&wanted, &forged).await;
    let mut wrong = wanted.clone();
    wrong.history.len = 2;
    damaged(&wrong, &links).await;

    assert!(store.list(&"s".into()).await.unwrap().is_empty());
    assert!(matches!(
        store.messages(&history).await,
        Err(CheckpointError::MissingHistory(_))
    ));
    store.save(&wanted, &links).await.unwrap();
}
