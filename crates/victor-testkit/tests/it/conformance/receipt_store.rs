use std::sync::Mutex;

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_core::{Part, SessionId, ToolCall, ToolOutcome, ToolResult};
use victor_testkit::conformance;
use victor_tool_protocol::{InMemoryReceiptStore, Receipt, ReceiptStore, ToolStoreError};

use super::breaks;

/// A store in memory with something wrong about it.
#[derive(Debug)]
struct Store {
    inner: InMemoryReceiptStore,
    bug: &'static str,
    seen: Mutex<Vec<String>>,
}

impl Store {
    fn new(bug: &'static str) -> Self {
        Self {
            inner: InMemoryReceiptStore::default(),
            bug,
            seen: Mutex::default(),
        }
    }

    /// Session and key as the store finds them.
    fn place(&self, session: &SessionId, key: &str) -> (SessionId, String) {
        match self.bug {
            "one session" => ("all".into(), key.to_owned()),
            "trims keys" => (session.clone(), key.trim().to_owned()),
            "folds case" => (session.as_str().to_lowercase().into(), key.to_owned()),
            _ => (session.clone(), key.to_owned()),
        }
    }
}

#[async_trait]
impl ReceiptStore for Store {
    async fn begin(&self, session: &SessionId, key: &str) -> Result<Receipt, ToolStoreError> {
        assert!(self.bug != "panics", "bug");
        let (session, key) = self.place(session, key);
        match self.bug {
            "fails" => return Err(ToolStoreError::receipts("bug")),
            "always new" => return Ok(Receipt::New),
            "never new" => return Ok(Receipt::Begun),
            "two are first" => {
                let known = self.seen.lock().unwrap().contains(&key);
                yield_now().await;
                self.seen.lock().unwrap().push(key.clone());
                if !known {
                    self.inner.begin(&session, &key).await?;
                    return Ok(Receipt::New);
                }
            }
            "begins halfway" if self.inner.begin(&session, &key).await? == Receipt::New => {
                let call = ToolCall::new("c", "write", "{}");
                let half = ToolResult::new(&call, ToolOutcome::Cancelled, "half");
                self.inner.finish(&session, &key, &half).await?;
                yield_now().await;
                self.inner.withdraw(&session, &key).await?;
            }
            _ => {}
        }
        self.inner.begin(&session, &key).await
    }

    async fn finish(
        &self,
        session: &SessionId,
        key: &str,
        result: &ToolResult,
    ) -> Result<(), ToolStoreError> {
        let (session, key) = self.place(session, key);
        let mut result = result.clone();
        match self.bug {
            "keeps no result" => return Ok(()),
            "keeps text alone" => {
                result.content = vec![Part::text(result.text().into_owned())];
            }
            "forgets fields" => result.extra = Default::default(),
            "finishes once" if self.seen.lock().unwrap().contains(&key) => {
                return Err(ToolStoreError::receipts("finished already"));
            }
            "keeps no large result" if result.text().len() > 100_000 => return Ok(()),
            _ => self.seen.lock().unwrap().push(key.clone()),
        }
        self.inner.finish(&session, &key, &result).await
    }

    async fn withdraw(&self, session: &SessionId, key: &str) -> Result<(), ToolStoreError> {
        let (session, key) = self.place(session, key);
        match self.bug {
            "withdraws nothing" => Ok(()),
            "withdraws all" => self.inner.forget(&session).await,
            _ => self.inner.withdraw(&session, &key).await,
        }
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        let session = self.place(session, "").0;
        match self.bug {
            "forgets nothing" => Ok(()),
            "forgets the wrong session" => self.inner.forget(&"s".into()).await,
            _ => self.inner.forget(&session).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_store_passes() {
    conformance::receipt_store(async || InMemoryReceiptStore::default()).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        ("fails", "a valid call succeeds"),
        ("never new", "a new key is new"),
        ("always new", "what began is told"),
        ("keeps no result", "a result is given back"),
        ("finishes once", "a valid call succeeds"),
        ("withdraws nothing", "what was withdrawn is new"),
        (
            "forgets the wrong session",
            "what is withdrawn or forgotten leaves the rest",
        ),
        ("forgets nothing", "what is forgotten is new"),
        ("keeps text alone", "every field of a result is kept"),
        ("forgets fields", "every field of a result is kept"),
        (
            "one session",
            "what is withdrawn or forgotten leaves the rest",
        ),
        ("folds case", "sessions and keys are kept apart"),
        ("trims keys", "sessions and keys are kept apart"),
        (
            "withdraws all",
            "what is withdrawn or forgotten leaves the rest",
        ),
        ("keeps no large result", "many and large receipts are kept"),
        ("begins halfway", "a dropped write is whole or not there"),
        (
            "two are first",
            "of several who begin, exactly one is the first",
        ),
    ] {
        let suite = conformance::receipt_store(async || Store::new(bug));
        breaks(law, suite).await;
    }
}
