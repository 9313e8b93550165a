//! Readers of the output that go away.

use std::process::Stdio;

use crate::run::{QUESTION, folder, victor};
use crate::server::{Api, KEY, openai};

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = folder();
    for arguments in [
        &["chat", QUESTION][..],
        &["chat", "--json", QUESTION],
        &["chat", "--help"],
        &["--version"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = victor(folder.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(writer)
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(
            !stderr.contains("panicked") && !stderr.contains("error"),
            "{arguments:?}: {stderr}"
        );
    }
}

#[test]
fn nobody_need_read_what_is_said_beside_the_answer() {
    let folder = folder();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = victor(folder.path())
        .args(["chat", QUESTION])
        .stdin(Stdio::null())
        .stderr(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        crate::run::ANSWER
    );
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let folder = folder();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = victor(folder.path())
        .args(["chat", "-q", QUESTION])
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr, "error: No space left on device (os error 28)\n");
}

/// Sends a message with something on standard input, and returns what the model is told and what is remarked.
fn sent(input: impl Into<Stdio>) -> (String, String) {
    let folder = folder();
    let api = Api::start(openai);
    let output = victor(folder.path())
        .env("OPENAI_API_KEY", KEY)
        .args([
            "chat",
            "--no-save",
            "--base-url",
            &format!("{}/v1", api.url()),
        ])
        .args(["--provider", "openai", "--model", "m", "Sum it up."])
        .stdin(input)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let messages = api.last().json()["messages"].clone();
    let last = messages.as_array().unwrap().last().unwrap();
    (last["content"].as_str().unwrap().to_owned(), stderr)
}

#[test]
fn what_is_piped_in_goes_with_the_message() {
    let folder = folder();
    let file = |bytes: &[u8]| {
        let path = folder.path().join("input");
        std::fs::write(&path, bytes).unwrap();
        std::fs::File::open(path).unwrap()
    };
    let marked = |text: &str| format!("```\n{text}\n```\n\nSum it up.");
    assert_eq!(sent(file(b"one\ntwo\n\n")).0, marked("one\ntwo"));
    let (said, remarks) = sent(file(b"caf\xe9"));
    assert_eq!(said, marked("caf\u{fffd}"));
    assert!(
        remarks.contains("standard input is not all UTF-8"),
        "{remarks}"
    );
    let fenced = "```sh\nls\n```";
    let marked = format!("````\n{fenced}\n````\n\nSum it up.");
    assert_eq!(sent(file(fenced.as_bytes())).0, marked);
    assert_eq!(sent(file(b" \n")).0, "Sum it up.");
    assert_eq!(sent(Stdio::null()).0, "Sum it up.");
}

#[test]
fn a_pipe_that_nobody_writes_to_is_not_waited_for() {
    let (reader, _writer) = std::io::pipe().unwrap();
    let (said, remarks) = sent(reader);
    assert_eq!(said, "Sum it up.");
    assert!(remarks.contains("has been silent for 3 s"), "{remarks}");
}
