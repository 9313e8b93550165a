//! A process is killed at every single write of an operation on a session: the session is as it was or as it was to be, and
//! the operation made again comes to its end. The process is this test binary, run again.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use victor_core::SessionId;
use victor_orchestrator::mode::SwitchedBy;
use victor_orchestrator::session::SessionExport;
use victor_orchestrator::session::SessionManagerExt as _;
use victor_orchestrator::{AgentOrchestrator, Session};
use victor_sql::Database;
use victor_testkit::{ScriptedModel, die_at_every_write};

/// Names the folder to the process that is to be killed.
const FOLDER: &str = "VICTOR_SWEEP_FOLDER";

/// What it does there.
const WORK: &str = "VICTOR_SWEEP_WORK";

/// What is said, and is to be nowhere when the session is deleted.
const SECRET: &str = "SWORDFISH";

async fn open(folder: &Path, model: ScriptedModel) -> (Database, AgentOrchestrator) {
    let path = folder.join("victor.db");
    let database = Database::open(path.to_str().unwrap()).await.unwrap();
    let orchestrator = AgentOrchestrator::builder()
        .provider(Arc::new(model))
        .model("m")
        .session_store(database.session_store())
        .checkpoint_store(database.checkpoint_store())
        .receipt_store(database.receipt_store())
        .result_store(database.result_store())
        .build()
        .unwrap();
    (database, orchestrator)
}

/// A session `s` of three turns with a checkpoint `early` after the first one, and what was exported of it.
async fn prepare(folder: &Path) {
    let answers = ScriptedModel::new().says("1").says("2").says("3");
    let (database, orchestrator) = open(folder, answers).await;
    let session = orchestrator.session("s");
    session.switch_mode_by("plan", SwitchedBy::Person).unwrap();
    let said = |text: &str| format!("{text} {SECRET} {}", "and so on ".repeat(400));
    session.chat(said("a")).await.unwrap();
    session.checkpoint(Some("early")).await.unwrap();
    session.switch_mode_by("build", SwitchedBy::Person).unwrap();
    session.chat(said("b")).await.unwrap();
    session.chat(said("c")).await.unwrap();
    session.undo().await.unwrap();
    let sessions = orchestrator.session_coordinator();
    let export = sessions.export_session(&"s".into()).await.unwrap();
    std::fs::write(folder.join("s.jsonl"), export.to_json_lines()).unwrap();
    database.close().await;
}

/// Does something with the session; what was done already is no failure.
async fn work_on(folder: &Path, work: &str) {
    let (database, orchestrator) = open(folder, ScriptedModel::new()).await;
    let session = orchestrator.session("s");
    let sessions = orchestrator.session_coordinator();
    match work {
        "import" => {
            let text = std::fs::read_to_string(folder.join("s.jsonl")).unwrap();
            let export = SessionExport::from_json_lines(&text).unwrap();
            sessions
                .import_session(&export, Some("t".into()))
                .await
                .unwrap();
        }
        "fork" => {
            let early = early(&session).await;
            orchestrator.fork(early, "f").await.unwrap();
        }
        "restore" => {
            let early = early(&session).await;
            session.restore_checkpoint(early).await.unwrap();
        }
        "undo" => drop(session.undo().await.unwrap().unwrap()),
        "reset" => session.reset().await.unwrap(),
        "delete" => drop(sessions.delete_session(&"s".into()).await.unwrap()),
        "delete in steps" => drop(orchestrator.delete_session(&"s".into()).await.unwrap()),
        other => panic!("`{other}` is no work"),
    }
    database.close().await;
}

async fn early(session: &Session) -> victor_core::CheckpointId {
    let made = session.checkpoints().await.unwrap();
    let early = made
        .iter()
        .find(|made| made.label.as_deref() == Some("early"));
    early.unwrap().id
}

#[tokio::test]
async fn the_process_that_is_killed() {
    let (Some(folder), Ok(work)) = (std::env::var_os(FOLDER), std::env::var(WORK)) else {
        return;
    };
    work_on(Path::new(&folder), &work).await;
}

/// What there is, as far as it is to be the same each time: of each session what is known, what the transcript and the
/// model's view of it begin with, its mode and its checkpoints.
async fn state(folder: &Path) -> String {
    // What looks may write.
    let copy = copied(folder);
    let (database, orchestrator) = open(
        copy.path(),
        ScriptedModel::new().says("x").says("x").says("x"),
    )
    .await;
    let first = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    let mut state = String::new();
    for name in ["s", "t", "f"] {
        let sessions = orchestrator.session_coordinator();
        let session = orchestrator.session(name);
        let made = session.checkpoints().await.unwrap();
        let causes: Vec<_> = made.iter().map(|made| made.cause.to_string()).collect();
        let Some(info) = sessions.session_info(&SessionId::new(name)).await.unwrap() else {
            state += &format!("{name}: gone, {causes:?}\n");
            continue;
        };
        let written: Vec<_> = session
            .transcript()
            .await
            .unwrap()
            .iter()
            .map(|entry| first(&entry.message.text()))
            .collect();
        session.chat("?").await.unwrap();
        let context = session.context();
        let seen: Vec<_> = context
            .messages()
            .iter()
            .map(|message| first(&message.text()))
            .collect();
        let mode = session.mode();
        state += &format!(
            "{name}: {} {mode:?} {written:?} {seen:?} {causes:?}\n",
            info.status
        );
    }
    database.close().await;
    state
}

fn copied(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        // The index of the log is made anew.
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
    }
    copy
}

/// Sweeps over an operation. Between the state before and the one after it there may be another, which follows from these,
/// and from which the operation goes on.
fn check(work: &str, between: Option<fn(&str, &str) -> String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let prepared = TempDir::new().unwrap();
    runtime.block_on(prepare(prepared.path()));
    let old = runtime.block_on(state(prepared.path()));
    let done = copied(prepared.path());
    runtime.block_on(work_on(done.path(), work));
    let new = runtime.block_on(state(done.path()));
    assert_ne!(old, new);
    let between = between.map(|between| between(&old, &new));

    let place = std::cell::RefCell::new(None::<TempDir>);
    let mut found = [0, 0, 0];
    let deaths = die_at_every_write(
        || {
            let mut place = place.borrow_mut();
            let folder = place.insert(copied(prepared.path()));
            let mut child = Command::new(std::env::current_exe().unwrap());
            child
                .args([
                    "sweep::the_process_that_is_killed",
                    "--exact",
                    "--nocapture",
                    "--test-threads=1",
                ])
                .env(FOLDER, folder.path())
                .env(WORK, work);
            child
        },
        |number| {
            let place = place.borrow();
            let folder = place.as_ref().unwrap().path();
            let left = runtime.block_on(state(folder));
            match () {
                () if left == old => found[0] += 1,
                () if Some(&left) == between.as_ref() => found[1] += 1,
                () if left == new => found[2] += 1,
                () => panic!("{work}, death {number}:\n{left}is neither\n{old}nor\n{new}"),
            }
            // What was deleted is deleted once more, for what is left of it in the files.
            if left != new || work.starts_with("delete") {
                runtime.block_on(work_on(folder, work));
            }
            let after = runtime.block_on(state(folder));
            assert_eq!(after, new, "{work}, death {number}");
            if work.starts_with("delete") {
                assert!(!is_in_database(folder), "{work}, death {number}");
            }
        },
    );
    let Some(deaths) = deaths else { return };
    let place = place.borrow();
    let folder = place.as_ref().unwrap().path();
    assert_eq!(
        runtime.block_on(state(folder)),
        new,
        "{work}, which came to its end"
    );
    let passed = found[1] > 0 || between.is_none();
    assert!(found[0] > 1 && passed, "{work}: {deaths} deaths, {found:?}");
}

/// Whether the secret is in the database or its log.
fn is_in_database(folder: &Path) -> bool {
    ["victor.db", "victor.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        let mut windows = bytes.windows(SECRET.len());
        windows.any(|window| window == SECRET.as_bytes())
    })
}

macro_rules! sweeps {
    ($($name:ident: $work:literal, $between:expr;)*) => {
        $(#[test]
        fn $name() {
            check($work, $between);
        })*
    };
}

sweeps! {
    an_import_is_there_or_not: "import", None;
    // Its first checkpoint, which may be in another store, may be missing.
    a_fork_is_there_or_not: "fork", Some(|_, new| new.replace("[\"fork\"]", "[]"));
    a_session_has_gone_back_or_not: "restore", None;
    a_turn_is_undone_or_not: "undo", None;
    a_conversation_is_forgotten_or_not: "reset", None;
    a_session_is_deleted_or_not: "delete", None;
    // Its checkpoints, which may be in another store, go first.
    a_session_is_deleted_in_steps: "delete in steps", Some(|old, _| old.replace("[\"manual\"]", "[]"));
}
