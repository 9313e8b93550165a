//! `--record` and `--replay`.

use std::fs;
use std::path::Path;

use crate::run::{ANSWER, QUESTION, Ran, chat, folder, ran, victor};
use crate::server::{Api, KEY, anthropic};

/// Records a conversation with a model whose key is in the environment and in a file that it reads.
fn recorded(folder: &Path, arguments: &[&str], stdin: &str) -> Ran {
    let api = Api::start(anthropic);
    fs::write(
        folder.join("notes.txt"),
        format!("The key is {KEY}, the deadline is Friday.\n"),
    )
    .unwrap();
    let mut command = victor(folder);
    command
        .env("ANTHROPIC_API_KEY", KEY)
        .args([
            "chat",
            "--record",
            "tape.jsonl",
            "--provider",
            "anthropic",
            "--model",
            "m",
        ])
        .args(["--base-url", api.url()])
        .args(arguments);
    let ran = ran(&mut command, stdin);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran
}

#[test]
fn what_was_recorded_is_replayed_elsewhere_without_a_key_and_a_server() {
    let (there, here) = (folder(), folder());
    let said = recorded(there.path(), &[QUESTION], "");
    assert_eq!(said.stdout, "On Friday, at noon.\n");
    assert_eq!(
        said.stderr.lines().last(),
        Some("2 model calls recorded to tape.jsonl")
    );
    let tape = fs::read_to_string(there.path().join("tape.jsonl")).unwrap();
    assert!(tape.contains("read_file") && !tape.contains(KEY), "{tape}");

    fs::write(here.path().join("tape.jsonl"), tape).unwrap();
    fs::copy(
        there.path().join("notes.txt"),
        here.path().join("notes.txt"),
    )
    .unwrap();
    let replayed = chat(here.path(), &["--replay", "tape.jsonl", QUESTION], "");
    assert_eq!(
        (replayed.code, replayed.stdout),
        (Some(0), said.stdout),
        "{}",
        replayed.stderr
    );
    assert!(
        replayed
            .stderr
            .starts_with("model m of anthropic, replayed from tape.jsonl\n"),
        "{}",
        replayed.stderr
    );
    assert!(
        !replayed.stderr.contains(" left in "),
        "{}",
        replayed.stderr
    );
}

#[test]
fn so_is_a_whole_conversation() {
    let folder = folder();
    let lines = format!("{QUESTION}\nWhen?\n/reset\nWhen?\n");
    let said = recorded(folder.path(), &["-i"], &lines);
    let replayed = chat(folder.path(), &["-i", "--replay", "tape.jsonl"], &lines);
    assert_eq!(
        (replayed.code, &*replayed.stdout),
        (Some(0), &*said.stdout),
        "{}",
        replayed.stderr
    );
    assert_eq!(said.stdout.lines().count(), 3, "{}", said.stdout);
    let shorter = chat(folder.path(), &["-i", "--replay", "tape.jsonl"], QUESTION);
    assert_eq!(
        shorter.stderr.lines().last(),
        Some("2 model calls left in tape.jsonl")
    );
}

#[test]
fn the_offline_model_is_recorded_as_well() {
    let folder = folder();
    for flag in ["--record", "--replay"] {
        let ran = chat(folder.path(), &[flag, "tape.jsonl", "-q", QUESTION], "");
        assert_eq!(
            (ran.code, &*ran.stdout, &*ran.stderr),
            (Some(0), ANSWER, "")
        );
    }
}

#[test]
fn another_question_is_told_from_the_one_that_was_recorded() {
    let folder = folder();
    recorded(folder.path(), &["When?"], "");
    let ran = chat(
        folder.path(),
        &["-q", "--replay", "tape.jsonl", "Where?"],
        "",
    );
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""));
    let expected = "error: the model call failed: anthropic: request 1 is not that of the cassette `tape.jsonl`, which \
                    at `/messages/0/parts/0/text` was `\"When?\"`, and now is `\"Where?\"`; \
                    record it again if the program has changed\n";
    assert_eq!(ran.stderr, expected);
}

#[test]
fn files_that_are_wrong() {
    let folder = folder();
    fs::write(folder.path().join("empty.jsonl"), "").unwrap();
    let check = |arguments: &[&str], expected: &str| {
        let ran = chat(folder.path(), &[arguments, &["hello"]].concat(), "");
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{ran:?}");
        assert_eq!(ran.stderr, format!("error: {expected}\n"));
    };
    let exists = "`notes.txt` holds something already: remove it, or record to another file";
    check(&["--record", "notes.txt"], exists);
    let folderless =
        "the cassette `no/tape` cannot be written: No such file or directory (os error 2)";
    check(&["--record", "no/tape"], folderless);
    let gone = "the cassette `gone` cannot be read: No such file or directory (os error 2)";
    check(&["--replay", "gone"], gone);
    let other = "is not a cassette: its first line is not the header of one";
    check(&["--replay", "notes.txt"], &format!("`notes.txt` {other}"));
    check(
        &["--replay", "empty.jsonl"],
        &format!("`empty.jsonl` {other}"),
    );
    let both =
        "the argument '--record <FILE>' cannot be used with '--replay <FILE>'; see `victor --help`";
    check(&["--record", "a", "--replay", "b"], both);
    let where_to = "the argument '--replay <FILE>' cannot be used with '--provider <NAME>'; see `victor --help`";
    check(&["--replay", "b", "--provider", "openai"], where_to);
    assert!(!folder.path().join("a").exists());
}

#[test]
fn a_recording_is_not_begun_where_the_flags_are_wrong() {
    let folder = folder();
    let ran = chat(
        folder.path(),
        &["--record", "tape.jsonl", "--model", "none", "hello"],
        "",
    );
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(!folder.path().join("tape.jsonl").exists());
}

#[test]
fn what_servers_are_told_is_neither_recorded_nor_logged() {
    let folder = folder();
    let server = r#"{"mcpServers": {"s": {"command": "no-such-program", "args": ["--key=PLANTARG01"], "env": {"TOKEN": "PLANTENV02"}}}}"#;
    fs::write(folder.path().join("mcp.json"), server).unwrap();
    let said = ran(
        victor(folder.path())
            .env("VICTOR_LOG_LEVEL", "trace")
            .env("SOME_API_KEY", "plant0123456789abc")
            .args([
                "chat",
                "--provider",
                "offline",
                "--mcp",
                "mcp.json",
                "--record",
                "tape.jsonl",
            ])
            .arg("Say PLANTARG01 and PLANTENV02 and plant0123456789abc"),
        "",
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    let tape = fs::read_to_string(folder.path().join("tape.jsonl")).unwrap();
    for told in [tape, said.stderr] {
        for secret in ["PLANTARG01", "PLANTENV02", "plant0123456789abc"] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}
