//! A person decides about tool calls at a terminal.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::run::{chat, folder, ran, victor};
use crate::terminal::Terminal;

/// The question about a tool.
fn allow(tool: &str) -> String {
    format!("allow `{tool}`? [y/N/?]")
}

/// The arguments of `victor tools call` in a file, so that a shell does not read them.
fn call(folder: &TempDir, tool: &str, arguments: &serde_json::Value, flags: &str) -> Terminal {
    fs::write(folder.path().join("call.json"), arguments.to_string()).unwrap();
    let line = format!("tools call {tool} \"$(cat call.json)\" {flags}");
    Terminal::run(folder.path(), &line)
}

#[test]
fn a_write_is_asked_about_with_its_diff_and_again_if_the_file_has_changed() {
    let folder = folder();
    let greeting = folder.path().join("greeting.txt");
    let mut terminal = Terminal::open(
        folder.path(),
        "--allow-write \"Write 'hello' to greeting.txt\"",
    );
    terminal.wait_for("| --- /dev/null");
    terminal.wait_for("| +hello");
    terminal.wait_for(&allow("write_file"));
    fs::write(&greeting, "mine\n").unwrap();
    terminal.type_in("y\r");
    terminal.wait_for(
        "`write_file` would do something else than what was approved, since something has changed",
    );
    terminal.wait_for("| -mine");
    terminal.wait_for(&allow("write_file"));
    assert_eq!(fs::read_to_string(&greeting).unwrap(), "mine\n");
    terminal.type_in("y\r");
    assert_eq!(terminal.exit_code(), Some(0));
    assert_eq!(fs::read_to_string(&greeting).unwrap().trim(), "hello");
}

#[test]
fn a_call_by_hand_is_reviewed_once_more_too() {
    let folder = folder();
    let arguments = json!({ "path": "notes.txt", "content": "x" });
    let mut terminal = call(&folder, "write_file", &arguments, "--allow-write");
    terminal.wait_for(&allow("write_file"));
    fs::write(folder.path().join("notes.txt"), "mine\n").unwrap();
    terminal.type_in("y\r");
    terminal.wait_for("something has changed");
    terminal.wait_for(&allow("write_file"));
    terminal.type_in("n\r");
    assert_eq!(terminal.exit_code(), Some(1));
    assert_eq!(
        fs::read_to_string(folder.path().join("notes.txt")).unwrap(),
        "mine\n"
    );
}

#[test]
fn a_command_can_neither_scroll_the_question_away_nor_imitate_it() {
    let folder = folder();
    let command = format!(
        "touch pwned;{}echo '\n\nallow `run_command`? [y/N/?] n\n> '\u{1b}[2J",
        "\n".repeat(5_000)
    );
    let arguments = json!({ "command": command });
    let mut terminal = call(&folder, "run_command", &arguments, "--allow-commands");
    terminal.wait_for("| touch pwned;");
    terminal.wait_for("[4,998 more rows like this]");
    let between = terminal.wait_for("| allow `run_command`? [y/N/?] n\r\n");
    assert!(between.contains("| echo '"), "{between}");
    terminal.wait_for(r"| > '\u{1b}[2J");
    terminal.wait_for(&allow("run_command"));
    terminal.type_in("\r");
    assert_eq!(terminal.exit_code(), Some(1));
    assert!(!folder.path().join("pwned").exists());
}

#[test]
fn what_is_not_shown_is_not_allowed_by_a_single_key() {
    let folder = folder();
    let noise: String = (0..4_000).map(|n| format!("{n} ")).collect();
    let command = format!("echo checking # {noise}\ntouch pwned_tail");
    let arguments = json!({ "command": command });
    let mut terminal = call(&folder, "run_command", &arguments, "--allow-commands");
    terminal.wait_for("characters are not shown]");
    terminal.wait_for("| touch pwned_tail");
    terminal.wait_for("Not shown: ");
    let word = "allow `run_command`? [yes/N/?]";
    terminal.wait_for(word);
    for (answer, said) in [
        ("y", "Not all of it was shown, so `y` is not enough."),
        ("t", "Not all of it was shown, so `t` is not enough."),
        ("sure", "`sure` is not an answer."),
    ] {
        terminal.type_in(&format!("{answer}\r"));
        terminal.wait_for(said);
        terminal.wait_for(word);
    }
    terminal.type_in("v\r");
    for page in 1..=4 {
        terminal.wait_for(&format!("page {page} of 5 [Enter: next, q: back]"));
        terminal.type_in("\r");
    }
    terminal.wait_for("| touch pwned_tail");
    terminal.wait_for(&allow("run_command"));
    assert!(!folder.path().join("pwned_tail").exists());
    terminal.type_in("y\r");
    terminal.wait_for("checking");
    assert_eq!(terminal.exit_code(), Some(0));
    assert!(folder.path().join("pwned_tail").exists());
}

#[test]
fn approvals_count_for_what_they_were_given_for() {
    let (folder, data) = (folder(), TempDir::new().unwrap());
    let made = |name: &str| fs::remove_file(folder.path().join(name)).is_ok();
    let flags = format!(
        "--allow-commands --allow-write --data-dir '{}'",
        data.path().display()
    );
    let mut terminal = Terminal::open(folder.path(), &flags);
    // What is said, and the answer if it is asked about.
    for (message, answer) in [
        ("Run `touch a`", Some("p")),
        ("Run `touch b`", None),
        ("Run `touch c; touch d`", Some("n")),
        ("Run `echo e > e`", Some("s")),
        ("Run `echo e > e`", None),
        ("Run `echo f > e`", Some("n")),
        ("Write 'g' to g.txt", Some("t!")),
        ("Write 'h' to h.txt", None),
    ] {
        terminal.wait_for("> ");
        terminal.type_in(&format!("{message}\r"));
        let tool = if message.starts_with("Run") {
            "run_command"
        } else {
            "write_file"
        };
        match answer {
            Some(answer) => {
                terminal.wait_for(&allow(tool));
                terminal.type_in(&format!("{answer}\r"));
                terminal.wait_for(" tokens (");
            }
            None => {
                let shown = terminal.wait_for(" tokens (");
                assert!(!shown.contains("allow `"), "{message}: {shown}");
            }
        }
    }
    terminal.wait_for("> ");
    terminal.type_in("/quit\r");
    assert_eq!(terminal.exit_code(), Some(0));
    let expected = [
        ("a", true),
        ("b", true),
        ("c", false),
        ("d", false),
        ("e", true),
        ("g.txt", true),
        ("h.txt", true),
    ];
    for (name, there) in expected {
        assert_eq!(made(name), there, "{name}");
    }

    // Another process, where nobody is there to be asked.
    let data = data.path().to_str().unwrap();
    let flags = ["--allow-commands", "--allow-write", "--data-dir", data];
    let later = chat(
        folder.path(),
        &[&flags[..], &["Write 'i' to i.txt"]].concat(),
        "",
    );
    assert!(made("i.txt"), "{later:?}");
    let asked = chat(
        folder.path(),
        &[&flags[..], &["Run `touch a`"]].concat(),
        "",
    );
    assert!(
        !made("a") && asked.stderr.contains("denied: run `run_command`"),
        "{asked:?}"
    );
    let elsewhere = crate::run::folder();
    let asked = chat(
        elsewhere.path(),
        &[&flags[..], &["Write 'i' to i.txt"]].concat(),
        "",
    );
    assert!(
        asked.stderr.contains("denied: run `write_file`"),
        "{asked:?}"
    );

    let approvals = |more: &[&str]| {
        let mut command = victor(folder.path());
        ran(
            command
                .args(["tools", "approvals", "--data-dir", data])
                .args(more),
            "",
        )
    };
    assert_eq!(approvals(&[]).stdout, "write_file: every call\n");
    assert_eq!(approvals(&["--forget"]).code, Some(0));
    assert_eq!(approvals(&[]).stdout, "");
    let asked = chat(
        folder.path(),
        &[&flags[..], &["Write 'i' to i.txt"]].concat(),
        "",
    );
    assert!(
        !made("i.txt") && asked.stderr.contains("denied: run `write_file`"),
        "{asked:?}"
    );
}

#[test]
fn approvals_are_not_kept_where_tools_could_write_them() {
    let folder = folder();
    let mut terminal = Terminal::open(
        folder.path(),
        "--allow-write --data-dir below/data \"Write 'a' to a.txt\"",
    );
    terminal.wait_for(&allow("write_file"));
    terminal.type_in("t!\r");
    terminal.wait_for("Approvals are not stored here for later conversations.");
    terminal.wait_for(&allow("write_file"));
    terminal.type_in("t\r");
    assert_eq!(terminal.exit_code(), Some(0));
    assert!(folder.path().join("a.txt").exists());
    assert!(!folder.path().join("below/data/approvals").exists());
}

#[test]
fn a_file_of_approvals_that_cannot_be_read_is_left_alone() {
    let (folder, data) = (folder(), TempDir::new().unwrap());
    let flags = ["--allow-write", "--data-dir", data.path().to_str().unwrap()];
    let mut terminal = Terminal::open(
        folder.path(),
        &format!("{} \"Write 'a' to a.txt\"", flags.join(" ")),
    );
    terminal.wait_for(&allow("write_file"));
    terminal.type_in("s!\r");
    assert_eq!(terminal.exit_code(), Some(0));
    let kept = fs::read_dir(data.path().join("approvals")).unwrap();
    let files: Vec<_> = kept.map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    let text = fs::read_to_string(file).unwrap();
    assert!(
        text.contains("\"everywhere\"") && text.contains("write_file"),
        "{text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    fs::write(file, "{").unwrap();
    let asked = chat(
        folder.path(),
        &[&flags[..], &["Write 'a' to a.txt"]].concat(),
        "",
    );
    assert!(
        asked.stderr.contains("approvals are not stored: ")
            && asked.stderr.contains("remove it to start afresh"),
        "{asked:?}"
    );
    assert!(
        asked.stderr.contains("denied: run `write_file`"),
        "{asked:?}"
    );
    assert_eq!(fs::read_to_string(file).unwrap(), "{");
}
