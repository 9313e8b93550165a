//! What is saved of damaged files.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;
use victor_checkpoint_protocol::{Checkpoint, CheckpointCause, CheckpointStore, History};
use victor_core::{Message, SessionId};
use victor_session_protocol::{
    SessionError, SessionPatch, SessionQuery, SessionStore, TranscriptEntry,
};
use victor_sql::{Database, DatabaseError, salvage};

use crate::home::Home;

const SESSIONS: usize = 50;
const ENTRIES: usize = 40;
const CHECKPOINTS: usize = 20;
/// The size of a page.
const PAGE: usize = 4096;

fn session(number: usize) -> SessionId {
    SessionId::new(format!("session {number}"))
}

async fn open(path: &Path) -> Database {
    Database::open(path.to_str().unwrap()).await.unwrap()
}

/// A file with sessions and checkpoints, which is closed.
async fn filled(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("victor.db");
    let database = open(&path).await;
    let (store, checkpoints) = (database.session_store(), database.checkpoint_store());
    for number in 0..SESSIONS {
        let text = |entry| Message::user(format!("{number} {entry} {}", "x".repeat(300)));
        let entries: Vec<_> = (0..ENTRIES)
            .map(|entry| TranscriptEntry::new(None, text(entry)))
            .collect();
        store.append(&session(number), 0, &entries).await.unwrap();
    }
    let patch = SessionPatch::default().with_tag("tagged");
    store.update(&session(7), &patch).await.unwrap();
    for number in 0..CHECKPOINTS {
        let mut history = History::default();
        let text = |message| Message::user(format!("{number} {message} {}", "y".repeat(300)));
        let links: Vec<_> = (0..20).map(|message| history.push(text(message))).collect();
        let checkpoint = Checkpoint::new(session(number), history, CheckpointCause::Manual);
        checkpoints.save(&checkpoint, &links).await.unwrap();
    }
    database.close().await;
    path
}

/// Destroys the pages with rows in which a text stands, every so often.
fn damage(path: &Path, text: &str, every: usize) -> usize {
    let mut bytes = fs::read(path).unwrap();
    // By its first byte, a page has rows of a table.
    let has_text = |page: &&mut [u8]| {
        page[0] == 13 && page.windows(text.len()).any(|part| part == text.as_bytes())
    };
    let pages = bytes
        .chunks_mut(PAGE)
        .skip(1)
        .filter(has_text)
        .step_by(every);
    let count = pages.map(|page| page.fill(0xa5)).count();
    fs::write(path, bytes).unwrap();
    count
}

/// Every transcript that is there is a part of what it was, in order, and can be written to.
async fn check(path: &Path, lost: &[SessionId]) -> usize {
    let database = open(path).await;
    let (store, checkpoints) = (database.session_store(), database.checkpoint_store());
    let mut count = 0;
    for info in store.list().await.unwrap() {
        let entries = store.load(&info.id, 0).await.unwrap();
        assert_eq!(info.entries, entries.len() as u64);
        let texts: Vec<_> = entries
            .iter()
            .map(|entry| entry.message.text().into_owned())
            .collect();
        let numbers = texts.iter().map(|text| {
            let mut words = text.split(' ');
            (
                words.next().unwrap(),
                words.next().unwrap().parse::<usize>().unwrap(),
            )
        });
        let numbers: Vec<_> = numbers.collect();
        let of = |number: &(&str, usize)| number.0.to_owned();
        assert!(numbers.iter().map(of).collect::<HashSet<_>>().len() <= 1);
        assert!(numbers.is_sorted_by_key(|(_, number)| *number));
        assert!(
            entries.len() == ENTRIES || lost.contains(&info.id),
            "{info:?}"
        );
        count += entries.len();
        store
            .append(&info.id, info.entries, &entries)
            .await
            .unwrap();
    }
    for number in 0..CHECKPOINTS {
        for checkpoint in checkpoints.list(&session(number)).await.unwrap() {
            assert_eq!(
                checkpoints
                    .messages(&checkpoint.history)
                    .await
                    .unwrap()
                    .len(),
                20
            );
        }
    }
    count
}

#[tokio::test]
async fn of_a_sound_file_everything_is_copied() {
    let folder = TempDir::new().unwrap();
    let path = filled(&folder).await;
    let into = folder.path().join("new.db");
    let saved = salvage(&path, &into).await.unwrap();
    assert!(saved.complete && saved.sessions.is_empty(), "{saved:?}");
    let rows = SESSIONS * (1 + ENTRIES) + CHECKPOINTS * (1 + 2 * 20);
    assert_eq!(saved.rows, rows as u64);
    assert_eq!(check(&into, &[]).await, SESSIONS * ENTRIES);
    let mut tagged = SessionQuery::default();
    tagged.tags = ["tagged".to_owned()].into();
    let database = open(&into).await;
    let found = database.session_store().find(&tagged).await.unwrap();
    assert_eq!(
        found.iter().map(|info| info.id.clone()).collect::<Vec<_>>(),
        [session(7)]
    );
    assert_eq!(found[0].title, None);
    let list = database.checkpoint_store().list(&session(3)).await.unwrap();
    assert_eq!(list.len(), 1);

    let error = salvage(&path, &into).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Address { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_around_damaged_pages_is_saved() {
    let folder = TempDir::new().unwrap();
    let path = filled(&folder).await;
    // Pages of transcripts and of messages, at the beginning, in the middle and at the end.
    let pages = damage(&path, "xxxxxxxxxx", 17) + damage(&path, "yyyyyyyyyy", 7);
    assert!(pages > 10, "{pages}");

    let store = open(&path).await.session_store();
    let mut errors = Vec::new();
    for number in 0..SESSIONS {
        if let Err(error) = store.load(&session(number), 0).await {
            assert!(matches!(error, SessionError::Store { .. }), "{error:?}");
            errors.push(error.to_string());
        }
    }
    assert!(!errors.is_empty());
    let told =
        "is damaged: keep it as it is, and copy what can still be read with `victor_sql::salvage`";
    assert!(
        errors.iter().all(|error| error.contains(told)),
        "{errors:?}"
    );

    let before = fs::read(&path).unwrap();
    let into = folder.path().join("new.db");
    let saved = salvage(&path, &into).await.unwrap();
    assert!(!saved.complete && !saved.sessions.is_empty(), "{saved:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
    let count = check(&into, &saved.sessions).await;
    // A page has some ten entries.
    let lost = SESSIONS * ENTRIES - count;
    assert!(
        (1..=pages * 12).contains(&lost),
        "{lost} entries of {pages} pages"
    );
    let list = open(&into).await.session_store().list().await.unwrap();
    assert_eq!(list.len(), SESSIONS);
}

#[tokio::test]
async fn transcripts_outlive_what_was_known_of_their_sessions() {
    let folder = TempDir::new().unwrap();
    let path = filled(&folder).await;
    assert!(damage(&path, "\"created_at\"", 1) > 0);
    let into = folder.path().join("new.db");
    let saved = salvage(&path, &into).await.unwrap();
    assert!(!saved.complete, "{saved:?}");
    assert!(
        saved
            .sessions
            .iter()
            .all(|id| id.as_str().starts_with("salvaged-")),
        "{saved:?}"
    );
    assert_eq!(check(&into, &saved.sessions).await, SESSIONS * ENTRIES);
}

#[tokio::test]
async fn a_file_of_which_nothing_is_left_is_told() {
    let folder = TempDir::new().unwrap();
    let path = filled(&folder).await;
    let length = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0xa5; length as usize]).unwrap();
    let error = salvage(&path, folder.path().join("new.db"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::NotADatabase { .. }),
        "{error:?}"
    );
    assert!(!folder.path().join("new.db").exists());
}

/// The number of rows of each table of a file, except the version of the schema.
async fn rows(path: &Path) -> Vec<(String, i64)> {
    let mut file = SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'victor_schema' ORDER BY name";
    let tables: Vec<String> = sqlx::query_scalar(tables)
        .fetch_all(&mut file)
        .await
        .unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count = sqlx::query_scalar(count)
            .fetch_one(&mut file)
            .await
            .unwrap();
        rows.push((table, count));
    }
    rows
}

#[tokio::test]
async fn every_table_is_salvaged() {
    let folder = TempDir::new().unwrap();
    let (path, into) = (folder.path().join("old.db"), folder.path().join("new.db"));
    let database = open(&path).await;
    crate::schema::fill(&database).await;
    database.close().await;
    let saved = salvage(&path, &into).await.unwrap();
    assert!(saved.complete && saved.sessions.is_empty(), "{saved:?}");
    let before = rows(&path).await;
    let empty: Vec<_> = before.iter().filter(|(_, count)| *count == 0).collect();
    assert!(empty.is_empty(), "`fill` must fill every table: {empty:?}");
    assert_eq!(rows(&into).await, before);
    crate::schema::check(&open(&into).await, crate::schema::LATEST).await;
}

#[tokio::test]
async fn a_file_of_any_earlier_version_is_salvaged() {
    for (number, (script, _)) in crate::schema::VERSIONS.iter().enumerate() {
        let home = Home::sqlite();
        home.execute("old", script).await;
        let path = home.address("old").await;
        let into = path.replace("old.db", "new.db");
        let saved = salvage(&path, &into).await.unwrap();
        assert!(saved.complete, "version {}: {saved:?}", number + 1);
        crate::schema::check(&Database::open(&into).await.unwrap(), number + 1).await;
    }
}
