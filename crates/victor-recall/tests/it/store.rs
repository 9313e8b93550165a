use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use victor_core::{Message, SessionId};
use victor_recall::{RecallOptions, RecallTool};
use victor_session_protocol::{
    InMemorySessionStore, LeaseChange, OpenTurn, SessionCommit, SessionError, SessionInfo,
    SessionPatch, SessionQuery, SessionStanding, SessionStore, TranscriptEntry,
};
use victor_testkit::faults::{Fault, Faulty};

use crate::{call, said, tool, write};

/// A store that counts the entries that are read, and lets others go first.
#[derive(Debug, Default)]
struct Counting {
    inner: InMemorySessionStore,
    read: AtomicU64,
}

impl Counting {
    /// How many entries have been read since the last time.
    fn read(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SessionStore for Counting {
    fn leases(&self) -> bool {
        self.inner.leases()
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        self.inner.standing(session).await
    }

    async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        self.inner.change_lease(session, change).await
    }

    async fn wait_in_line(
        &self,
        session: &SessionId,
        waiter: &str,
        time: Duration,
    ) -> Result<bool, SessionError> {
        self.inner.wait_in_line(session, waiter, time).await
    }

    async fn leave_line(&self, session: &SessionId, waiter: &str) -> Result<(), SessionError> {
        self.inner.leave_line(session, waiter).await
    }

    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        self.inner.create_with(session, entries).await
    }

    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        self.inner.create(session).await
    }

    async fn append(
        &self,
        session: &SessionId,
        expected: u64,
        entries: &[TranscriptEntry],
    ) -> Result<u64, SessionError> {
        self.inner.append(session, expected, entries).await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        self.inner.commit(session, expected, commit).await
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        self.inner.open_turn(session).await
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        self.inner.open_turns().await
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.inner.update(session, patch).await
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        self.inner.find(query).await
    }

    fn persists_turns(&self) -> bool {
        self.inner.persists_turns()
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        tokio::task::yield_now().await;
        let entries = self.inner.load(session, from).await?;
        self.read.fetch_add(entries.len() as u64, Ordering::Relaxed);
        Ok(entries)
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        self.inner.info(session).await
    }

    async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        self.inner.list().await
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        self.inner.clear(session, patch).await
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        self.inner.delete(session).await
    }
}

fn days(days: std::ops::Range<usize>) -> Vec<Message> {
    days.map(|day| Message::user(format!("the weather of day {day}")))
        .collect()
}

#[tokio::test]
async fn only_what_is_new_is_read() {
    let store = Arc::new(Counting::default());
    let tool = RecallTool::new(store.clone());
    write(&store.inner, "s", &days(0..100)).await;
    said(&tool, json!({ "query": "weather" })).await;
    assert_eq!(store.read(), 100);
    write(&store.inner, "s", &[Message::user("the eclipse")]).await;
    // The last one that was known is read again, to see that the session was not reset.
    let report = said(&tool, json!({ "query": "eclipse" })).await;
    assert!(report.contains("#101 user"), "{report}");
    assert_eq!(store.read(), 2);
    said(&tool, json!({ "message": 1 })).await;
    assert_eq!(store.read(), 1);
}

#[tokio::test]
async fn a_session_that_was_reset_is_read_anew() {
    let (store, tool) = tool(&days(0..3)).await;
    let session = SessionId::new("s");
    let found = async || said(&tool, json!({ "query": "weather" })).await;
    assert!(found().await.starts_with("Found 3 of 3 "));
    // Nothing is there any more; then less, as much and more than before.
    store.delete(&session).await.unwrap();
    assert!(found().await.starts_with("None of 0 "));
    for length in [3, 2, 2, 4, 1, 1, 2] {
        store.delete(&session).await.unwrap();
        write(&store, "s", &days(10..10 + length)).await;
        let report = found().await;
        assert!(
            report.starts_with(&format!("Found {length} of {length} ")),
            "{report}"
        );
        assert!(!report.contains("day 2"), "{report}");
    }
}

#[tokio::test]
async fn indices_are_kept_within_limits() {
    let check = async |options: RecallOptions, expected: [u64; 4]| {
        let store = Arc::new(Counting::default());
        let tool = RecallTool::new(store.clone()).with_options(options);
        for session in ["a", "b"] {
            write(&store.inner, session, &days(0..10)).await;
        }
        let mut read = Vec::new();
        for session in ["a", "a", "b", "a"] {
            let report = call(&tool, session, json!({ "query": "weather" })).await;
            assert!(report.unwrap().starts_with("Found 5 of 10 "));
            read.push(store.read());
        }
        assert_eq!(read, expected);
    };
    let options = RecallOptions::default;
    check(options(), [10, 1, 10, 1]).await;
    check(options().with_max_sessions(1), [10, 1, 10, 10]).await;
    check(options().with_max_sessions(0), [10, 10, 10, 10]).await;
    check(options().with_max_bytes(5_000), [10, 1, 10, 10]).await;
    check(options().with_max_bytes(100), [10, 10, 10, 10]).await;
}

#[tokio::test]
async fn calls_at_the_same_time_read_a_transcript_once() {
    let store = Arc::new(Counting::default());
    let tool = Arc::new(RecallTool::new(store.clone()));
    write(&store.inner, "s", &days(0..100)).await;
    let calls: Vec<_> = (0..20)
        .map(|day| {
            let tool = tool.clone();
            tokio::spawn(async move {
                let query = format!("day {day}");
                let report = said(&tool, json!({ "query": query, "limit": 1 })).await;
                assert!(
                    report.contains(&format!("the weather of {query}\n")),
                    "{report}"
                );
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(store.read(), 100 + 19);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_work_is_told_in_words() {
    let check = async |fault: Fault, expected: &str| {
        let store = InMemorySessionStore::default();
        write(&store, "s", &days(0..3)).await;
        let tool = RecallTool::new(Arc::new(Faulty::new(store, fault).first(1)));
        assert_eq!(said(&tool, json!({ "query": "day" })).await, expected);
        // It works as soon as the store does.
        let report = said(&tool, json!({ "query": "day" })).await;
        assert!(report.starts_with("Found 3 of 3 "), "{report}");
    };
    let cannot = "the conversation's transcript cannot be read";
    check(
        Fault::Error,
        &format!("{cannot}: the session store failed: injected fault"),
    )
    .await;
    check(Fault::Panic, &format!("{cannot}: panicked: injected fault")).await;
    check(
        Fault::Hang,
        "the conversation's transcript could not be read within 20s: try again later",
    )
    .await;
    let slow = Duration::from_secs(19);
    let store = InMemorySessionStore::default();
    write(&store, "s", &days(0..3)).await;
    let tool = RecallTool::new(Arc::new(Faulty::new(store, Fault::Slow(slow))));
    let report = said(&tool, json!({ "query": "day" })).await;
    assert!(report.starts_with("Found 3 of 3 "), "{report}");
}
