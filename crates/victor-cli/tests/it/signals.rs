//! Ctrl-C and its kin.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::run::{folder, victor};

/// Long enough for a machine that is busy, and much shorter than what is interrupted.
const SOON: Duration = Duration::from_secs(20);

/// A run whose command sleeps.
pub(crate) struct Sleeping {
    pub(crate) victor: Child,
    _input: Option<ChildStdin>,
    /// A pipe that the sleeper holds open.
    alive: File,
}

/// Runs until the model's command sleeps.
fn sleeping(folder: &Path, flags: &[&str]) -> Sleeping {
    let chat = [
        "chat",
        "--allow-commands",
        "--yes",
        "Run `sleep 40 > alive`",
    ];
    started(folder, victor(folder).args(chat).args(flags), "")
}

/// Runs until a command sleeps.
pub(crate) fn started(folder: &Path, command: &mut Command, stdin: &str) -> Sleeping {
    let alive = folder.join("alive");
    assert!(
        Command::new("mkfifo")
            .arg(&alive)
            .status()
            .unwrap()
            .success()
    );
    let mut victor = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = victor.stdin.take().unwrap();
    input.write_all(stdin.as_bytes()).unwrap();
    // Who serves a client reads on, and who has a message has what it needs.
    let input = (!stdin.is_empty()).then_some(input);
    let (sender, receiver) = mpsc::channel();
    // Opening it waits until the command opens it too.
    thread::spawn(move || sender.send(File::open(alive).unwrap()));
    Sleeping {
        victor,
        _input: input,
        alive: receiver.recv_timeout(SOON).expect("the command runs"),
    }
}

impl Sleeping {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.victor), signal).unwrap();
    }

    /// Waits until the command's processes and the program are gone.
    pub(crate) fn ended(mut self) -> Output {
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

/// A message of a client that has `victor mcp` run a command.
fn served() -> String {
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" },
    } });
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "run_command", "arguments": { "command": "sleep 40 > alive" },
    } });
    format!("{hello}\n{ready}\n{call}\n")
}

/// Whether who runs the tests has them outlive the terminal, so that nobody hears of it.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

#[test]
fn nothing_outlives_the_program_whatever_ends_it() {
    let call = r#"{"command": "sleep 40 > alive"}"#;
    let ways: [(&[&str], String); 3] = [
        (&["chat", "Run `sleep 40 > alive`"], String::new()),
        (&["tools", "call", "run_command", call], String::new()),
        (&["mcp", "--provider", "offline", "--no-save"], served()),
    ];
    let signals = [
        (Signal::TERM, Some(143)),
        (Signal::QUIT, Some(131)),
        (Signal::HUP, Some(129)),
        (Signal::KILL, None),
    ];
    for (args, stdin) in &ways {
        for (signal, code) in signals {
            if signal == Signal::HUP && is_hang_up_ignored() {
                continue;
            }
            let folder = folder();
            let mut command = victor(folder.path());
            command.args(*args).args(["--allow-commands", "--yes"]);
            let sleeping = started(folder.path(), &mut command, stdin);
            sleeping.signal(signal);
            let output = sleeping.ended();
            assert_eq!(output.status.code(), code, "{args:?} {signal:?} {output:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_hang_up_that_is_ignored_stays_so() {
    let folder = folder();
    let mut command = Command::new("sh");
    let chat = "trap '' HUP; exec \"$0\" chat --allow-commands --yes 'Run `sleep 40 > alive`'";
    let program = victor(folder.path());
    command
        .args(["-c", chat])
        .arg(program.get_program())
        .current_dir(folder.path())
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", std::env::var_os("PATH").unwrap());
    let sleeping = started(folder.path(), &mut command, "");
    sleeping.signal(Signal::HUP);
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

/// Serves one answer that begins and never ends, and returns where.
fn endless_model() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1 << 16];
            let read = stream.read(&mut request).unwrap();
            let answer: &[u8] = match request[..read].starts_with(b"POST") {
                true => b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\
                    data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Once upon a time\"}}]}\n\n",
                false => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            };
            stream.write_all(answer).unwrap();
            open.push(stream);
        }
    });
    url
}

#[test]
fn what_a_stopped_answer_has_used_is_estimated() {
    let folder = folder();
    let mut victor = victor(folder.path())
        .env("OPENAI_API_KEY", "none")
        .args([
            "chat",
            "--provider",
            "openai",
            "--model",
            "m",
            "Tell me a story.",
        ])
        .args(["--base-url", &endless_model()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut begun = [0; 16];
    victor
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut begun)
        .unwrap();
    assert_eq!(&begun, b"Once upon a time");
    kill_process(Pid::from_child(&victor), Signal::INT).unwrap();
    let output = victor.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("more tokens; this is an estimate"),
        "{stderr}"
    );
}
