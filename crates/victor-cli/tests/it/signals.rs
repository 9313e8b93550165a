//! Ctrl-C and its kin.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::run::{folder, victor};

/// Long enough for a machine that is busy, and much shorter than what is interrupted.
const SOON: Duration = Duration::from_secs(20);

/// A run whose command sleeps.
struct Sleeping {
    victor: Child,
    /// A pipe that the sleeper holds open.
    alive: File,
}

/// Runs until the model's command sleeps.
fn sleeping(folder: &Path, flags: &[&str]) -> Sleeping {
    let alive = folder.join("alive");
    assert!(
        Command::new("mkfifo")
            .arg(&alive)
            .status()
            .unwrap()
            .success()
    );
    let mut command = victor(folder);
    command
        .args([
            "chat",
            "--allow-commands",
            "--yes",
            "Run `sleep 40 > alive`",
        ])
        .args(flags);
    let victor = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, receiver) = mpsc::channel();
    // Opening it waits until the command opens it too.
    thread::spawn(move || sender.send(File::open(alive).unwrap()));
    Sleeping {
        victor,
        alive: receiver.recv_timeout(SOON).expect("the command runs"),
    }
}

impl Sleeping {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.victor), signal).unwrap();
    }

    /// Waits until the command's processes and the program are gone.
    fn ended(mut self) -> Output {
        let began = Instant::now();
        self.alive.read_to_end(&mut Vec::new()).unwrap();
        let output = self.victor.wait_with_output().unwrap();
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        output
    }
}

#[test]
fn an_interrupt_ends_the_turn_in_order_and_what_it_started() {
    let folder = folder();
    let sleeping = sleeping(folder.path(), &[]);
    sleeping.signal(Signal::INT);
    let output = sleeping.ended();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.contains(" tokens (") && stderr.contains("1 model call,"),
        "{stderr}"
    );
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn a_program_is_told_of_the_interrupt_by_the_last_event() {
    let folder = folder();
    let sleeping = sleeping(folder.path(), &["--json"]);
    sleeping.signal(Signal::INT);
    let stdout = String::from_utf8(sleeping.ended().stdout).unwrap();
    let last = stdout.lines().last().unwrap();
    assert!(
        last.contains(r#""event":"turn_finished""#) && last.contains(r#""outcome":"cancelled""#),
        "{last}"
    );
}

#[test]
fn a_second_interrupt_leaves_and_still_ends_what_was_started() {
    let folder = folder();
    let sleeping = sleeping(folder.path(), &[]);
    sleeping.signal(Signal::INT);
    sleeping.signal(Signal::INT);
    assert_eq!(sleeping.ended().status.code(), Some(130));
}

#[test]
fn termination_ends_what_was_started_too() {
    let folder = folder();
    let sleeping = sleeping(folder.path(), &[]);
    sleeping.signal(Signal::TERM);
    assert_eq!(sleeping.ended().status.code(), Some(143));
}

#[test]
fn a_reader_that_does_not_read_does_not_keep_it_alive() {
    let folder = folder();
    let long = "The deadline is Friday noon and nothing else. ".repeat(40_000);
    std::fs::write(folder.path().join("notes.txt"), long).unwrap();
    // The events hold the result of the tool several times, more than a pipe takes.
    let mut command = victor(folder.path());
    command.args(["chat", "--json", "--quiet", "Read notes.txt"]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut victor = command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(command);
    reader.read_exact(&mut [0]).unwrap();
    for _ in 0..2 {
        kill_process(Pid::from_child(&victor), Signal::INT).unwrap();
        thread::yield_now();
    }
    let began = Instant::now();
    while victor.try_wait().unwrap().is_none() {
        // Two signals at the same moment are one.
        let _ = kill_process(Pid::from_child(&victor), Signal::INT);
        assert!(began.elapsed() < SOON);
        thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(victor.wait().unwrap().code(), Some(130));
}
