//! Metrics: those of the stored ledger, and those of a program that runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::run::{ANSWER, QUESTION, chat, folder, ran, victor};
use crate::server::{Api, KEY, anthropic};

#[track_caller]
fn metrics(folder: &Path, arguments: &[&str]) -> String {
    let ran = ran(victor(folder).arg("metrics").args(arguments), "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

#[test]
fn the_ledger_tells_how_the_calls_went() {
    let (folder, api) = (folder(), Api::start(anthropic));
    let folder = folder.path();
    for session in ["one", "two"] {
        let mut command = victor(folder);
        command
            .env("ANTHROPIC_API_KEY", KEY)
            .env("ANTHROPIC_BASE_URL", api.url())
            .args(["chat", "--model", "claude-sonnet-4-5", "--session", session])
            .arg("Hello");
        let ran = ran(&mut command, "");
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let line: Value = serde_json::from_str(&metrics(folder, &["--json"])).unwrap();
    assert_eq!(
        (&line["model"], &line["provider"]),
        (&json!("claude-exact"), &json!("anthropic"))
    );
    assert_eq!(line["attempts"], json!({ "answered": 2 }));
    assert!(line["p50_us"].as_u64().unwrap() <= line["max_us"].as_u64().unwrap());
    let one: Value =
        serde_json::from_str(&metrics(folder, &["--json", "--session", "one"])).unwrap();
    assert_eq!(one["attempts"], json!({ "answered": 1 }));

    let table = metrics(folder, &[]);
    assert!(
        table.starts_with("claude-exact of anthropic  2 attempts  "),
        "{table}"
    );
    assert!(table.contains(" p95  "), "{table}");
    let text = metrics(folder, &["--prometheus"]);
    let attempts = r#"victor_ledger_attempts_total{model="claude-exact",outcome="answered",provider="anthropic"} 2"#;
    assert!(text.lines().any(|line| line == attempts), "{text}");
    assert_eq!(metrics(folder, &["--since", "2999-01-01"]), "");
}

#[test]
fn a_conversation_serves_its_metrics() {
    let folder = folder();
    let mut command = victor(folder.path());
    command
        .args(["chat", "--interactive", "--provider", "offline"])
        .args(["--serve-metrics", "127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (sender, lines) = mpsc::channel();
    for output in [
        Box::new(child.stdout.take().unwrap()) as Box<dyn std::io::Read + Send>,
        Box::new(child.stderr.take().unwrap()),
    ] {
        let sender = sender.clone();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok())
        });
    }
    let wait = |part: &str| loop {
        let line = lines.recv_timeout(Duration::from_secs(60)).unwrap();
        if line.contains(part) {
            break line;
        }
    };
    let line = wait("metrics are at http://");
    let (_, address) = line.split_once("http://").unwrap();
    let address = address.split('/').next().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{QUESTION}").unwrap();
    wait(ANSWER.trim_end());
    // The turn ends soon after its answer.
    let mut text = String::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(address).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        text.clear();
        stream.read_to_string(&mut text).unwrap();
        if text.contains("victor_turns_total{outcome=\"completed\"} 1") {
            break;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "there is no runtime in this process"
        )]
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(
        text.contains("\nvictor_turns_total{outcome=\"completed\"} 1\n"),
        "{text}"
    );
    assert!(text.contains("victor_attempts_total{"), "{text}");
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_cannot_be_served_is_said() {
    let folder = folder();
    let serve = |address: &str| {
        let serve = ["--provider", "offline", "--serve-metrics", address, "Hello"];
        chat(folder.path(), &serve, "")
    };
    let nowhere = serve("192.0.2.1:9464");
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
    assert!(
        nowhere.stderr.contains("cannot listen at `192.0.2.1:9464`"),
        "{nowhere:?}"
    );
    let mut off = victor(folder.path());
    off.env("VICTOR_ENABLE_METRICS", "off").args([
        "chat",
        "--provider",
        "offline",
        "--serve-metrics",
        "127.0.0.1:0",
        "Hello",
    ]);
    let off = ran(&mut off, "");
    assert_eq!(off.code, Some(2), "{off:?}");
    assert!(off.stderr.contains("`enable_metrics` is false"), "{off:?}");
}
