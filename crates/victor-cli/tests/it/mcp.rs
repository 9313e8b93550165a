//! `victor mcp`, spoken to by `victor` itself as the client.

use std::fs;
use std::path::Path;

use crate::run::{Ran, folder, ran, victor};

/// Runs `victor tools` with the tools of a `victor mcp` that has these flags.
fn tools(folder: &Path, flags: &[&str], arguments: &[&str]) -> Ran {
    tools_of(folder, true, flags, arguments)
}

/// The same, of a server that is believed about its tools or not.
fn tools_of(folder: &Path, is_trusted: bool, flags: &[&str], arguments: &[&str]) -> Ran {
    let mut args = vec!["mcp", "--data-dir", "served"];
    args.extend(flags);
    let server = serde_json::json!({
        "command": env!("CARGO_BIN_EXE_victor"),
        "args": args,
        "cwd": folder,
        "env": { "OLLAMA_HOST": crate::run::NOWHERE },
        "trust_annotations": is_trusted,
    });
    let config = serde_json::json!({ "mcpServers": { "served": server } });
    fs::write(folder.join("mcp.json"), config.to_string()).unwrap();
    let mut command = victor(folder);
    command
        .arg("tools")
        .args(arguments)
        .args(["--mcp", "mcp.json"]);
    ran(&mut command, "")
}

#[test]
fn an_agent_and_its_tools_are_served() {
    let folder = folder();
    let folder = folder.path();
    let listed = tools(folder, &["--allow-write"], &["list", "--tools", "mcp_*"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let line = |name: &str| {
        listed
            .stdout
            .lines()
            .find(|line| line.split(' ').next() == Some(name))
    };
    assert!(
        line("mcp_served_read_file").is_some_and(|line| line.contains("read_only")),
        "{listed:?}"
    );
    assert!(
        line("mcp_served_write_file").is_some_and(|line| !line.contains("read_only")),
        "{listed:?}"
    );

    let read = tools(
        folder,
        &[],
        &["call", "mcp_served_read_file", r#"{"path":"notes.txt"}"#],
    );
    assert!(
        read.code == Some(0) && read.stdout.contains("cake"),
        "{read:?}"
    );
    let message = r#"{"message":"What does notes.txt say about the deadline?"}"#;
    let said = tools(folder, &[], &["call", "mcp_served_chat", message, "--yes"]);
    assert!(said.stdout.contains("Friday noon"), "{said:?}");
}

#[test]
fn a_mode_holds_for_clients_too() {
    let folder = folder();
    let write = r#"{"path":"b.txt","content":"x"}"#;
    let call = ["call", "mcp_served_write_file", write, "--yes"];
    // Where the server is in a mode that permits nothing, it refuses; where the client is, the call does not leave it.
    let refused = tools(
        folder.path(),
        &["--allow-write", "--yes", "--mode", "plan"],
        &call,
    );
    assert!(
        refused.code == Some(1) && refused.stderr.contains("mode `plan`"),
        "{refused:?}"
    );
    let kept = tools(
        folder.path(),
        &["--allow-write", "--yes"],
        &[&call[..], &["--mode", "plan"]].concat(),
    );
    assert!(
        kept.code == Some(1) && kept.stderr.contains("mode `plan`"),
        "{kept:?}"
    );
    assert!(!fs::exists(folder.path().join("b.txt")).unwrap());
    let written = tools(folder.path(), &["--allow-write", "--yes"], &call);
    assert_eq!(written.code, Some(0), "{written:?}");
    assert!(fs::exists(folder.path().join("b.txt")).unwrap());
}

#[test]
fn a_configuration_that_is_wrong_is_said_to_be_so() {
    let folder = folder();
    let check = |text: &str, said: &str| {
        fs::write(folder.path().join("wrong.json"), text).unwrap();
        let ran = ran(
            victor(folder.path()).args(["tools", "list", "--mcp", "wrong.json"]),
            "",
        );
        assert!(ran.code == Some(2) && ran.stderr.contains(said), "{ran:?}");
    };
    check("{", "wrong.json");
    check(
        r#"{"mcpServers": {"a": {"command": "x", "argz": []}}}"#,
        "argz",
    );
    let ran = ran(
        victor(folder.path()).args(["tools", "list", "--mcp", "no.json"]),
        "",
    );
    assert!(
        ran.code == Some(2) && ran.stderr.contains("no.json"),
        "{ran:?}"
    );
}

#[test]
fn a_tool_of_a_server_that_is_not_trusted_is_asked_about() {
    let folder = folder();
    let listed = tools_of(folder.path(), false, &[], &["list", "--tools", "mcp_*"]);
    let mut served = listed
        .stdout
        .lines()
        .filter(|line| line.starts_with("mcp_"));
    assert!(served.clone().count() > 3, "{listed:?}");
    assert!(
        served.all(|line| line.contains(" destructive ")),
        "{listed:?}"
    );
    let call = ["call", "mcp_served_read_file", r#"{"path":"notes.txt"}"#];
    let denied = tools_of(folder.path(), false, &[], &call);
    assert!(
        denied.code == Some(1)
            && denied.stdout.is_empty()
            && denied
                .stderr
                .contains("denied: run `mcp_served_read_file`, which may change something that"),
        "{denied:?}"
    );
    let allowed = tools_of(folder.path(), false, &[], &[&call[..], &["--yes"]].concat());
    assert!(
        allowed.code == Some(0) && allowed.stdout.contains("cake"),
        "{allowed:?}"
    );
}
