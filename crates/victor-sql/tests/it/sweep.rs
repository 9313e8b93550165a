//! A process is killed at every single write of a call, to the file or to the server: what is left is what there was before
//! or what was to be there, and the call made again comes to its end. The process is this test binary, run again.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;
use tokio::task::block_in_place;
use victor_checkpoint_protocol::CheckpointStore;
use victor_core::{AttemptId, JsonMap, Message, RunId, SessionId, TurnId};
use victor_provider_protocol::{AttemptOutcome, LedgerEntry, LedgerQuery, LedgerStore};
use victor_session_protocol::{
    OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionStatus, SessionStore,
    TranscriptEntry, TurnChange,
};
use victor_sql::Database;
use victor_testkit::die_at_every_write;
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, RunCommit, RunInfo, RunStarted, RunStatus, Signal, StepFinished, StoredValue,
    WorkflowEvent, WorkflowJournal,
};

use crate::home::on_both;
use crate::stores::hang;

/// The address of the database in which [`the_process_that_is_killed`] works.
const ADDRESS: &str = "VICTOR_SQL_SWEEP_ADDRESS";
/// What it does there.
const WORK: &str = "VICTOR_SQL_SWEEP_WORK";
/// In which session.
const SESSION: &str = "VICTOR_SQL_SWEEP_SESSION";

const WORKS: [&str; 8] = [
    "bring in", "commit", "change", "clear", "delete", "charge", "run", "signal",
];

#[tokio::test]
async fn the_process_that_is_killed() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let (work, session) = (std::env::var(WORK), std::env::var(SESSION));
    let database = Database::open(address).await.unwrap();
    let session = SessionId::new(session.unwrap());
    work_on(&database, &work.unwrap(), &session).await.unwrap();
    database.close().await;
}

fn entries(texts: std::ops::Range<u32>) -> Vec<TranscriptEntry> {
    let text = |number: u32| Message::user(format!("{number} {}", "text ".repeat(300)));
    texts
        .map(|number| TranscriptEntry::new(None, text(number)))
        .collect()
}

fn commit(entries: Vec<TranscriptEntry>, id: &SessionId, name: &str) -> SessionCommit {
    let open = OpenTurn::new(id.clone(), TurnId::generate(), name);
    let facts = JsonMap::from_iter([("fact".to_owned(), json!(name))]);
    SessionCommit::new(entries, TurnChange::Open(open)).with_metadata(facts)
}

/// What there is before a call.
async fn prepare(database: &Database, work: &str, id: &SessionId) {
    let store = database.session_store();
    match work {
        "bring in" => {}
        "charge" => charge(database, id, false).await,
        "run" | "signal" => begin_run(database, id).await,
        "delete" => hang(database, id.as_str()).await,
        _ => {
            let begin = commit(entries(0..4), id, "old");
            store.commit(id, 0, &begin).await.unwrap();
        }
    }
}

/// Writes the ledger: two attempts that run, or their end.
async fn charge(database: &Database, id: &SessionId, has_ended: bool) {
    let entries = [1_u128, 2].map(|number| {
        let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 1);
        // The same in every process, and another one for each session.
        let name = id.as_str().bytes();
        let number = name.fold(number, |sum, byte| (sum << 8) | u128::from(byte));
        entry.id = AttemptId::from_u128(number);
        entry.session = Some(id.clone());
        entry.tags = vec!["tenant".into()];
        if has_ended {
            (entry.ended, entry.outcome) = (Some(entry.started), AttemptOutcome::Answered);
        }
        entry
    });
    database.ledger_store().write(&entries).await.unwrap();
}

/// The same in every process, and another one for each session.
fn run_of(id: &SessionId) -> RunId {
    let name = id.as_str().bytes();
    RunId::from_u128(name.fold(1, |sum: u128, byte| sum.rotate_left(8) ^ u128::from(byte)))
}

async fn begin_run(database: &Database, id: &SessionId) {
    let hash = ContentHash::of(b"definition");
    let mut run = RunInfo::new("work", hash);
    run.id = run_of(id);
    let begin = RunStarted::new("work".into(), hash, StoredValue::Value(json!(null)));
    let commit = RunCommit::new([begin.into()]).with_status(RunStatus::Waiting);
    let journal = database.workflow_journal();
    journal.create(&run, &commit).await.unwrap();
}

/// What there is of a run.
async fn run_state(database: &Database, id: &SessionId) -> String {
    let journal = database.workflow_journal();
    let Some(info) = journal.info(run_of(id)).await.unwrap() else {
        return String::new();
    };
    let records = journal.records(info.id, 0, 100).await.unwrap();
    let mut values = 0;
    for record in &records {
        if let WorkflowEvent::StepFinished(event) = &record.event
            && let StoredValue::Ref(hash) = event.output
        {
            values += journal.values(info.id, &[hash]).await.unwrap().len();
        }
    }
    format!("{} {} {values}", info.status, records.len())
}

async fn work_on(database: &Database, work: &str, id: &SessionId) -> Result<(), SessionError> {
    let store = database.session_store();
    let patch = SessionPatch::default()
        .with_title("new")
        .with_tag("a")
        .with_tag("b")
        .with_metadata("fact", "new");
    match work {
        "bring in" => {
            let mut info = SessionInfo::new(id.clone());
            patch.apply(&mut info);
            info.status = SessionStatus::Closed;
            store.create_with(&info, &entries(0..8)).await
        }
        "commit" => {
            let more = commit(entries(4..8), id, "new");
            store.commit(id, 4, &more).await.map(drop)
        }
        "change" => store.update(id, &patch).await.map(drop),
        "clear" => store.clear(id, &patch).await.map(drop),
        "delete" => store.delete(id).await.map(drop),
        "charge" => {
            charge(database, id, true).await;
            Ok(())
        }
        "run" => {
            let journal = database.workflow_journal();
            let request = ClaimRequest::new("the process that is killed", Duration::ZERO);
            let claim = journal.claim(run_of(id), &request).await.unwrap();
            let values = ["one", "two"].map(|name| format!("{name} {}", "text ".repeat(300)));
            let events = values.iter().map(|value| {
                let stored = StoredValue::Ref(ContentHash::of(value.as_bytes()));
                StepFinished::new("step".into(), stored).into()
            });
            let commit = RunCommit::new(events)
                .with_value(&*values[0])
                .with_value(&*values[1])
                .with_status(RunStatus::Finished)
                .releasing();
            journal.commit(run_of(id), &claim, &commit).await.unwrap();
            Ok(())
        }
        "signal" => {
            let event = Signal::event("paid", "1", 5);
            let journal = database.workflow_journal();
            journal.signal(run_of(id), &event).await.unwrap();
            Ok(())
        }
        other => panic!("`{other}` is no work"),
    }
}

/// What there is of a session, as far as it is to be the same each time.
async fn state(database: &Database, id: &SessionId) -> String {
    let store = database.session_store();
    let info = store.info(id).await.unwrap();
    let loaded = store.load(id, 0).await;
    let texts: Vec<_> = (loaded.into_iter().flatten())
        .map(|entry| {
            entry
                .message
                .text()
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let open = store.open_turn(id).await.unwrap().map(|turn| turn.state);
    let known = info.map(|info| {
        (
            info.entries,
            info.status,
            info.title,
            info.tags,
            info.metadata,
        )
    });
    let checkpoints = database.checkpoint_store().list(id).await.unwrap().len();
    let query = LedgerQuery::default().with_session(id.clone());
    let entries = database.ledger_store().entries(&query).await.unwrap();
    let attempts: Vec<_> = entries.iter().map(|entry| &entry.outcome).collect();
    let run = run_state(database, id).await;
    format!("{known:?} {texts:?} {open:?} {checkpoints} {attempts:?} {run}")
        .replace(id.as_str(), "it")
}

on_both! {
    async fn a_call_that_is_killed_at_any_write_has_happened_or_not(home: Home) {
        let database = home.open("sweep").await;
        let address = home.address("sweep").await;
        let wait = Handle::current();
        for work in WORKS {
            let id = |number: u32| SessionId::new(format!("{work} {number}"));
            let states = async {
                let example = id(0);
                prepare(&database, work, &example).await;
                let old = state(&database, &example).await;
                work_on(&database, work, &example).await.unwrap();
                (old, state(&database, &example).await)
            };
            let (old, new) = states.await;
            assert_ne!(old, new);
            let (mut number, mut found) = (0, Vec::new());
            let deaths = block_in_place(|| die_at_every_write(
                || {
                    number += 1;
                    wait.block_on(prepare(&database, work, &id(number)));
                    let mut child = Command::new(std::env::current_exe().unwrap());
                    child
                        .args(["--exact", "--nocapture", "--test-threads=1", "sweep::the_process_that_is_killed"])
                        .env(ADDRESS, &address)
                        .env(WORK, work)
                        .env(SESSION, id(number).as_str());
                    child
                },
                |number| wait.block_on(async {
                    let id = id(number);
                    let left = state(&database, &id).await;
                    assert!(left == old || left == new, "{work}, death {number}: {left}\n is neither {old}\n nor {new}");
                    found.push(left == new);
                    if left == old {
                        work_on(&database, work, &id).await.unwrap();
                    }
                    assert_eq!(state(&database, &id).await, new, "{work}, death {number}");
                }),
            ));
            let Some(deaths) = deaths else { return };
            assert!(deaths > 3 && found.contains(&false), "{work}: {deaths} deaths, {found:?}");
            let last = id(deaths + 1);
            assert_eq!(state(&database, &last).await, new, "{work}, which came to its end");
        }
    }
}
