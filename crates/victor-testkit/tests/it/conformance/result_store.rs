use async_trait::async_trait;
use tokio::task::yield_now;
use victor_core::SessionId;
use victor_testkit::conformance;
use victor_tool_protocol::{InMemoryResultStore, ResultPage, ResultStore, ToolStoreError};

use super::breaks;

/// A store in memory with something wrong about it.
#[derive(Debug)]
struct Store {
    inner: InMemoryResultStore,
    bug: &'static str,
}

impl Store {
    fn new(bug: &'static str) -> Self {
        Self {
            inner: InMemoryResultStore::default(),
            bug,
        }
    }

    /// Session and handle as the store finds them.
    fn place(&self, session: &SessionId, handle: &str) -> (SessionId, String) {
        match self.bug {
            "one session" => ("all".into(), handle.to_owned()),
            "trims sessions" => (session.as_str().trim().into(), handle.to_owned()),
            "one handle" => (session.clone(), "all".to_owned()),
            _ => (session.clone(), handle.to_owned()),
        }
    }
}

#[async_trait]
impl ResultStore for Store {
    async fn put(
        &self,
        session: &SessionId,
        handle: &str,
        text: &str,
    ) -> Result<(), ToolStoreError> {
        assert!(self.bug != "panics", "bug");
        let (session, handle) = self.place(session, handle);
        let text = match self.bug {
            "fails" => return Err(ToolStoreError::results("bug")),
            "puts once" if self.inner.read(&session, &handle, 0, 1).await?.is_some() => {
                return Ok(());
            }
            "ends at a zero" => text.split('\0').next().unwrap(),
            "cuts large texts" => &text[..text.floor_char_boundary(1 << 20)],
            "puts halfway" => {
                self.inner.put(&session, &handle, "").await?;
                yield_now().await;
                text
            }
            _ => text,
        };
        self.inner.put(&session, &handle, text).await
    }

    async fn read(
        &self,
        session: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, ToolStoreError> {
        let (session, handle) = self.place(session, handle);
        let (offset, max_bytes) = match self.bug {
            "counts from one" if offset > 0 => (offset - 1, max_bytes),
            "small pages" => (offset, max_bytes.min(3)),
            _ => (offset, max_bytes),
        };
        let page = self
            .inner
            .read(&session, &handle, offset, max_bytes)
            .await?;
        Ok(match self.bug {
            "always finds" => Some(page.unwrap_or(ResultPage::new(String::new(), 0, 0))),
            "nothing behind the end" => page.filter(|page| page.offset <= 20),
            _ => page,
        })
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        match self.bug {
            "forgets nothing" => Ok(()),
            "forgets the wrong session" => self.inner.forget(&"s".into()).await,
            _ => self.inner.forget(&self.place(session, "").0).await,
        }
    }
}

#[tokio::test]
async fn a_right_store_passes() {
    conformance::result_store(async || InMemoryResultStore::default()).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        ("fails", "a valid call succeeds"),
        ("always finds", "what was never put is not there"),
        ("puts once", "what was put last is there"),
        ("ends at a zero", "what was put last is there"),
        ("small pages", "what was put last is there"),
        (
            "forgets the wrong session",
            "what is forgotten leaves the rest",
        ),
        ("forgets nothing", "what is forgotten is gone"),
        ("counts from one", "a page is what `ResultPage::of` cuts"),
        (
            "nothing behind the end",
            "a page is what `ResultPage::of` cuts",
        ),
        ("one session", "what is forgotten leaves the rest"),
        ("trims sessions", "sessions and handles are kept apart"),
        ("one handle", "sessions and handles are kept apart"),
        ("cuts large texts", "a large text can be paged through"),
        ("puts halfway", "a dropped write is whole or not there"),
    ] {
        let suite = conformance::result_store(async || Store::new(bug));
        breaks(law, suite).await;
    }
}
