//! Servers that restart, that have no room, and that refuse.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use victor_core::{Message, SessionId, TurnId};
use victor_session_protocol::{SessionError, SessionStore, TranscriptEntry};
use victor_sql::{Database, DatabaseError, DatabaseOptions};

use crate::home::Home;
use crate::server::Server;

fn entry(turn: TurnId, number: u32) -> TranscriptEntry {
    let message = Message::with_id(
        turn.message_id(number),
        victor_core::Role::User,
        vec![victor_core::Part::text(format!("{number}"))],
    );
    TranscriptEntry::new(Some(turn), message)
}

/// Writers go on over restarts of all kinds, and each entry is there once.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_loses_and_doubles_nothing() {
    let Some(server) = Server::alone() else {
        return;
    };
    let server = Arc::new(server);
    let options = DatabaseOptions::default().with_acquire_timeout(Duration::from_secs(60));
    let database = Database::open_with(server.address("postgres"), &options)
        .await
        .unwrap();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let (store, stop) = (database.session_store(), Arc::clone(&stop));
            tokio::spawn(async move {
                let (id, turn, mut written) =
                    (SessionId::new(format!("s{writer}")), TurnId::generate(), 0);
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let new = entry(turn, written);
                    let length = store.append(&id, written.into(), &[new]).await.unwrap();
                    written += 1;
                    assert_eq!(length, u64::from(written));
                    assert_eq!(store.info(&id).await.unwrap().unwrap().entries, length);
                }
                (id, written)
            })
        })
        .collect();
    for signal in ["INT", "QUIT", "INT"] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let server = Arc::clone(&server);
        let restart = move || {
            server.stop(signal);
            std::thread::park_timeout(Duration::from_millis(200));
            server.start_again();
        };
        tokio::task::spawn_blocking(restart).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let store = database.session_store();
    for writer in writers {
        let (id, written) = writer.await.unwrap();
        let texts: Vec<_> = store.load(&id, 0).await.unwrap();
        let texts: Vec<_> = texts
            .iter()
            .map(|entry| entry.message.text().into_owned())
            .collect();
        assert!(written > 10, "{written}");
        assert_eq!(
            texts,
            (0..written)
                .map(|number| number.to_string())
                .collect::<Vec<_>>()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_is_an_error_in_bounded_time() {
    let Some(server) = Server::alone() else {
        return;
    };
    let options = DatabaseOptions::default().with_acquire_timeout(Duration::from_secs(1));
    let database = Database::open_with(server.address("postgres"), &options)
        .await
        .unwrap();
    let (store, id) = (database.session_store(), SessionId::new("s"));
    store
        .append(&id, 0, &[entry(TurnId::generate(), 0)])
        .await
        .unwrap();
    server.stop("INT");
    let began = Instant::now();
    let write = store.append(&id, 1, &[entry(TurnId::generate(), 0)]).await;
    assert!(
        matches!(write, Err(SessionError::Unavailable { .. })),
        "{write:?}"
    );
    let read = store.load(&id, 0).await;
    assert!(
        matches!(read, Err(SessionError::Unavailable { .. })),
        "{read:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    let open = Database::open_with(server.address("postgres"), &options).await;
    assert!(
        matches!(open, Err(DatabaseError::Unreachable { .. })),
        "{open:?}"
    );
    server.start_again();
    assert_eq!(store.load(&id, 0).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_says_so() {
    let Some(home) = Home::postgres() else { return };
    home.open("full").await.close().await;
    let role = "
        DO $$ BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'few') THEN
                CREATE ROLE few LOGIN CONNECTION LIMIT 2;
            END IF;
        END $$;
        GRANT ALL ON ALL TABLES IN SCHEMA public TO few; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO few";
    home.execute("full", role).await;
    let address = home.address("full").await.replace("postgres@", "few@");
    let options = DatabaseOptions::default().with_acquire_timeout(Duration::from_secs(1));
    let database = Database::open_with(&address, &options).await.unwrap();
    let (store, id) = (database.session_store(), SessionId::new("s"));
    let mut others = Vec::new();
    for _ in 0..2 {
        others.push(PgConnection::connect(&address).await);
    }
    let open = Database::open_with(&address, &options).await;
    assert!(
        matches!(open, Err(DatabaseError::Exhausted { .. })),
        "{open:?}"
    );
    others.clear();
    store
        .append(&id, 0, &[entry(TurnId::generate(), 0)])
        .await
        .unwrap();

    // As when the disk is full.
    let full = "
        CREATE FUNCTION full_disk() RETURNS TRIGGER LANGUAGE plpgsql AS
            $$ BEGIN RAISE 'No space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON victor_entries EXECUTE FUNCTION full_disk()";
    home.execute("full", full).await;
    let write = store.append(&id, 1, &[entry(TurnId::generate(), 0)]).await;
    let error = write.unwrap_err();
    assert!(error.to_string().contains("there is no room"), "{error}");
    assert!(matches!(error, SessionError::Store { .. }), "{error:?}");
    home.execute("full", "DROP TRIGGER full_disk ON victor_entries")
        .await;
    store
        .append(&id, 1, &[entry(TurnId::generate(), 0)])
        .await
        .unwrap();
}

/// Two versions of the code on one database: the earlier one goes on where it is open, and is not opened anew.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_version_goes_on_while_it_is_open() {
    let Some(home) = Home::postgres() else { return };
    let (store, id) = (
        home.open("versions").await.session_store(),
        SessionId::new("s"),
    );
    store
        .append(&id, 0, &[entry(TurnId::generate(), 0)])
        .await
        .unwrap();
    home.execute(
        "versions",
        "INSERT INTO victor_schema (version) VALUES (1000)",
    )
    .await;
    store
        .append(&id, 1, &[entry(TurnId::generate(), 0)])
        .await
        .unwrap();
    let open = Database::open(home.address("versions").await).await;
    assert!(
        matches!(open, Err(DatabaseError::TooNew { found: 1000, .. })),
        "{open:?}"
    );
}
