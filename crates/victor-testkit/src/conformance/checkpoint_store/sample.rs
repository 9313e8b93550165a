//! Checkpoints to save, with all that must be found afterwards.

use std::sync::Arc;

use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointStore, History, HistoryLink,
};
use victor_core::{Message, Messages};

use crate::conformance::{calm, succeed};

/// A checkpoint, and all the links of its history.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) checkpoint: Checkpoint,
    pub(super) links: Vec<HistoryLink>,
}

impl Sample {
    /// A checkpoint of so many messages that nothing else has.
    pub(super) fn new(session: &str, messages: usize) -> Self {
        Self::of(session, &Messages::new()).grown(session, messages)
    }

    /// A checkpoint of these messages.
    pub(super) fn of(session: &str, messages: &Messages) -> Self {
        let mut history = History::default();
        let links = messages
            .iter()
            .map(|message| history.push(Arc::clone(message)))
            .collect();
        Self {
            checkpoint: Checkpoint::new(session.into(), history, CheckpointCause::Manual),
            links,
        }
    }

    /// Another checkpoint of the same messages, and so many more.
    pub(super) fn grown(&self, session: &str, messages: usize) -> Self {
        let (mut history, mut links) = (self.checkpoint.history, self.links.clone());
        links.extend((0..messages).map(|n| history.push(Message::user(format!("message {n}")))));
        Self {
            checkpoint: Checkpoint::new(session.into(), history, CheckpointCause::Manual),
            links,
        }
    }

    pub(super) fn messages(&self) -> Messages {
        let messages = self.links.iter().map(|link| Arc::clone(&link.message));
        messages.collect()
    }

    /// The newest links.
    pub(super) fn newest(&self, count: usize) -> &[HistoryLink] {
        &self.links[self.links.len() - count..]
    }

    /// Saves it with so many of its newest links, which must succeed.
    pub(super) async fn save_newest<S: CheckpointStore + ?Sized>(&self, store: &S, count: usize) {
        succeed(calm(store.save(&self.checkpoint, self.newest(count))).await);
    }

    /// Whether the store has it, whole and unchanged, or else what is wrong.
    pub(super) async fn is_there<S: CheckpointStore + ?Sized>(
        &self,
        store: &S,
    ) -> Result<(), String> {
        let wanted = &self.checkpoint;
        match calm(store.load(wanted.id)).await {
            Ok(found) if found == *wanted => {}
            other => return Err(format!("{wanted:?} became {other:?}")),
        }
        let list = calm(store.list(&wanted.session))
            .await
            .map_err(|error| format!("no list: {error:?}"))?;
        if list.iter().filter(|listed| *listed == wanted).count() != 1 {
            return Err(format!("{wanted:?} is not listed once: {list:?}"));
        }
        match calm(store.messages(&wanted.history)).await {
            Ok(found) if found == self.messages() => Ok(()),
            other => Err(format!("{:?} became {other:?}", self.messages())),
        }
    }

    pub(super) async fn must_be_there<S: CheckpointStore + ?Sized>(&self, store: &S) {
        let found = self.is_there(store).await;
        law!(
            found.is_ok(),
            "what is saved is there, every field and message of it",
            "{}",
            found.unwrap_err()
        );
    }

    /// Checks that the store does not have the checkpoint. Its messages may be there.
    pub(super) async fn must_be_absent<S: CheckpointStore + ?Sized>(&self, store: &S) {
        let loaded = calm(store.load(self.checkpoint.id)).await;
        let list = succeed(calm(store.list(&self.checkpoint.session)).await);
        law!(
            matches!(&loaded, Err(CheckpointError::NotFound(_)))
                && list.iter().all(|listed| listed.id != self.checkpoint.id),
            "what was refused or deleted is not there",
            "{loaded:?}, {list:?}"
        );
    }
}
