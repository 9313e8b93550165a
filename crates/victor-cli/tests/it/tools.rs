//! `victor tools`, and what modes do to a chat.

use std::fs;

use crate::run::{chat, folder, ran, victor};

/// Runs `victor tools` in a folder with notes, and checks the exit code and pieces of what is written to each side.
#[track_caller]
fn check(arguments: &[&str], stdin: &str, code: i32, out: &[&str], err: &[&str]) {
    let folder = folder();
    let ran = ran(victor(folder.path()).arg("tools").args(arguments), stdin);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for piece in out {
        assert!(ran.stdout.contains(piece), "`{piece}` is not in {ran:#?}");
    }
    for piece in err {
        assert!(ran.stderr.contains(piece), "`{piece}` is not in {ran:#?}");
    }
    assert_eq!(out.is_empty(), ran.stdout.is_empty(), "{ran:?}");
    assert_eq!(err.is_empty(), ran.stderr.is_empty(), "{ran:?}");
}

#[test]
fn the_tools_are_listed_with_what_they_do_to_the_world() {
    check(&["list"], "", 0, &["read_file", "read_only"], &[]);
    check(
        &["list", "--json"],
        "",
        0,
        &["\"permitted\":true", "\"input_schema\""],
        &[],
    );
    let all = [
        "list",
        "--allow-write",
        "--allow-commands",
        "--mode",
        "plan",
    ];
    check(
        &all,
        "",
        0,
        &["write_file", "(not in this mode)", "destructive"],
        &[],
    );
    let named = ["list", "--json", "--tools", "read_*,nothing"];
    let ran = ran(victor(folder().path()).arg("tools").args(named), "");
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
}

#[test]
fn a_tool_is_called_as_a_model_would_call_it() {
    let write = ["call", "write_file", r#"{"path":"b.txt","content":"x"}"#];
    let with = |flags: &[&'static str]| [&write[..], flags].concat();
    check(
        &["call", "read_file", r#"{"path":"notes.txt"}"#],
        "",
        0,
        &["cake"],
        &[],
    );
    check(
        &["call", "read_file", "-"],
        r#"{"path":"notes.txt"}"#,
        0,
        &["cake"],
        &[],
    );
    check(
        &["call", "read_file", r#"{"path":"no.txt"}"#],
        "",
        1,
        &[],
        &["no.txt"],
    );
    check(
        &["call", "raed_file"],
        "",
        2,
        &[],
        &["did you mean `read_file`"],
    );
    check(&["call", "read_file", "{"], "", 2, &[], &["cannot be read"]);
    check(
        &["call", "read_file", "{}"],
        "",
        2,
        &[],
        &["/path is missing"],
    );
    check(
        &with(&[]),
        "",
        2,
        &[],
        &["there is no tool named `write_file`"],
    );
    check(
        &with(&["--allow-write"]),
        "",
        1,
        &[],
        &["denied: run `write_file`", "--yes allows"],
    );
    check(&with(&["--allow-write", "--yes"]), "", 0, &["b.txt"], &[]);
    check(
        &with(&["--allow-write", "--mode", "plan"]),
        "",
        1,
        &[],
        &["mode `plan`"],
    );
    let command = [
        "call",
        "run_command",
        r#"{"command":"echo hi"}"#,
        "--allow-commands",
    ];
    check(
        &command,
        "",
        1,
        &[],
        &["There is no terminal to ask on", "echo hi"],
    );
    check(&[&command[..], &["--yes"]].concat(), "", 0, &["hi"], &[]);
    check(
        &[&command[..], &["--yes", "--mode", "explore"]].concat(),
        "",
        1,
        &[],
        &["mode `explore`"],
    );
}

#[test]
fn a_mode_that_there_is_not_is_named() {
    let unknown =
        "setting `mode` is `nope`, which is not known: known are `build`, `plan`, `explore`";
    check(&["list", "--mode", "nope"], "", 2, &[], &[unknown]);
}

#[test]
fn in_plan_mode_a_chat_changes_nothing() {
    let write = "Write 'hello' to greeting.txt";
    for (mode, written) in [("plan", false), ("explore", false), ("build", true)] {
        let folder = folder();
        let ran = chat(
            folder.path(),
            &["--allow-write", "--yes", "--mode", mode, write],
            "",
        );
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(
            fs::exists(folder.path().join("greeting.txt")).unwrap(),
            written,
            "{ran:?}"
        );
    }
}

#[test]
fn a_conversation_is_taken_to_another_mode_by_a_command() {
    let folder = folder();
    let lines = "/mode\n/mode plan\nWrite 'hello' to greeting.txt\n/mode nope\n/quit\n";
    let ran = chat(folder.path(), &["-i", "--allow-write", "--yes"], lines);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for said in [
        "the mode is build",
        "the mode is plan",
        "there is no mode `nope`",
    ] {
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
    assert!(
        !fs::exists(folder.path().join("greeting.txt")).unwrap(),
        "{ran:?}"
    );
}
