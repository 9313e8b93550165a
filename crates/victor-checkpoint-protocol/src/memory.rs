//! A store that lives as long as the process.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{CheckpointId, Lock, Message, Messages, SessionId};

use crate::{Checkpoint, CheckpointError, CheckpointStore, ContentHash, History, HistoryLink};

/// Keeps checkpoints as long as the process lives.
#[derive(Debug, Default)]
pub struct InMemoryCheckpointStore(Lock<Tables>);

#[derive(Debug, Default)]
struct Tables {
    checkpoints: HashMap<CheckpointId, Checkpoint>,
    links: HashMap<ContentHash, Link>,
    messages: HashMap<ContentHash, Counted<Arc<Message>>>,
}

#[derive(Debug)]
struct Link {
    parent: Option<ContentHash>,
    content: ContentHash,
    /// The number of messages in its history.
    len: u64,
    /// The number of links and checkpoints that build on it.
    users: usize,
}

#[derive(Debug)]
struct Counted<T> {
    value: T,
    users: usize,
}

impl Tables {
    /// Whether the links lead from what is here to the history. Changes nothing.
    fn check(&self, history: &History, links: &[HistoryLink]) -> Result<(), CheckpointError> {
        let (mut head, mut len) = match links.first().map_or(history.head, |first| first.parent) {
            None => (None, 0),
            Some(hash) => match self.links.get(&hash) {
                None => return Err(CheckpointError::MissingHistory(hash)),
                Some(link) => (Some(hash), link.len),
            },
        };
        for link in links {
            if link.parent != head || !link.is_sound() {
                return Err(damaged(format!("link {} does not fit", link.hash)));
            }
            (head, len) = (Some(link.hash), len + 1);
        }
        if (head, len) != (history.head, history.len) {
            return Err(damaged("the links do not lead to the checkpoint's history"));
        }
        Ok(())
    }

    fn add(&mut self, link: &HistoryLink, len: u64) {
        let Entry::Vacant(vacant) = self.links.entry(link.hash) else {
            return;
        };
        vacant.insert(Link {
            parent: link.parent,
            content: link.content,
            len,
            users: 0,
        });
        if let Some(parent) = link.parent.and_then(|hash| self.links.get_mut(&hash)) {
            parent.users += 1;
        }
        let message = self
            .messages
            .entry(link.content)
            .or_insert_with(|| Counted {
                value: Arc::clone(&link.message),
                users: 0,
            });
        message.users += 1;
    }

    /// One user less for a link; what nobody uses goes, and then what only that has used.
    fn release(&mut self, mut head: Option<ContentHash>) {
        while let Some(Entry::Occupied(mut link)) = head.map(|hash| self.links.entry(hash)) {
            link.get_mut().users -= 1;
            if link.get().users > 0 {
                return;
            }
            let link = link.remove();
            if let Entry::Occupied(mut message) = self.messages.entry(link.content) {
                message.get_mut().users -= 1;
                if message.get().users == 0 {
                    message.remove();
                }
            }
            head = link.parent;
        }
    }
}

#[async_trait]
impl CheckpointStore for InMemoryCheckpointStore {
    async fn save(
        &self,
        checkpoint: &Checkpoint,
        links: &[HistoryLink],
    ) -> Result<(), CheckpointError> {
        let mut tables = self.0.lock();
        if let Some(found) = tables.checkpoints.get(&checkpoint.id) {
            return if found == checkpoint {
                Ok(())
            } else {
                Err(CheckpointError::AlreadyExists(checkpoint.id))
            };
        }
        tables.check(&checkpoint.history, links)?;
        let before = checkpoint.history.len - links.len() as u64;
        for (link, len) in links.iter().zip(before + 1..) {
            tables.add(link, len);
        }
        let head = checkpoint.history.head;
        if let Some(link) = head.and_then(|hash| tables.links.get_mut(&hash)) {
            link.users += 1;
        }
        tables.checkpoints.insert(checkpoint.id, checkpoint.clone());
        Ok(())
    }

    async fn load(&self, id: CheckpointId) -> Result<Checkpoint, CheckpointError> {
        let tables = self.0.lock();
        let found = tables.checkpoints.get(&id).cloned();
        found.ok_or(CheckpointError::NotFound(id))
    }

    async fn messages(&self, history: &History) -> Result<Messages, CheckpointError> {
        let tables = self.0.lock();
        let (mut newest_first, mut head) = (Vec::new(), history.head);
        while let Some(hash) = head {
            let link = tables.links.get(&hash);
            let message = link.and_then(|link| tables.messages.get(&link.content));
            let (Some(link), Some(message)) = (link, message) else {
                return Err(CheckpointError::MissingHistory(hash));
            };
            newest_first.push(Arc::clone(&message.value));
            head = link.parent;
        }
        Ok(newest_first.into_iter().rev().collect())
    }

    async fn list(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        let tables = self.0.lock();
        let of_session = |checkpoint: &&Checkpoint| checkpoint.session == *session;
        let found = tables.checkpoints.values().filter(of_session);
        let mut list: Vec<_> = found.cloned().collect();
        list.sort_by_key(|checkpoint| std::cmp::Reverse((checkpoint.at, checkpoint.id)));
        Ok(list)
    }

    async fn delete(&self, ids: &[CheckpointId]) -> Result<usize, CheckpointError> {
        let mut tables = self.0.lock();
        let mut count = 0;
        for id in ids {
            if let Some(checkpoint) = tables.checkpoints.remove(id) {
                tables.release(checkpoint.history.head);
                count += 1;
            }
        }
        Ok(count)
    }
}

fn damaged(message: impl Into<String>) -> CheckpointError {
    CheckpointError::Damaged {
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CheckpointCause;

    #[tokio::test]
    async fn what_no_checkpoint_names_is_removed() {
        let store = InMemoryCheckpointStore::default();
        let session = SessionId::new("s");
        let kept = |store: &InMemoryCheckpointStore| {
            let tables = store.0.lock();
            (tables.links.len(), tables.messages.len())
        };
        let mut history = History::default();
        let shared = Arc::new(Message::user("shared"));
        let links = [
            history.push(Arc::clone(&shared)),
            history.push(Message::user("b")),
        ];
        let first = Checkpoint::new(session.clone(), history, CheckpointCause::Manual);
        store.save(&first, &links).await.unwrap();

        let mut longer = history;
        let links = [longer.push(Message::user("c"))];
        let second = Checkpoint::new(session.clone(), longer, CheckpointCause::Manual);
        store.save(&second, &links).await.unwrap();

        // Another list of messages, which has one message in common and no list.
        let mut other = History::default();
        let links = [other.push(Message::user("d")), other.push(shared)];
        let third = Checkpoint::new(session.clone(), other, CheckpointCause::Manual);
        store.save(&third, &links).await.unwrap();
        assert_eq!(kept(&store), (5, 4));

        assert_eq!(store.delete(&[first.id, first.id]).await.unwrap(), 1);
        assert_eq!(kept(&store), (5, 4));
        store.delete(&[second.id]).await.unwrap();
        assert_eq!(kept(&store), (2, 2));
        assert_eq!(store.messages(&other).await.unwrap().len(), 2);
        store.delete(&[third.id]).await.unwrap();
        assert_eq!(kept(&store), (0, 0));
    }
}
