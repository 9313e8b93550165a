//! The coordinator itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDiff, CheckpointDraft, CheckpointError,
    CheckpointManager, CheckpointSnapshot, CheckpointStore, History, InMemoryCheckpointStore,
    Retention,
};
use victor_core::{CheckpointId, Context, Coordinator, Health, SessionId, Timestamp};

use crate::CheckpointOptions;
use crate::diff::diff;
use crate::guarded::GuardedStore;
use crate::hash_chain::{Extension, HashChain};
use crate::retention::{Entry, expired};
use crate::session::{Place, Sessions};

/// Makes, restores, forks, compares and prunes the checkpoints of all sessions.
///
/// - **What is new.** It remembers which messages of a session the store has, and hashes and stores only those behind
///   them: one message more costs the same in a conversation of ten messages and of ten thousand. After a compaction
///   it goes on from where the messages differ.
/// - **A tree.** Each checkpoint names as its parent the one that the session was at before. Checkpoints of a session
///   are made one at a time, and each is later than those before, also when the clock is put back.
/// - **Nothing unsound is handed out.** What is restored, forked or compared is hashed again; where that is not what
///   was saved, the error is [`CheckpointError::Damaged`].
/// - **Several processes** may work on one store. Where another one has pruned what a checkpoint builds on, the
///   checkpoint is saved again with all its messages.
/// - **A store that fails** is an error of the calls that needed it, and so are its panics and calls that take too
///   long; [`health`](Coordinator::health) tells of it until it works again. What cannot be pruned fails no checkpoint.
///
/// [`is_due`](CheckpointManager::is_due) begins to count tool calls anew when it has said yes and when a checkpoint is
/// made; after one has failed, the next tool call is due. A cause that it does not know is not.
///
/// [`reset`](Coordinator::reset) forgets where the session is, and leaves its checkpoints alone: the next one follows
/// on the newest. A checkpoint that failed may be in the store all the same if its answer got lost.
#[derive(Debug)]
pub struct CheckpointCoordinator {
    store: GuardedStore,
    sessions: Sessions,
    options: CheckpointOptions,
}

impl CheckpointCoordinator {
    /// A coordinator of the checkpoints in `store`.
    pub fn new(store: Arc<dyn CheckpointStore>) -> Self {
        Self::with_options(store, CheckpointOptions::default())
    }

    /// A coordinator of the checkpoints in `store` that makes and keeps others.
    pub fn with_options(store: Arc<dyn CheckpointStore>, options: CheckpointOptions) -> Self {
        Self {
            store: GuardedStore::new(store, options.store_timeout),
            sessions: Sessions::new(options.remembered_sessions),
            options,
        }
    }

    /// Makes a checkpoint of a session that is at `place`.
    async fn create(
        &self,
        place: &mut Place,
        draft: CheckpointDraft,
    ) -> Result<Checkpoint, CheckpointError> {
        let mut extension = place.chain.extend(draft.context.messages().clone()).await;
        // Taken out, so that one looks again if this fails or is dropped and it is unknown what has been written.
        let mut listed: Vec<_> = match place.listed.take() {
            Some(listed) => listed,
            None => {
                let newest_first = self.store.list(&draft.session).await?;
                for stored in &newest_first {
                    extension.leave_out(&stored.history);
                }
                newest_first.iter().rev().map(Entry::from).collect()
            }
        };
        let automatic = !matches!(draft.cause, CheckpointCause::Manual | CheckpointCause::Fork);
        let mut checkpoint = Checkpoint::new(draft.session, extension.history(), draft.cause);
        checkpoint.parent = place.at.or(listed.last().map(|newest| newest.id));
        if let Some(newest) = listed.last() {
            checkpoint.at = checkpoint.at.max(just_after(newest.at));
        }
        checkpoint.label = draft.label;
        checkpoint.turn = draft.turn;
        checkpoint.metadata = draft.context.metadata().clone();
        checkpoint.state = draft.state;

        self.save(&checkpoint, &extension).await?;
        place.chain.apply(extension);
        place.at = Some(checkpoint.id);
        listed.push(Entry::from(&checkpoint));
        if automatic {
            self.retain(&checkpoint.session, &mut listed).await;
        }
        place.listed = Some(listed);
        Ok(checkpoint)
    }

    async fn save(
        &self,
        checkpoint: &Checkpoint,
        extension: &Extension,
    ) -> Result<(), CheckpointError> {
        match self.store.save(checkpoint, extension.new_links()).await {
            // Somebody else has pruned what it builds on.
            Err(CheckpointError::MissingHistory(_)) if extension.builds_on_something() => {
                self.store
                    .save(checkpoint, &extension.all_links().await)
                    .await
            }
            saved => saved,
        }
    }

    /// Deletes what need not be kept. That it could not is a problem of the store, and the next one tries again.
    async fn retain(&self, session: &SessionId, listed: &mut Vec<Entry>) {
        let newest_first = listed.iter().rev();
        let gone = expired(newest_first, &self.options.retention, Timestamp::now());
        if gone.is_empty() {
            return;
        }
        match self.store.delete(&gone).await {
            Ok(_) => listed.retain(|entry| !gone.contains(&entry.id)),
            Err(error) => warn!(%session, %error, "old checkpoints could not be deleted"),
        }
    }

    /// A checkpoint and its messages, which are those that were saved.
    async fn read(&self, id: CheckpointId) -> Result<(Checkpoint, HashChain), CheckpointError> {
        let damaged = |what: String| CheckpointError::Damaged {
            message: format!("checkpoint `{id}` {what}: restore another one"),
        };
        let checkpoint = self.store.load(id).await?;
        let messages = match self.store.messages(&checkpoint.history).await {
            Err(CheckpointError::MissingHistory(hash)) => {
                // Either somebody has just deleted the checkpoint, or its messages were lost.
                self.store.load(id).await?;
                return Err(damaged(format!(
                    "names history `{hash}`, which the store does not have"
                )));
            }
            messages => messages?,
        };
        let chain = HashChain::of(messages).await;
        let (found, saved) = (chain.history(), checkpoint.history);
        if found == saved {
            return Ok((checkpoint, chain));
        }
        let name = |history: History| match history.head {
            Some(head) => format!("{} messages with hash `{head}`", history.len),
            None => format!("{} messages", history.len),
        };
        Err(damaged(format!(
            "was saved with {} and has {}",
            name(saved),
            name(found)
        )))
    }
}

impl Default for CheckpointCoordinator {
    /// A coordinator of checkpoints that live as long as the process.
    fn default() -> Self {
        Self::new(Arc::new(InMemoryCheckpointStore::default()))
    }
}

impl Coordinator for CheckpointCoordinator {
    fn name(&self) -> &str {
        "checkpoint"
    }

    fn health(&self) -> Health {
        self.store.problems().health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.sessions.forget(session);
    }
}

#[async_trait]
impl CheckpointManager for CheckpointCoordinator {
    fn is_due(&self, session: &SessionId, cause: &CheckpointCause) -> bool {
        match cause {
            CheckpointCause::Manual | CheckpointCause::Fork => true,
            CheckpointCause::BeforeCompaction => self.options.before_compaction,
            CheckpointCause::BeforeDestructive => self.options.before_destructive,
            CheckpointCause::ToolCalls if self.options.every_tool_calls > 0 => {
                let every = self.options.every_tool_calls;
                let more = |calls: u32| if calls < every - 1 { calls + 1 } else { 0 };
                let calls = &self.sessions.get(session).calls;
                let before = calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |calls| {
                    Some(more(calls))
                });
                before.is_ok_and(|calls| more(calls) == 0)
            }
            _ => false,
        }
    }

    async fn create_checkpoint(
        &self,
        draft: CheckpointDraft,
    ) -> Result<Checkpoint, CheckpointError> {
        let session = self.sessions.get(&draft.session);
        session.calls.store(0, Ordering::Relaxed);
        let created = self.create(&mut *session.place.lock().await, draft).await;
        if created.is_err() {
            let overdue = self.options.every_tool_calls;
            session.calls.store(overdue, Ordering::Relaxed);
        }
        created
    }

    async fn checkpoints(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        self.store.list(session).await
    }

    async fn load_checkpoint(
        &self,
        id: CheckpointId,
    ) -> Result<CheckpointSnapshot, CheckpointError> {
        let (checkpoint, chain) = self.read(id).await?;
        Ok(snapshot(checkpoint, &chain))
    }

    async fn restore_checkpoint(
        &self,
        id: CheckpointId,
    ) -> Result<CheckpointSnapshot, CheckpointError> {
        let (checkpoint, chain) = self.read(id).await?;
        let snapshot = snapshot(checkpoint, &chain);
        let session = self.sessions.get(&snapshot.checkpoint.session);
        let mut place = session.place.lock().await;
        place.at = Some(id);
        place.chain = chain;
        Ok(snapshot)
    }

    async fn fork_checkpoint(
        &self,
        id: CheckpointId,
        session: &SessionId,
    ) -> Result<CheckpointSnapshot, CheckpointError> {
        let fork = self.sessions.get(session);
        let mut place = fork.place.lock().await;
        if !self.store.list(session).await?.is_empty() {
            return Err(CheckpointError::SessionExists(session.clone()));
        }
        let (original, chain) = self.read(id).await?;
        let cause = CheckpointCause::Fork;
        let mut checkpoint = Checkpoint::new(session.clone(), original.history, cause);
        checkpoint.parent = Some(id);
        checkpoint.turn = original.turn;
        checkpoint.metadata = original.metadata;
        checkpoint.state = original.state;
        checkpoint.extra = original.extra;

        self.save(&checkpoint, &chain.extend(chain.messages().clone()).await)
            .await?;
        let snapshot = snapshot(checkpoint, &chain);
        *place = Place {
            at: Some(snapshot.checkpoint.id),
            chain,
            listed: Some(vec![Entry::from(&snapshot.checkpoint)]),
        };
        Ok(snapshot)
    }

    async fn diff_checkpoints(
        &self,
        from: CheckpointId,
        to: CheckpointId,
    ) -> Result<CheckpointDiff, CheckpointError> {
        let (from, from_chain) = self.read(from).await?;
        let (to, to_chain) = self.read(to).await?;
        Ok(diff((&from_chain, &from.state), (&to_chain, &to.state)))
    }

    async fn delete_checkpoints(
        &self,
        session: &SessionId,
        ids: &[CheckpointId],
    ) -> Result<usize, CheckpointError> {
        let session = self.sessions.get(session);
        let mut place = session.place.lock().await;
        // Whether it fails or not, one looks again.
        place.listed = None;
        place.at = place.at.filter(|at| !ids.contains(at));
        self.store.delete(ids).await
    }

    async fn prune_checkpoints(
        &self,
        session: &SessionId,
        retention: &Retention,
    ) -> Result<usize, CheckpointError> {
        let list = self.store.list(session).await?;
        let entries: Vec<_> = list.iter().map(Entry::from).collect();
        let gone = expired(&entries, retention, Timestamp::now());
        if gone.is_empty() {
            return Ok(0);
        }
        self.store.delete(&gone).await
    }
}

fn snapshot(checkpoint: Checkpoint, chain: &HashChain) -> CheckpointSnapshot {
    let mut context = Context::new(chain.messages().clone());
    for (key, value) in &checkpoint.metadata {
        context.set_metadata(key, value.clone());
    }
    CheckpointSnapshot::new(checkpoint, context)
}

/// The next moment that a timestamp can tell.
fn just_after(at: Timestamp) -> Timestamp {
    at + Duration::from_nanos(1)
}
