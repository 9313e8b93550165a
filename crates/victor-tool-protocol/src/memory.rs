//! Stores that live as long as the process.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Lock, SessionId, ToolResult};

use crate::{Receipt, ReceiptStore, ResultPage, ResultStore, ToolStoreError};

/// Keeps receipts as long as the process lives, of each session the last [`RECEIPTS`](Self::RECEIPTS).
#[derive(Debug, Default)]
pub struct InMemoryReceiptStore(Lock<HashMap<SessionId, Bounded<String, Option<ToolResult>>>>);

impl InMemoryReceiptStore {
    /// The number of receipts kept for a session. A turn can be resumed as long as its receipts are kept.
    pub const RECEIPTS: usize = 1_000;
}

#[async_trait]
impl ReceiptStore for InMemoryReceiptStore {
    async fn begin(&self, session: &SessionId, key: &str) -> Result<Receipt, ToolStoreError> {
        let mut sessions = self.0.lock();
        let receipts = sessions.entry(session.clone()).or_default();
        Ok(match receipts.entries.get(key) {
            Some(Some(result)) => Receipt::Finished(result.clone()),
            Some(None) => Receipt::Begun,
            None => {
                receipts.insert(key.to_owned(), None);
                if receipts.order.len() > Self::RECEIPTS {
                    receipts.remove_oldest();
                }
                Receipt::New
            }
        })
    }

    async fn finish(
        &self,
        session: &SessionId,
        key: &str,
        result: &ToolResult,
    ) -> Result<(), ToolStoreError> {
        let mut sessions = self.0.lock();
        let receipts = sessions.entry(session.clone()).or_default();
        receipts.insert(key.to_owned(), Some(result.clone()));
        Ok(())
    }

    async fn withdraw(&self, session: &SessionId, key: &str) -> Result<(), ToolStoreError> {
        if let Some(receipts) = self.0.lock().get_mut(session) {
            receipts.entries.remove(key);
            receipts.order.retain(|kept| kept != key);
        }
        Ok(())
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        self.0.lock().remove(session);
        Ok(())
    }
}

/// Keeps texts as long as the process lives, up to [`BYTES`](Self::BYTES) in all; the oldest go first.
#[derive(Debug, Default)]
pub struct InMemoryResultStore(Lock<Texts>);

#[derive(Debug, Default)]
struct Texts {
    by_handle: Bounded<(SessionId, String), Arc<str>>,
    bytes: usize,
}

impl InMemoryResultStore {
    /// The bytes kept in all: 256 MiB.
    pub const BYTES: usize = 256 << 20;
}

#[async_trait]
impl ResultStore for InMemoryResultStore {
    async fn put(
        &self,
        session: &SessionId,
        handle: &str,
        text: &str,
    ) -> Result<(), ToolStoreError> {
        if text.len() > Self::BYTES {
            let message = format!("{} bytes are more than it holds", text.len());
            return Err(ToolStoreError::results(message));
        }
        let mut texts = self.0.lock();
        let key = (session.clone(), handle.to_owned());
        let before = texts.by_handle.insert(key, text.into());
        texts.bytes = texts.bytes + text.len() - before.map_or(0, |text| text.len());
        while texts.bytes > Self::BYTES {
            let oldest = texts.by_handle.remove_oldest();
            texts.bytes -= oldest.map_or(texts.bytes, |text| text.len());
        }
        Ok(())
    }

    async fn read(
        &self,
        session: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, ToolStoreError> {
        let key = (session.clone(), handle.to_owned());
        let text = self.0.lock().by_handle.entries.get(&key).cloned();
        Ok(text.map(|text| ResultPage::of(&text, offset, max_bytes)))
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        let mut texts = self.0.lock();
        let Texts { by_handle, bytes } = &mut *texts;
        by_handle.order.retain(|(of, _)| of != session);
        by_handle.entries.retain(|(of, _), text| {
            let stays = of != session;
            *bytes -= if stays { 0 } else { text.len() };
            stays
        });
        Ok(())
    }
}

/// A map that knows its oldest entry.
#[derive(Debug)]
struct Bounded<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Bounded<K, V> {
    fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.entries.insert(key.clone(), value);
        if before.is_none() {
            self.order.push_back(key);
        }
        before
    }

    fn remove_oldest(&mut self) -> Option<V> {
        self.entries.remove(&self.order.pop_front()?)
    }
}
