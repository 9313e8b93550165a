//! `victor worker`: what other processes have left, in a file and on a PostgreSQL server.

#[path = "../../../victor-sql/tests/it/server.rs"]
#[expect(dead_code, reason = "other tests stop and start it")]
mod postgres;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use self::postgres::Server;
use crate::run::{Ran, folder, ran, victor};
use crate::signals::started;

/// Long enough for a machine that is busy.
const SOON: Duration = Duration::from_secs(30);

const ASKING: &str = "\
name: asking
steps:
  - id: ok
    approval: { prompt: 'Go on?' }
  - id: after
    transform: \"{{ 'done' if steps.ok.approved else 'left' }}\"
";

const SLEEPING: &str = "\
name: sleeping
steps:
  - id: ok
    approval: { prompt: 'Go on?' }
  - id: sleep
    tool: { name: run_command, arguments: { command: 'touch begun; sleep 40' } }
";

/// Flags of a worker that needs no network.
const OFFLINE: [&str; 2] = ["--provider", "offline"];

fn once(folder: &Path, flags: &[&str]) -> Ran {
    let mut command = victor(folder);
    command.args(["worker", "--once"]).args(OFFLINE).args(flags);
    ran(&mut command, "")
}

#[track_caller]
fn check(ran: &Ran, code: i32, expected: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for words in expected {
        assert!(said.contains(words), "`{words}` is missing: {said}");
    }
}

fn workflow(folder: &Path, arguments: &[&str]) -> Ran {
    ran(victor(folder).arg("workflow").args(arguments), "")
}

/// The state of the only run.
fn status(folder: &Path) -> String {
    let list = workflow(folder, &["list", "--all", "--json"]);
    let run: Value = serde_json::from_str(list.stdout.trim()).unwrap();
    run["status"].as_str().unwrap().to_owned()
}

/// A worker that runs, and what it says.
struct Worker {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Worker {
    fn start(folder: &Path, flags: &[&str], database: Option<&str>) -> Self {
        let mut command: Command = victor(folder);
        command.arg("worker").args(OFFLINE).args(flags);
        if let Some(database) = database {
            command.env("VICTOR_DATABASE", database);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut worker = Self { child, said };
        worker.until("worker (process");
        worker
    }

    fn until(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            let read = self.said.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the worker has ended without `{words}`");
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end, and returns the exit code.
    fn ended(mut self) -> Option<i32> {
        let began = Instant::now();
        let status = self.child.wait().unwrap();
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        status.code()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It is gone already, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_run_that_was_answered_is_finished_by_a_worker() {
    let folder = folder();
    fs::write(folder.path().join("asking.yaml"), ASKING).unwrap();
    let waits = workflow(folder.path(), &["run", "asking.yaml", "--id", "one"]);
    assert_eq!(waits.code, Some(3), "{waits:?}");
    // It waits for a person, and no worker takes it.
    check(&once(folder.path(), &[]), 0, &["worker: ended"]);
    assert_eq!(status(folder.path()), "waiting");
    check(&workflow(folder.path(), &["answer", "one", "yes"]), 0, &[]);
    check(&once(folder.path(), &[]), 0, &["finished", "worker: ended"]);
    assert_eq!(status(folder.path()), "finished");
}

#[test]
fn a_turn_whose_process_was_killed_is_ended_by_a_worker() {
    let folder = folder();
    let chat = [
        "chat",
        "--session",
        "s",
        "--allow-commands",
        "--yes",
        "Run `sleep 40 > alive`",
    ];
    let sleeping = started(folder.path(), victor(folder.path()).args(chat), "");
    sleeping.signal(Signal::KILL);
    sleeping.ended();
    let ran = once(folder.path(), &["--allow-commands", "--yes"]);
    check(
        &ran,
        0,
        &["turn of session s goes on", "turn of session s: completed"],
    );
    // There is nothing left of it, and its command has not run again.
    let again = once(folder.path(), &["--allow-commands", "--yes"]);
    assert!(!again.stderr.contains("goes on"), "{again:?}");
}

#[test]
fn a_worker_that_is_told_to_end_parks_what_it_works_on() {
    let folder = folder();
    let idle = Worker::start(folder.path(), &[], None);
    idle.signal(Signal::TERM);
    assert_eq!(idle.ended(), Some(0));

    fs::write(folder.path().join("sleeping.yaml"), SLEEPING).unwrap();
    let flags = ["--allow-commands", "--yes", "--interval", "1"];
    let run = [
        "run",
        "sleeping.yaml",
        "--id",
        "one",
        "--allow-commands",
        "--yes",
    ];
    assert_eq!(
        workflow(folder.path(), &[&run[..], &OFFLINE].concat()).code,
        Some(3)
    );
    check(&workflow(folder.path(), &["answer", "one", "yes"]), 0, &[]);
    let mut busy = Worker::start(folder.path(), &flags, None);
    let began = Instant::now();
    while !folder.path().join("begun").exists() {
        assert!(began.elapsed() < SOON);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    busy.signal(Signal::TERM);
    busy.until("parked");
    assert_eq!(busy.ended(), Some(0));
    assert_eq!(status(folder.path()), "running");

    // A database that is away is an error.
    let mut command = victor(folder.path());
    command.env("VICTOR_DATABASE", "postgres://nobody@127.0.0.1:1/none");
    let away = ran(command.args(["worker", "--once"]).args(OFFLINE), "");
    check(&away, 1, &["cannot be opened"]);
    let mut command = victor(folder.path());
    command.env("VICTOR_DATABASE", "victor.db");
    let wrong = ran(command.args(["worker", "--once"]).args(OFFLINE), "");
    check(&wrong, 1, &["--data-dir"]);
}

#[test]
fn workers_share_a_server() {
    let Some(server) = Server::get() else { return };
    let address = server.address("postgres");
    let (own, other) = (folder(), folder());
    let mut worker = Worker::start(other.path(), &["--interval", "60"], Some(&address));
    fs::write(own.path().join("asking.yaml"), ASKING).unwrap();
    let on_server = |arguments: &[&str]| {
        let mut command = victor(own.path());
        command.env("VICTOR_DATABASE", &address);
        ran(command.args(arguments), "")
    };
    let waits = on_server(&["workflow", "run", "asking.yaml", "--id", "one"]);
    assert_eq!(waits.code, Some(3), "{waits:?}");
    let began = Instant::now();
    check(&on_server(&["workflow", "answer", "one", "yes"]), 0, &[]);
    // It is told, and does not wait for its next look.
    worker.until("finished");
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    // Conversations are there as well.
    let chat = [
        "chat",
        "--provider",
        "offline",
        "--session",
        "shared",
        "What does notes.txt say?",
    ];
    check(&on_server(&chat), 0, &[]);
    check(&on_server(&["sessions", "list"]), 0, &["shared"]);
    worker.signal(Signal::TERM);
    assert_eq!(worker.ended(), Some(0));
}
