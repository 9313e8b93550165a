//! What the laws of the protocols do not say.

use std::sync::Arc;

use serde_json::json;
use sqlx::{Connection, PgConnection, SqliteConnection};
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter};
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointStore, History,
};
use victor_config_protocol::{ConfigMap, ConfigProvider};
use victor_core::{AttemptId, Message, SessionId, TurnId};
use victor_provider_protocol::{AttemptOutcome, LedgerEntry, LedgerQuery, LedgerStore};
use victor_session_protocol::{
    OpenTurn, SessionCommit, SessionInfo, SessionPatch, SessionQuery, SessionStore,
    TranscriptEntry, TurnChange,
};
use victor_sql::Database;
use victor_testkit::poll_at_most;
use victor_tool_protocol::{ReceiptStore, ResultStore};

use crate::home::{Home, on_both};

/// How many rows a table has.
async fn count(home: &Home, name: &str, table: &str) -> i64 {
    let address = home.address(name).await;
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    match home {
        Home::Sqlite(_) => {
            let address = format!("sqlite:{address}");
            let mut connection = SqliteConnection::connect(&address).await.unwrap();
            sqlx::query_scalar(sql)
                .fetch_one(&mut connection)
                .await
                .unwrap()
        }
        Home::Postgres(..) => {
            let mut connection = PgConnection::connect(&address).await.unwrap();
            sqlx::query_scalar(sql)
                .fetch_one(&mut connection)
                .await
                .unwrap()
        }
    }
}

on_both! {
    async fn an_event_that_comes_twice_is_there_once(home: Home) {
        let exporter = home.open("events").await.analytics_exporter();
        let mut events: Vec<_> = (0..500).map(|_| AnalyticsEvent::new("turn\0")).collect();
        exporter.export(&events[..300]).await.unwrap();
        events[0].session_id = Some("s\0".into());
        let result = exporter.export(&events).await.unwrap();
        assert_eq!((result.success, result.exported_count), (true, 500));
        assert_eq!(count(&home, "events", "victor_events").await, 500);
    }

    async fn a_setting_of_a_session_goes_before_that_of_all(home: Home) {
        let provider = home.open("settings").await.config_provider();
        let (own, other) = (SessionId::new(""), SessionId::new("other"));
        provider.set(None, "model", &json!("a")).await.unwrap();
        provider.set(None, "temperature", &json!(0.5)).await.unwrap();
        provider.set(Some(&own), "model", &json!("b")).await.unwrap();
        provider.set(Some(&own), "model", &json!(["c", null])).await.unwrap();
        let check = async |session: &SessionId, expected: serde_json::Value| {
            let found: ConfigMap = provider.get_config(session).await.unwrap();
            assert_eq!(json!(found), expected);
        };
        check(&own, json!({ "model": ["c", null], "temperature": 0.5 })).await;
        check(&other, json!({ "model": "a", "temperature": 0.5 })).await;
        assert!(provider.unset(Some(&own), "model").await.unwrap());
        assert!(!provider.unset(Some(&own), "model").await.unwrap());
        check(&own, json!({ "model": "a", "temperature": 0.5 })).await;
        assert!(provider.unset(None, "model").await.unwrap());
        assert!(provider.unset(None, "temperature").await.unwrap());
        check(&own, json!({})).await;
    }

    async fn a_message_is_kept_once_and_removed_with_its_last_checkpoint(home: Home) {
        let store = home.open("messages").await.checkpoint_store();
        let kept = async || {
            let links = count(&home, "messages", "victor_links").await;
            (links, count(&home, "messages", "victor_messages").await)
        };
        let shared = Arc::new(Message::user("shared"));
        let mut history = History::default();
        let links = [history.push(Arc::clone(&shared)), history.push(Message::user("b"))];
        let first = Checkpoint::new("s".into(), history, CheckpointCause::Manual);
        store.save(&first, &links).await.unwrap();
        let mut longer = history;
        let links = [longer.push(Message::user("c"))];
        let second = Checkpoint::new("s".into(), longer, CheckpointCause::Manual);
        store.save(&second, &links).await.unwrap();
        let mut other = History::default();
        let links = [other.push(Message::user("d")), other.push(shared)];
        let third = Checkpoint::new("t".into(), other, CheckpointCause::Manual);
        store.save(&third, &links).await.unwrap();
        assert_eq!(kept().await, (5, 4));

        assert_eq!(store.delete(&[first.id, first.id]).await.unwrap(), 1);
        assert_eq!(kept().await, (5, 4));
        assert_eq!(store.delete(&[second.id]).await.unwrap(), 1);
        assert_eq!(kept().await, (2, 2));
        assert_eq!(store.messages(&other).await.unwrap().len(), 2);
        assert_eq!(store.delete(&[third.id]).await.unwrap(), 1);
        assert_eq!(kept().await, (0, 0));
    }

    async fn a_message_that_was_changed_behind_the_back_is_damage(home: Home) {
        let store = home.open("changed").await.checkpoint_store();
        let mut history = History::default();
        let links = [history.push(Message::user("a")), history.push(Message::user("b"))];
        let checkpoint = Checkpoint::new("s".into(), history, CheckpointCause::Manual);
        store.save(&checkpoint, &links).await.unwrap();
        let change = "UPDATE victor_messages SET message = replace(message, '\"a\"', '\"A\"')";
        home.execute("changed", change).await;
        let error = store.messages(&history).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error:?}");
        let error = store.messages(&History { len: 3, ..history }).await.unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error:?}");
    }

    async fn what_is_deleted_with_a_session_is_gone(home: Home) {
        let database = home.open("deleted").await;
        let store = database.session_store();
        let mut info = SessionInfo::new("s".into());
        info.tags = ["a".to_owned(), "b\0".to_owned()].into();
        info.title = Some("b\0".into());
        store.create(&info).await.unwrap();
        for text in ["b\0", "B\0"] {
            let mut query = SessionQuery::first(1);
            query.text = Some(text.into());
            query.tags = ["b\0".to_owned()].into();
            assert_eq!(store.find(&query).await.unwrap()[0].title, info.title);
        }
        assert!(store.delete(&info.id).await.unwrap());
        assert_eq!(count(&home, "deleted", "victor_session_tags").await, 0);
    }

    async fn what_was_spent_outlives_its_session(home: Home) {
        let database = home.open("spent").await;
        let (sessions, ledger) = (database.session_store(), database.ledger_store());
        sessions.create(&SessionInfo::new("s".into())).await.unwrap();
        let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 1);
        entry.session = Some("s".into());
        let pending = entry.clone();
        entry.ended = Some(entry.started);
        entry.outcome = AttemptOutcome::Answered;
        // Both forms of an entry in one write, and in any order.
        let both = [entry.clone(), pending.clone()];
        ledger.write(&both).await.unwrap();
        assert!(sessions.delete(&"s".into()).await.unwrap());
        let of_session = LedgerQuery::default().with_session("s");
        assert_eq!(ledger.entries(&of_session).await.unwrap(), [entry.clone()]);
        let (mut next, mut ended) = (pending, entry.clone());
        next.id = AttemptId::generate();
        ended.id = next.id;
        ledger.write(&[next, ended.clone()]).await.unwrap();
        assert_eq!(ledger.entries(&of_session).await.unwrap(), [entry, ended]);
    }

    async fn a_session_is_deleted_with_all_that_hangs_on_it_and_nothing_else(home: Home) {
        let database = home.open("hanging").await;
        let sessions = database.session_store();
        let tables = [
            "sessions", "entries", "open_turns", "checkpoints", "links", "messages", "results", "receipts", "events",
            "config",
        ];
        let rows = async || {
            let mut rows = Vec::new();
            for table in tables {
                rows.push(count(&home, "hanging", &format!("victor_{table}")).await);
            }
            rows
        };
        hang(&database, "other").await;
        let before = rows().await;
        assert!(before.iter().all(|count| *count > 0), "{before:?}");
        hang(&database, "s").await;
        let id = SessionId::new("s");
        assert!(sessions.delete(&id).await.unwrap());
        assert_eq!(rows().await, before);
        assert!(!sessions.delete(&id).await.unwrap());

        // What an earlier version has left, which was killed when the session was gone and the rest was not.
        hang(&database, "s").await;
        home.execute("hanging", "DELETE FROM victor_sessions WHERE id = 's'").await;
        assert!(sessions.delete(&id).await.unwrap(), "there was something");
        assert_eq!(rows().await[3..], before[3..]);
        assert!(!sessions.delete(&id).await.unwrap());
    }
}

/// Writes something of every kind under the name of a session.
pub(crate) async fn hang(database: &Database, name: &str) {
    let id = SessionId::new(name);
    let open = OpenTurn::new(id.clone(), TurnId::generate(), name);
    let entry = TranscriptEntry::new(None, Message::user(name));
    let commit = SessionCommit::new(vec![entry], TurnChange::Open(open));
    database
        .session_store()
        .commit(&id, 0, &commit)
        .await
        .unwrap();
    let mut history = History::default();
    let links = [
        history.push(Message::user("first")),
        history.push(Message::user(name)),
    ];
    let checkpoint = Checkpoint::new(id.clone(), history, CheckpointCause::Manual);
    let checkpoints = database.checkpoint_store();
    checkpoints.save(&checkpoint, &links).await.unwrap();
    database.result_store().put(&id, "1", name).await.unwrap();
    database.receipt_store().begin(&id, "key").await.unwrap();
    let config = database.config_provider();
    config.set(Some(&id), "model", &json!("m")).await.unwrap();
    config.set(None, "model", &json!("m")).await.unwrap();
    let mut event = AnalyticsEvent::new("turn");
    event.session_id = Some(id);
    database
        .analytics_exporter()
        .export(&[event])
        .await
        .unwrap();
}

/// In each file of a folder, how often a text occurs.
fn occurrences(folder: &std::path::Path, text: &str) -> Vec<(String, usize)> {
    let files = std::fs::read_dir(folder).unwrap();
    let found = files.map(|file| {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let times = bytes
            .windows(text.len())
            .filter(|window| *window == text.as_bytes());
        (file.file_name().into_string().unwrap(), times.count())
    });
    found.filter(|(_, times)| *times > 0).collect()
}

#[tokio::test]
async fn what_was_deleted_is_in_no_file() {
    const SECRET: &str = "SWORDFISH";
    let home = Home::sqlite();
    let Home::Sqlite(folder) = &home else { return };
    let database = home.open("secret").await;
    let store = database.session_store();
    // Texts of many lengths, which share pages with others, move as trees grow and fill pages of their own.
    let text = |number: usize| format!("{SECRET} {}", "x".repeat(number * number * 7 % 9_001));
    for number in 0..120 {
        let id = SessionId::new(format!("{SECRET} {}", number % 12));
        let version = store
            .info(&id)
            .await
            .unwrap()
            .map_or(0, |info| info.entries);
        let entry = TranscriptEntry::new(None, Message::user(text(number)));
        let open = OpenTurn::new(id.clone(), TurnId::generate(), text(number * 31));
        let commit = SessionCommit::new(vec![entry], TurnChange::Open(open));
        store.commit(&id, version, &commit).await.unwrap();
        let patch = SessionPatch::default()
            .with_title(text(number % 5))
            .with_tag(text(number % 3))
            .with_metadata("base", text(number * 13));
        store.update(&id, &patch).await.unwrap();
        let mut history = History::default();
        let links = [history.push(Message::user(text(number * 3)))];
        let checkpoint = Checkpoint::new(id.clone(), history, CheckpointCause::Manual);
        let checkpoints = database.checkpoint_store();
        checkpoints.save(&checkpoint, &links).await.unwrap();
        let results = database.result_store();
        let handle = format!("{SECRET} {number}");
        results.put(&id, &handle, &text(number * 5)).await.unwrap();
        let kept = TranscriptEntry::new(None, Message::user("kept ".repeat(number)));
        let other = SessionId::new(format!("other {}", number % 7));
        let version = store
            .info(&other)
            .await
            .unwrap()
            .map_or(0, |info| info.entries);
        store.append(&other, version, &[kept]).await.unwrap();
    }
    assert!(!occurrences(folder.path(), SECRET).is_empty());
    for number in 0..12 {
        let id = SessionId::new(format!("{SECRET} {number}"));
        if number % 2 == 0 {
            let patch = SessionPatch::default().with_title("");
            store.clear(&id, &patch).await.unwrap();
        }
        assert!(store.delete(&id).await.unwrap());
    }
    assert_eq!(occurrences(folder.path(), SECRET), []);
    assert_eq!(store.list().await.unwrap().len(), 7);
}

#[test]
fn a_call_may_be_dropped_where_no_runtime_is() {
    let home = Home::sqlite();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(home.open("dropped")).session_store();
    let id = SessionId::new("s");
    for polls in 1..16 {
        let entry = TranscriptEntry::new(None, Message::user("x"));
        let mut write = store.append(&id, 0, std::slice::from_ref(&entry));
        let mut read = store.list();
        runtime.block_on(poll_at_most(polls, &mut write));
        runtime.block_on(poll_at_most(polls, &mut read));
        drop((write, read));
        let found = runtime.block_on(store.list()).unwrap();
        assert!(found.iter().all(|info| info.entries == 1));
        runtime.block_on(store.delete(&id)).unwrap();
    }
    drop(runtime);
}

#[test]
fn stores_can_be_shared_and_their_futures_sent() {
    fn check<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    check::<Database>();
    check::<victor_sql::SqlSessionStore>();
    fn sent<T: Send>(_: fn() -> T) {}
    sent(|| Database::open("x"));
}
