//! Several processes talk in one session at once. One of them is killed, and another one stops for longer than its lease
//! lasts and goes on after that.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use victor_core::{Messages, SessionId, ToolSpec};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::{ChatErrorKind, TurnOutcome};
use victor_orchestrator::coordinators::session::{SessionCoordinator, SessionOptions};
use victor_orchestrator::session::SessionStore as _;
use victor_sql::Database;

use crate::crash::{Append, Model, append, lines};

const PROCESSES: usize = 4;
/// How many turns there are before one process is killed and another one stopped, and when all may end.
const TURNS: (usize, usize) = (4, 24);
/// How long a lease lasts.
const LEASE: Duration = Duration::from_millis(600);

/// Names the folder to the processes that take turns.
const FOLDER: &str = "VICTOR_TURNS_FOLDER";

/// Talks until it is told to stop. Without a folder it is nothing but the other half of the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_takes_turns() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let database = folder.join("victor.db");
    let database = Database::open(database.to_str().unwrap()).await.unwrap();
    let mut options = SessionOptions::default();
    options.lease_timeout = LEASE;
    let sessions = SessionCoordinator::with_options(database.session_store(), options);
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let tool = Append {
        spec: ToolSpec::new("append", "Appends", schema),
        file: folder.join("keys"),
    };
    let orchestrator = AgentOrchestrator::builder()
        .provider(Arc::new(Model))
        .model("m")
        .session_coordinator(Arc::new(sessions))
        .receipt_store(database.receipt_store())
        .tool(Arc::new(tool))
        .build()
        .unwrap();
    let session = orchestrator.session("s");
    writeln!(std::io::stdout(), "ready").unwrap();
    while !folder.join("stop").exists() {
        match session.chat("append").await {
            Ok(response) => {
                assert_eq!(response.outcome, TurnOutcome::Completed);
                append(&folder.join("told"), &response.turn.to_string());
            }
            // It has lost its session, because it was stopped.
            Err(error) => {
                assert_eq!(error.kind(), ChatErrorKind::Conflict, "{error:?}");
                append(&folder.join("lost"), &error.report());
            }
        }
    }
}

fn start(folder: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "processes::a_process_that_takes_turns",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready") {
        line.clear();
        let read = output.read_line(&mut line).unwrap();
        assert_ne!(read, 0, "the process ended by itself");
    }
    // Somebody must read what it still has to say.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    child
}

#[test]
fn every_side_effect_is_in_the_conversation_and_every_turn_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut children: Vec<_> = (0..PROCESSES).map(|_| start(folder.path())).collect();
    let told = || lines(&folder.path().join("told"));
    let until = |count| {
        while told().len() < count {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    };
    until(TURNS.0);
    children[0].kill().unwrap();
    let stopped = Pid::from_child(&children[1]);
    kill_process(stopped, Signal::STOP).unwrap();
    // The others go on, whatever those two were doing.
    let before = told().len();
    until(before + 2);
    std::thread::park_timeout(2 * LEASE);
    kill_process(stopped, Signal::CONT).unwrap();
    until(TURNS.1);
    append(&folder.path().join("stop"), "");
    let ends: Vec<_> = children
        .iter_mut()
        .map(|child| child.wait().unwrap())
        .map(|status| status.code())
        .collect();
    assert_eq!(ends, [None, Some(0), Some(0), Some(0)]);

    let database = folder.path().join("victor.db");
    let runtime = tokio::runtime::Builder::new_current_thread();
    let (entries, standing) = { runtime }.enable_all().build().unwrap().block_on(async {
        let database = Database::open(database.to_str().unwrap()).await.unwrap();
        let (store, id) = (database.session_store(), SessionId::new("s"));
        let standing = store.standing(&id).await.unwrap().unwrap();
        (store.load(&id, 0).await.unwrap(), standing)
    });
    assert!(!standing.has_open_turn, "every turn has come to its end");
    assert!(standing.lease.is_none(), "{standing:?}");
    let messages: Messages = entries.iter().map(|entry| entry.message.clone()).collect();
    messages.validate().unwrap();

    // No turn is in another one, and those that were told of are whole.
    let mut turns: Vec<(String, usize)> = Vec::new();
    for entry in &entries {
        let turn = entry.turn.unwrap().to_string();
        match turns.last_mut() {
            Some((last, count)) if *last == turn => *count += 1,
            _ => turns.push((turn, 1)),
        }
    }
    let lengths: BTreeMap<_, _> = turns.iter().cloned().collect();
    assert_eq!(
        lengths.len(),
        turns.len(),
        "no turn is in two pieces: {turns:?}"
    );
    let told = told();
    let lost = lines(&folder.path().join("lost"));
    assert!(lost.len() <= 1 && told.len() <= turns.len(), "{lost:?}");
    for turn in &told {
        assert_eq!(lengths.get(turn), Some(&6), "{turns:?}");
    }

    // What was done was done once, and is told.
    let calls: Vec<_> = messages
        .iter()
        .flat_map(|message| message.tool_calls())
        .map(|call| call.idempotency_key.clone())
        .collect();
    let mut keys = lines(&folder.path().join("keys"));
    for key in &keys {
        assert!(calls.contains(key), "{key} is nowhere in the conversation");
    }
    assert!(keys.len() >= 3 * told.len());
    keys.sort();
    let done = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), done, "something was done twice");
}
