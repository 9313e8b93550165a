//! Wrong use: one clear line, and exit code 2.

use std::fs;

use crate::run::{chat, folder, ran, victor};

/// Runs with these arguments, and expects a line that begins and ends in this way.
#[track_caller]
fn check(arguments: &[&str], begins: &str, ends: &str) {
    let folder = folder();
    fs::write(folder.path().join("wrong.toml"), "max_tool_iteration = 3\n").unwrap();
    fs::write(folder.path().join("broken.toml"), "temperature = = 1\n").unwrap();
    fs::write(folder.path().join("range.json"), r#"{"temperature": 3}"#).unwrap();
    let ran = ran(victor(folder.path()).args(arguments), "");
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let line = ran.stderr.trim_end().strip_prefix("error: ").unwrap();
    assert!(line.starts_with(begins), "{line}");
    assert!(line.ends_with(ends), "{line}");
}

/// The providers that the help names, in its order.
fn providers() -> Vec<String> {
    let help = chat(folder().path(), &["--help"], "").stdout;
    let values = help.split("--provider <NAME>").nth(1).unwrap();
    let values = values.split("--base-url <URL>").next().unwrap().lines();
    let named = values.filter_map(|line| line.trim().strip_prefix("- ")?.split_once(':'));
    named.map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn flags() {
    let providers = providers();
    assert!(providers.len() > 3, "{providers:?}");
    check(
        &["chat", "--frobnicate", "hello"],
        "unexpected argument '--frobnicate' found",
        "see `victor --help`",
    );
    check(
        &["chat", "--modell", "x", "hello"],
        "unexpected argument '--modell'",
        "'--model'; see `victor --help`",
    );
    check(
        &["chat", "--provider", "nobody", "hello"],
        "invalid value 'nobody'",
        &format!(
            "[possible values: {}]; see `victor --help`",
            providers.join(", ")
        ),
    );
    check(
        &["chat", "--session", "", "hello"],
        "a value is required for '--session <NAME>'",
        "see `victor --help`",
    );
    check(
        &["chat", "-i", "hello"],
        "the argument '--interactive' cannot be used with",
        "see `victor --help`",
    );
    check(
        &["frobnicate"],
        "unrecognized subcommand 'frobnicate'",
        "see `victor --help`",
    );
}

#[test]
fn models() {
    check(
        &["chat", "--model", "gpt", "hello"],
        "provider `offline` has no model `gpt`",
        "and no Ollama is at 127.0.0.1:1",
    );
    check(
        &["chat", "--provider", "offline", "--model", "gpt", "hello"],
        "provider `offline` has no model `gpt`",
        "its only model is `offline-extractive`",
    );
}

#[test]
fn messages() {
    for arguments in [
        &["chat", ""][..],
        &["chat", " \n\t"],
        &["chat", "-"],
        &["chat"],
    ] {
        check(
            arguments,
            "the message is empty: give one",
            "\"Which files are here?\"`",
        );
    }
}

#[test]
fn folders_and_files() {
    check(
        &["chat", "--root", "nowhere", "hello"],
        "the workspace `nowhere` cannot be opened",
        "No such file or directory (os error 2)",
    );
    check(
        &["chat", "--root", "notes.txt", "hello"],
        "the workspace `notes.txt` cannot be opened",
        "Not a directory (os error 20)",
    );
    check(
        &["chat", "--config", "gone.toml", "hello"],
        "file gone.toml cannot be read",
        "No such file or directory (os error 2)",
    );
    check(
        &["chat", "--config", "wrong.toml", "hello"],
        "unknown setting `max_tool_iteration` in file wrong.toml",
        "did you mean `max_tool_iterations`?",
    );
    check(
        &["chat", "--config", "broken.toml", "hello"],
        "file broken.toml cannot be read: it is not valid TOML",
        "",
    );
    check(
        &["chat", "--config", "range.json", "hello"],
        "setting `temperature` in file range.json",
        "expected from 0 to 2, found 3",
    );
}

#[test]
fn the_environment() {
    let folder = folder();
    let run = |name: &str, value: &str| {
        ran(
            victor(folder.path())
                .args(["chat", "hello"])
                .env(name, value),
            "",
        )
    };
    let unknown = run("VICTOR_TEMPRATURE", "1");
    assert_eq!(unknown.code, Some(0), "{unknown:?}");
    assert!(
        unknown
            .stderr
            .contains("VICTOR_TEMPRATURE: it is no setting and has no effect; did you mean VICTOR_TEMPERATURE?"),
        "{unknown:?}"
    );
    let foreign = run("VICTOR_PORT", "tcp://10.0.0.1:80");
    assert_eq!(foreign.code, Some(0), "{foreign:?}");
    assert!(!foreign.stderr.contains("VICTOR_PORT"), "{foreign:?}");
    let level = run("VICTOR_LOG_LEVEL", "victor=loud");
    assert_eq!(level.code, Some(2), "{level:?}");
    assert!(
        level
            .stderr
            .starts_with("error: VICTOR_LOG_LEVEL is `victor=loud`: use error, warn"),
        "{level:?}"
    );
}

#[test]
fn input_that_is_no_text() {
    let folder = folder();
    let output = assert_cmd::Command::from_std(victor(folder.path()))
        .arg("chat")
        .write_stdin([0xff, 0xfe])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.starts_with("error: the message on standard input is not UTF-8"),
        "{stderr}"
    );
}

#[test]
fn help_is_no_wrong_use() {
    let folder = folder();
    let alone = ran(&mut victor(folder.path()), "");
    assert_eq!((alone.code, &*alone.stderr), (Some(0), ""));
    assert!(
        alone.stdout.contains("Usage: victor [COMMAND]") && alone.stdout.contains("  chat "),
        "{alone:?}"
    );
    let version = ran(victor(folder.path()).arg("--version"), "");
    assert_eq!(
        (version.code, &*version.stdout),
        (Some(0), concat!("victor ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    let help = chat(folder.path(), &["--help"], "");
    assert_eq!(help.code, Some(0));
    for part in [
        "Examples:",
        "Exit codes:",
        "--allow-write",
        "--json",
        "- offline: ",
        "- ollama: ",
        "--record <FILE>",
    ] {
        assert!(help.stdout.contains(part), "{part}: {}", help.stdout);
    }
}
