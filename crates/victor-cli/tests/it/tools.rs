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
    let unknown = "setting `mode`: unknown mode `nope`; known are `build`, `plan` and `explore`";
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
        "unknown mode `nope`",
    ] {
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
    assert!(
        !fs::exists(folder.path().join("greeting.txt")).unwrap(),
        "{ran:?}"
    );
}

#[test]
fn a_command_has_a_time_limit_of_its_own() {
    let folder = folder();
    let run = |command: &str, seconds: u32, more: &[&str]| {
        let arguments = serde_json::json!({ "command": command, "timeout_seconds": seconds });
        let said = ran(
            victor(folder.path())
                .env("VICTOR_TOOL_CALLING_TIMEOUT", "1")
                .env("VICTOR_COMMAND_TIMEOUT", "30")
                .args(["tools", "call", "run_command", &arguments.to_string()])
                .args(["--allow-commands", "--yes"])
                .args(more),
            "",
        );
        said.stdout
    };
    // The limit for calls does not cut it.
    assert_eq!(run("sleep 2; echo done", 20, &[]), "done\n[exit code 0]\n");
    let asked = run("echo begun; sleep 30", 1, &[]);
    assert!(
        asked.contains("begun\n[killed after 1s: allow more by `timeout_seconds`, up to 30"),
        "{asked}"
    );
    let limited = run("sleep 30", 20, &["--command-timeout", "1"]);
    assert!(
        limited.contains("[killed after 1s, the longest that it may take"),
        "{limited}"
    );
}

#[test]
fn the_command_runs_within_its_own_command() {
    let folder = folder();
    let program = env!("CARGO_BIN_EXE_victor");
    let command = format!("{program} tools call read_file '{{\"path\":\"notes.txt\"}}'");
    let arguments = serde_json::json!({ "command": command });
    let said = ran(
        victor(folder.path())
            .args(["tools", "call", "run_command", &arguments.to_string()])
            .args(["--allow-commands", "--yes"]),
        "",
    );
    assert!(
        said.stdout.contains("The deadline is Friday noon"),
        "{said:?}"
    );
    assert!(said.stdout.ends_with("[exit code 0]\n"), "{said:?}");
}

#[test]
fn a_server_that_cannot_be_used_is_a_remark_on_the_others() {
    let folder = folder();
    let good = serde_json::json!({
        "command": env!("CARGO_BIN_EXE_victor"),
        "args": ["mcp", "--provider", "offline", "--no-save"],
    });
    let servers = serde_json::json!({ "mcpServers": {
        "good": good, "bad": { "type": "sse", "url": "http://h/sse" },
    } });
    fs::write(folder.path().join("mcp.json"), servers.to_string()).unwrap();
    let listed = ran(
        victor(folder.path()).args(["tools", "list", "--mcp", "mcp.json"]),
        "",
    );
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(listed.stdout.contains("mcp_good_read_file"), "{listed:?}");
    assert!(listed.stderr.contains("server `bad`"), "{listed:?}");
}
