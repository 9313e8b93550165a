//! Several processes on one database, and processes that are killed. A process is this test binary, run again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use victor_core::{Message, SessionId};
use victor_session_protocol::{SessionError, SessionStore, TranscriptEntry};
use victor_sql::{Database, SqlSessionStore};

use crate::home::on_both;

/// The address of the database in which [`a_process_that_another_test_starts_does_its_work`] works.
const ADDRESS: &str = "VICTOR_SQL_TEST_ADDRESS";
/// What it does there: `race` or `run`.
const WORK: &str = "VICTOR_SQL_TEST_WORK";
/// How it is called.
const NAME: &str = "VICTOR_SQL_TEST_NAME";

const WRITERS: usize = 8;
const SESSIONS: usize = 100;
const KILLS: usize = 10;

/// What a process says before the place at which the store has accepted an entry.
const ACCEPTED: &str = "accepted";

/// An entry that the store has accepted: of which session, at which place, and its text.
type Accepted = (SessionId, usize, String);

#[test]
fn a_process_that_another_test_starts_does_its_work() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let (work, name) = (std::env::var(WORK).unwrap(), std::env::var(NAME).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Database::open(address).await.unwrap().session_store();
        match work.as_str() {
            "race" => race(&store, &name).await,
            "run" => run(&store, &name).await,
            other => panic!("`{other}` is no work"),
        }
    });
}

/// Writes an entry to each session, as often as it takes.
async fn race(store: &SqlSessionStore, name: &str) {
    for number in 0..SESSIONS {
        let id = SessionId::new(format!("session {number}"));
        let text = format!("{name} {number}");
        let mut expected = 0;
        let version = loop {
            match append(store, &id, expected, &text).await {
                Ok(version) => break version,
                Err(SessionError::Conflict { found, .. }) => {
                    assert_ne!(found, expected);
                    expected = found;
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        assert_eq!(version, expected + 1);
        accepted(&id, expected, &text);
        // Who knows only what was there before has lost, whatever the others do.
        let late = append(store, &id, expected, "late").await;
        assert!(
            matches!(late, Err(SessionError::Conflict { .. })),
            "{late:?}"
        );
    }
}

/// Writes to a session of its own until it is killed.
async fn run(store: &SqlSessionStore, name: &str) {
    let id = SessionId::new("run");
    let info = store.info(&id).await.unwrap();
    let mut version = info.map_or(0, |info| info.entries);
    loop {
        let text = format!("{name} {version}");
        let next = append(store, &id, version, &text).await.unwrap();
        accepted(&id, version, &text);
        version = next;
    }
}

async fn append(
    store: &SqlSessionStore,
    id: &SessionId,
    expected: u64,
    text: &str,
) -> Result<u64, SessionError> {
    let entry = TranscriptEntry::new(None, Message::user(text));
    store.append(id, expected, &[entry]).await
}

/// Tells the process that started this one. The test harness writes to the same output.
fn accepted(id: &SessionId, place: u64, text: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n{ACCEPTED}\t{id}\t{place}\t{text}").unwrap();
    output.flush().unwrap();
}

fn start(address: &str, work: &str, name: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("processes::a_process_that_another_test_starts_does_its_work")
        .env(ADDRESS, address)
        .env(WORK, work)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a process says that the store has accepted, as far as it came.
fn read(child: &mut Child) -> impl Iterator<Item = Accepted> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| {
        let mut words = line.split('\t');
        let is_accepted = words.next() == Some(ACCEPTED);
        let (id, place, text) = (words.next()?, words.next()?, words.next()?);
        is_accepted.then(|| (id.into(), place.parse().unwrap(), text.to_owned()))
    })
}

async fn texts(store: &SqlSessionStore, id: &SessionId) -> Vec<String> {
    let entries = store.load(id, 0).await.unwrap();
    entries
        .iter()
        .map(|entry| entry.message.text().into_owned())
        .collect()
}

on_both! {
    async fn what_several_processes_write_is_there_once_and_in_order(home: Home) {
        // All of them find an empty database, and make its schema.
        let address = home.address("race").await;
        let children: Vec<_> = (0..WRITERS)
            .map(|number| start(&address, "race", &format!("writer {number}")))
            .collect();
        let mut expected: HashMap<SessionId, Vec<(usize, String)>> = HashMap::new();
        for mut child in children {
            for (id, place, text) in read(&mut child) {
                expected.entry(id).or_default().push((place, text));
            }
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(expected.len(), SESSIONS);
        let store = home.open("race").await.session_store();
        for (id, mut accepted) in expected {
            accepted.sort();
            let found: Vec<_> = texts(&store, &id).await.into_iter().enumerate().collect();
            assert_eq!(found, accepted, "{id}");
            assert_eq!(accepted.len(), WRITERS, "{id}");
        }
    }

    async fn what_was_accepted_outlives_a_killed_process(home: Home) {
        let address = home.address("run").await;
        let id = SessionId::new("run");
        let mut expected: Vec<String> = Vec::new();
        for kill in 0..KILLS {
            let mut child = start(&address, "run", &format!("writer {kill}"));
            let mut lines = read(&mut child);
            let mut accepted: Vec<_> = lines.by_ref().take(3 + kill).collect();
            child.kill().unwrap();
            // What it said before it was killed is still in the pipe.
            accepted.extend(lines);
            child.wait().unwrap();
            assert!(accepted.len() >= 3 + kill, "{accepted:?}");

            let store = home.open("run").await.session_store();
            let found = texts(&store, &id).await;
            for (_, place, text) in &accepted {
                assert_eq!(found.get(*place), Some(text), "{accepted:?}");
            }
            // Beside that, at most the entry at which it was killed.
            let (_, last, _) = &accepted[accepted.len() - 1];
            assert!(found.len() <= last + 2, "{found:?}");
            assert_eq!(found[..expected.len()], expected, "what was there before is there");
            expected = found;
        }
    }
}
