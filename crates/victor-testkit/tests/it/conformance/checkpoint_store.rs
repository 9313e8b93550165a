use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointStore, ContentHash, History,
    HistoryLink, InMemoryCheckpointStore,
};
use victor_core::{CheckpointId, MessageId, Messages, SessionId, Timestamp};
use victor_testkit::conformance;

use super::breaks;

/// A store in memory with something wrong about it.
#[derive(Debug, Default)]
struct Store {
    inner: InMemoryCheckpointStore,
    bug: &'static str,
    saving: tokio::sync::Mutex<()>,
    /// Histories that some write is not done with.
    torn: Mutex<HashSet<Option<ContentHash>>>,
    /// Histories of checkpoints that were deleted.
    deleted: Mutex<HashSet<Option<ContentHash>>>,
    /// Messages that were taken away.
    gone: Mutex<HashSet<MessageId>>,
}

impl Store {
    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }

    /// The messages that the checkpoints name.
    async fn named(&self, ids: &[CheckpointId]) -> Vec<MessageId> {
        let mut named = Vec::new();
        for id in ids {
            if let Ok(checkpoint) = self.inner.load(*id).await {
                let messages = self.inner.messages(&checkpoint.history).await;
                named.extend(messages.unwrap().iter().map(|message| message.id()));
            }
        }
        named
    }

    fn spoil(&self, checkpoint: &mut Checkpoint) {
        match self.bug {
            "loses labels" => checkpoint.label = None,
            "loses fields" => checkpoint.extra = Default::default(),
            "rounds times" => {
                checkpoint.at =
                    Timestamp::from_unix_millis(checkpoint.at.as_unix_millis()).unwrap();
            }
            _ => {}
        }
    }
}

#[async_trait]
impl CheckpointStore for Store {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        assert!(!self.is("panics"), "bug");
        let known = self.inner.load(checkpoint.id).await.ok();
        match self.bug {
            "refuses again" if known.is_some() => {
                return Err(CheckpointError::AlreadyExists(checkpoint.id));
            }
            "makes another" if known.as_ref() == Some(checkpoint) => {
                let mut other = checkpoint.clone();
                other.id = CheckpointId::generate();
                return self.inner.save(&other, links).await;
            }
            "overwrites" if known.is_some() => {
                let again = checkpoint.history;
                let fits = links
                    .last()
                    .is_some_and(|link| Some(link.hash) == again.head);
                if fits {
                    self.inner.delete(&[checkpoint.id]).await?;
                }
            }
            "trusts known links" if self.inner.messages(&checkpoint.history).await.is_ok() => {
                return self.inner.save(checkpoint, &[]).await;
            }
            "saves in two steps" => {
                self.torn.lock().unwrap().insert(checkpoint.history.head);
                let result = self.inner.save(checkpoint, links).await;
                if result.is_ok() {
                    yield_now().await;
                }
                self.torn.lock().unwrap().remove(&checkpoint.history.head);
                return result;
            }
            "is locked" => {
                let Ok(_guard) = self.saving.try_lock() else {
                    return Err(CheckpointError::store("locked"));
                };
                yield_now().await;
            }
            _ => {}
        }
        let result = self.inner.save(checkpoint, links).await;
        if result.is_ok() {
            self.deleted
                .lock()
                .unwrap()
                .remove(&checkpoint.history.head);
            let mut gone = self.gone.lock().unwrap();
            links.iter().for_each(|link| {
                gone.remove(&link.message.id());
            });
        }
        match (self.bug, result) {
            ("names the head", Err(CheckpointError::MissingHistory(hash))) => Err(
                CheckpointError::MissingHistory(checkpoint.history.head.unwrap_or(hash)),
            ),
            ("trusts the caller", Err(CheckpointError::MissingHistory(_)))
            | ("checks no links", Err(CheckpointError::Damaged { .. })) => Ok(()),
            ("is sorry", Err(CheckpointError::MissingHistory(_)))
                if self
                    .deleted
                    .lock()
                    .unwrap()
                    .contains(&checkpoint.history.head) =>
            {
                Err(CheckpointError::store("sorry"))
            }
            ("keeps what it refuses", Err(error)) => {
                let mut empty = checkpoint.clone();
                empty.history = History::default();
                self.inner.save(&empty, &[]).await?;
                Err(error)
            }
            (_, result) => result,
        }
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        let loaded = self.inner.load(id).await;
        let mut found = match loaded {
            Err(CheckpointError::NotFound(_)) if self.is("is vague") => {
                return Err(CheckpointError::store("no rows"));
            }
            loaded => loaded?,
        };
        self.spoil(&mut found);
        Ok(found)
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        let head = history.head;
        match self.bug {
            "knows no empty history" if head.is_none() => {
                return Err(CheckpointError::MissingHistory(ContentHash::default()));
            }
            "reads what is deleted" => {
                yield_now().await;
                if self.deleted.lock().unwrap().contains(&head) {
                    return Ok(Messages::new());
                }
            }
            _ => {}
        }
        let read = self.inner.messages(history).await;
        let messages = match read {
            Err(_) if self.is("finds no messages") => Messages::new(),
            read => read?,
        };
        let gone = self.gone.lock().unwrap();
        let torn = self.torn.lock().unwrap().contains(&head);
        if torn || messages.iter().any(|message| gone.contains(&message.id())) {
            return Err(CheckpointError::MissingHistory(head.unwrap_or_default()));
        }
        Ok(match self.bug {
            "turns messages" => messages.iter().rev().cloned().collect(),
            "loads a page" => messages.iter().take(1000).cloned().collect(),
            _ => messages,
        })
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        let mut list = self.inner.list(session).await?;
        list.iter_mut().for_each(|found| self.spoil(found));
        let lower = SessionId::from(session.as_str().to_lowercase());
        match self.bug {
            "lists something" if list.is_empty() => list.push(Checkpoint::new(
                session.clone(),
                History::default(),
                CheckpointCause::Manual,
            )),
            "lists twice" => list.extend(list.clone()),
            "folds case" if lower != *session => list.extend(self.inner.list(&lower).await?),
            "lists backwards" => list.reverse(),
            "orders times as texts" => {
                list.sort_by_key(|found| std::cmp::Reverse((found.at.to_string(), found.id)));
            }
            "orders by identifier" => list.sort_by_key(|found| std::cmp::Reverse(found.id)),
            "lists a page" => list.truncate(100),
            _ => {}
        }
        Ok(list)
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        for id in ids {
            if let Ok(found) = self.inner.load(*id).await {
                self.deleted.lock().unwrap().insert(found.history.head);
            }
        }
        match self.bug {
            "counts identifiers" => {
                self.inner.delete(ids).await?;
                return Ok(ids.len());
            }
            "deletes nothing" => return Ok(ids.len().min(2)),
            "counts early" => {
                let mut count = 0;
                for id in ids.iter().collect::<HashSet<_>>() {
                    count += usize::from(self.inner.load(*id).await.is_ok());
                }
                yield_now().await;
                self.inner.delete(ids).await?;
                return Ok(count);
            }
            "takes messages along" => {
                let named = self.named(ids).await;
                self.gone.lock().unwrap().extend(named);
            }
            // Looks first, and takes away what nobody named when it looked.
            "collects late" if ids.len() == 1 => {
                let named = self.named(ids).await;
                let session = self
                    .inner
                    .load(ids[0])
                    .await
                    .ok()
                    .map(|found| found.session);
                let mut kept = HashSet::new();
                for session in ["s", "t"].map(SessionId::new).into_iter().chain(session) {
                    let list = self.inner.list(&session).await?;
                    let others = list.iter().map(|found| found.id).filter(|id| *id != ids[0]);
                    kept.extend(self.named(&others.collect::<Vec<_>>()).await);
                }
                yield_now().await;
                let unnamed = named.into_iter().filter(|id| !kept.contains(id));
                self.gone.lock().unwrap().extend(unnamed);
            }
            "deletes one by one" => {
                let mut count = 0;
                for id in ids {
                    count += self.inner.delete(&[*id]).await?;
                    if ids.len() == 3 {
                        yield_now().await;
                    }
                }
                return Ok(count);
            }
            _ => {}
        }
        self.inner.delete(ids).await
    }
}

async fn suite(bug: &'static str) {
    let stores = Mutex::new(HashMap::<String, Arc<Store>>::new());
    conformance::checkpoint_store(async |name: &str| {
        let made = Arc::new(Store {
            bug,
            ..Store::default()
        });
        let mut stores = stores.lock().unwrap();
        if bug == "forgets when it is closed" && name == "reopening" {
            stores.retain(|_, store| Arc::strong_count(store) > 1);
        }
        let known = stores
            .entry(name.to_owned())
            .or_insert_with(|| made.clone());
        if bug == "is one of several" {
            made
        } else {
            known.clone()
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_store_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        (
            "is vague",
            "a checkpoint that is not there cannot be loaded",
        ),
        (
            "finds no messages",
            "a history that is not there is missing",
        ),
        (
            "knows no empty history",
            "the empty history is always there",
        ),
        (
            "lists something",
            "a session without checkpoints lists none",
        ),
        ("counts identifiers", "a deletion counts what was there"),
        ("deletes nothing", "a deletion counts what was there"),
        ("loses labels", "what is saved is there"),
        ("loses fields", "what is saved is there"),
        ("rounds times", "what is saved is there"),
        ("turns messages", "what is saved is there"),
        ("lists twice", "what is saved is there"),
        ("refuses again", "a valid call succeeds"),
        (
            "makes another",
            "the same checkpoint saved again changes nothing",
        ),
        (
            "overwrites",
            "another checkpoint under the same identifier is refused",
        ),
        (
            "names the head",
            "a save on a history that is not there says which is missing",
        ),
        (
            "trusts the caller",
            "a save on a history that is not there says which is missing",
        ),
        (
            "keeps what it refuses",
            "what was refused or deleted is not there",
        ),
        (
            "checks no links",
            "links that do not lead to the history are refused",
        ),
        (
            "trusts known links",
            "links that do not lead to the history are refused",
        ),
        ("folds case", "sessions do not touch each other"),
        ("lists backwards", "checkpoints are listed newest first"),
        (
            "orders times as texts",
            "checkpoints are listed newest first",
        ),
        (
            "orders by identifier",
            "checkpoints are listed newest first",
        ),
        (
            "takes messages along",
            "a deletion leaves the messages of others alone",
        ),
        ("is sorry", "what was deleted is there or missing"),
        ("loads a page", "long histories and large messages are kept"),
        ("lists a page", "every checkpoint of a session is listed"),
        ("saves in two steps", "a dropped save is whole or not there"),
        (
            "deletes one by one",
            "a dropped deletion is whole or has not happened",
        ),
        ("is one of several", "a valid call succeeds"),
        ("forgets when it is closed", "what is saved is there"),
        (
            "is locked",
            "saves of the same links do not disturb each other",
        ),
        (
            "reads what is deleted",
            "a history that is being deleted is whole or missing",
        ),
        ("counts early", "of several racing deletions one counts"),
        (
            "collects late",
            "a deletion takes no message from a save that builds on it",
        ),
    ] {
        breaks(law, suite(bug)).await;
    }
}
