//! What goes wrong with a database, and how it is told. Nothing of what failed is there, and what comes later works.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::{Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use victor_core::{Message, SessionId};
use victor_session_protocol::{SessionError, SessionStore, TranscriptEntry};
use victor_sql::{Database, DatabaseError, DatabaseOptions};

use crate::home::{Home, on_both};

const NOBODY: u32 = 65534;

fn entries(text: &str) -> [TranscriptEntry; 1] {
    [TranscriptEntry::new(None, Message::user(text))]
}

/// The error, and every one beneath it, in words.
fn words(error: &(dyn Error + 'static)) -> String {
    let beneath = error.source().map(words);
    let beneath = beneath.map(|words| format!(": {words}"));
    format!("{error}{}", beneath.unwrap_or_default())
}

/// A call failed, and says so in these words, once and without those of the database and the names of options.
#[track_caller]
fn check<T: std::fmt::Debug>(result: Result<T, SessionError>, expected: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error, SessionError::Store { .. }), "{error:?}");
    assert!(error.to_string().contains(expected), "{error}");
    let words = words(&error);
    assert!(words.matches("(code").count() <= 1, "{words}");
    for option in ["lock_timeout", "max_bytes", "statement_timeout"] {
        assert!(!words.contains(option), "{words}");
    }
}

/// The words of the error say everything, and nothing stands behind them.
#[track_caller]
fn check_alone<T: std::fmt::Debug>(result: Result<T, SessionError>, expected: &str) {
    let error = result.unwrap_err();
    assert!(error.source().is_none(), "{}", words(&error));
    check(Err::<T, _>(error), expected);
}

fn path(address: &str) -> String {
    format!("sqlite:{address}")
}

#[tokio::test]
async fn a_full_disk_is_told_and_can_be_overcome() {
    let home = Home::sqlite();
    let address = home.address("full").await;
    let mut options = DatabaseOptions::default();
    options.max_bytes = Some(512 << 10);
    let database = Database::open_with(&address, &options).await.unwrap();
    let store = database.session_store();
    let id = SessionId::new("s");
    let mut version = 0;
    let error = loop {
        match store
            .append(&id, version, &entries(&"x".repeat(10_000)))
            .await
        {
            Ok(next) => version = next,
            Err(error) => break error,
        }
        assert!(version < 1_000, "the file has no limit");
    };
    assert!(version > 10, "{error}");
    check_alone(
        Err::<(), _>(error),
        &format!("there is no room for `{address}`: free some"),
    );
    // More than once, and with several statements in a transaction.
    let many = vec![entries(&"x".repeat(100_000)); 10].concat();
    check(store.append(&id, version, &many).await, "there is no room");
    assert_eq!(store.load(&id, 0).await.unwrap().len() as u64, version);
    // Small writes go where there is room still, if there is some.
    drop(store.append(&id, version, &entries("small")).await);
    let version = store.info(&id).await.unwrap().unwrap().entries;
    database.close().await;

    let store = home.open("full").await.session_store();
    assert_eq!(store.load(&id, 0).await.unwrap().len() as u64, version);
    store.append(&id, version, &many).await.unwrap();
}

#[tokio::test]
async fn a_locked_file_is_told_after_the_timeout() {
    let home = Home::sqlite();
    let store = home.open_impatient("locked").await.session_store();
    let (id, address) = (SessionId::new("s"), home.address("locked").await);
    let mut other = SqliteConnection::connect(&path(&address)).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    for _ in 0..2 {
        let result = store.append(&id, 0, &entries("x")).await;
        check_alone(result, &format!("`{address}` is locked: another process"));
    }
    assert!(
        store.info(&id).await.unwrap().is_none(),
        "who reads does not wait"
    );
    // A second process opens it meanwhile.
    assert!(
        home.open("locked")
            .await
            .session_store()
            .list()
            .await
            .unwrap()
            .is_empty()
    );
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.append(&id, 0, &entries("x")).await.unwrap();
}

#[tokio::test]
async fn a_row_that_is_locked_on_the_server_is_told_after_the_timeout() {
    let Some(home) = Home::postgres() else { return };
    let store = home.open_impatient("locked").await.session_store();
    let id = SessionId::new("s");
    store.append(&id, 0, &entries("x")).await.unwrap();
    let mut other = hold(&home, "locked").await;
    check(
        store.append(&id, 1, &entries("y")).await,
        "is locked: another process",
    );
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    store.append(&id, 1, &entries("y")).await.unwrap();
}

/// Begins to write to every session, and goes no further.
async fn hold(home: &Home, name: &str) -> PgConnection {
    let mut other = PgConnection::connect(&home.address(name).await)
        .await
        .unwrap();
    let update = "BEGIN; UPDATE victor_sessions SET entries = entries";
    sqlx::raw_sql(update).execute(&mut other).await.unwrap();
    other
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_connection_is_lost_is_made_again() {
    let Some(home) = Home::postgres() else { return };
    let store = home.open("lost").await.session_store();
    let id = SessionId::new("s");
    store.append(&id, 0, &entries("x")).await.unwrap();
    let mut other = hold(&home, "lost").await;
    let write = tokio::spawn({
        let (store, id) = (store.clone(), id.clone());
        async move { store.append(&id, 1, &entries("y")).await }
    });
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::raw_sql(kill)
        .fetch_all(&mut other)
        .await
        .unwrap()
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(write.await.unwrap().unwrap(), 2);
    // Those who wait in the pool are lost as well, when the server goes down.
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(kill).execute(&mut other).await.unwrap();
    assert_eq!(store.load(&id, 0).await.unwrap().len(), 2);
    store.append(&id, 2, &entries("y")).await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let Some(home) = Home::postgres() else { return };
    let mut options = DatabaseOptions::default();
    options.statement_timeout = Duration::from_millis(200);
    let address = home.address("slow").await;
    let store = Database::open_with(address, &options)
        .await
        .unwrap()
        .session_store();
    let id = SessionId::new("s");
    store.append(&id, 0, &entries("x")).await.unwrap();
    let other = hold(&home, "slow").await;
    check(
        store.append(&id, 1, &entries("y")).await,
        "has not answered in time",
    );
    other.close().await.unwrap();
    store.append(&id, 1, &entries("y")).await.unwrap();
}

on_both! {
    async fn a_database_that_can_only_be_read_is_read(home: Home) {
        let id = SessionId::new("s");
        let database = home.open("readonly").await;
        database.session_store().append(&id, 0, &entries("x")).await.unwrap();
        // SQLite would use a file again that is open with other rights.
        database.close().await;
        match &home {
            Home::Sqlite(folder) => as_nobody(folder.path(), &id),
            Home::Postgres(..) => {
                let alter = "DO $$ BEGIN EXECUTE
                    'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on';
                    END $$";
                home.execute("readonly", alter).await;
                reads_only(&home.open("readonly").await, &id).await;
            }
        }
    }

    async fn what_another_program_wrote_is_told_and_not_guessed_at(home: Home) {
        let store = home.open("garbage").await.session_store();
        let id = SessionId::new("s");
        store.append(&id, 0, &entries("x")).await.unwrap();
        let garbage = "UPDATE victor_entries SET entry = 'garbage'";
        home.execute("garbage", garbage).await;
        check(store.load(&id, 0).await, "holds a transcript entry that cannot be read");
    }

    async fn a_closed_database_says_so(home: Home) {
        let database = home.open("closed").await;
        let store = database.session_store();
        store.append(&"s".into(), 0, &entries("x")).await.unwrap();
        database.close().await;
        check(store.list().await, "was closed: open it again");
        check(store.append(&"s".into(), 1, &entries("x")).await, "was closed: open it again");
    }
}

/// Opens the file without the right to write to it, and then not to its folder either. The tests may run as root, who
/// may do everything.
fn as_nobody(folder: &Path, id: &SessionId) {
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    let file = folder.join("readonly.db");
    mode(&file, 0o444).unwrap();
    mode(folder, 0o777).unwrap();
    as_other_user(async {
        let database = Database::open(file.to_str().unwrap()).await.unwrap();
        reads_only(&database, id).await;
        database.close().await;
    });
    for log in ["readonly.db-wal", "readonly.db-shm"] {
        drop(fs::remove_file(folder.join(log)));
    }
    mode(folder, 0o555).unwrap();
    as_other_user(async {
        let database = Database::open(file.to_str().unwrap()).await.unwrap();
        assert!(database.is_read_only());
        reads_only(&database, id).await;
        let database = Database::open(folder.join("other.db").to_str().unwrap()).await;
        let error = words(&database.unwrap_err());
        assert!(error.contains("denied"), "{error}");
    });
    // A log that nobody can read may hold what the file does not.
    mode(folder, 0o755).unwrap();
    fs::write(folder.join("readonly.db-wal"), "not ours").unwrap();
    mode(&folder.join("readonly.db-wal"), 0o600).unwrap();
    mode(folder, 0o555).unwrap();
    as_other_user(async {
        let error = Database::open(file.to_str().unwrap()).await.unwrap_err();
        assert!(
            matches!(
                error,
                DatabaseError::Unreachable { .. } | DatabaseError::ReadOnly { .. }
            ),
            "{error:?}"
        );
    });
    mode(folder, 0o755).unwrap();
}

#[tokio::test]
async fn a_file_of_an_earlier_version_that_can_only_be_read_is_read() {
    let home = Home::sqlite();
    let script = include_str!("snapshots/v1-sqlite.sql");
    home.execute("old", script).await;
    let file = home.address("old").await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let folder = Path::new(&file).parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    as_other_user(async {
        let store = Database::open(&file).await.unwrap().session_store();
        let id = SessionId::new("docs-456");
        assert_eq!(store.load(&id, 0).await.unwrap().len(), 2);
        let standing = store.standing(&id).await.unwrap().unwrap();
        assert_eq!((standing.entries, standing.has_open_turn), (2, true));
    });
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Works as a user without rights, in a thread of its own and those that it starts.
fn as_other_user(work: impl Future<Output = ()> + Send) {
    let work = || {
        if rustix::process::getuid().is_root() {
            let nobody = rustix::thread::Uid::from_raw(NOBODY);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(work);
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}

async fn reads_only(database: &Database, id: &SessionId) {
    let store = database.session_store();
    assert_eq!(store.load(id, 0).await.unwrap().len(), 1);
    check_alone(
        store.append(id, 1, &entries("y")).await,
        "can only be read: give the program",
    );
    check_alone(store.delete(id).await, "can only be read: give the program");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("notes.txt");
    let text = "These are notes, and no database. ".repeat(1_000);
    fs::write(&file, &text).unwrap();
    let error = Database::open(file.to_str().unwrap()).await.unwrap_err();
    assert!(
        matches!(error, DatabaseError::NotADatabase { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("notes.txt` is not a SQLite database"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn an_address_that_cannot_be_opened_is_told_without_its_password() {
    for (address, expected) in [
        (
            "mysql://root:secret@host/db",
            "this build opens no `mysql` addresses",
        ),
        ("postgres://me:secret@127.0.0.1:99999/db", "cannot be read"),
        (
            "postgres://me:secret@127.0.0.1:1/db",
            "`postgres://me@127.0.0.1:1/db` cannot be opened",
        ),
        ("sqlite::memory:", "in memory"),
        (":memory:", "in memory"),
        ("", "in memory"),
        (
            "sqlite://a.db?secret=secret",
            "belongs into `DatabaseOptions`",
        ),
        ("/proc/secret\0/x", "cannot be opened"),
    ] {
        let error = Database::open(address).await.unwrap_err();
        let found = words(&error);
        assert!(found.contains(expected), "{address}: {found}");
        let shows = |text: &str| text.contains("me:secret") || text.contains("root:secret");
        assert!(!shows(&found) && !shows(&format!("{error:?}")), "{error:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let Some(home) = Home::postgres() else { return };
    let address = home.address("login").await;
    let address = address.replace("postgres@", "nobody_like_this:secret@");
    let error = Database::open(address).await.unwrap_err();
    assert!(
        matches!(error, DatabaseError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(words(&error).contains("nobody_like_this"), "{error:?}");
    assert!(
        !format!("{} {error:?}", words(&error)).contains("secret"),
        "{error:?}"
    );
    let database = home.open("login").await;
    assert_eq!(format!("{database:?}").matches("postgres://").count(), 1);
}

#[tokio::test]
async fn a_file_is_for_its_owner_alone_and_its_folder_is_made() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a/b/victor.db");
    let address = format!("sqlite://{}", file.display());
    let store = Database::open(address).await.unwrap().session_store();
    store.append(&"s".into(), 0, &entries("x")).await.unwrap();
    for name in ["victor.db", "victor.db-wal", "victor.db-shm"] {
        let mode = fs::metadata(file.with_file_name(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
