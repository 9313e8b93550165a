//! One message, one answer.

use std::fs;
use std::path::Path;

use crate::run::{ANSWER, QUESTION, chat, folder, ran, victor};

#[test]
fn the_answer_comes_from_a_file_through_a_tool() {
    let folder = folder();
    let ran = chat(folder.path(), &[QUESTION], "");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ANSWER), "{ran:?}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let [about, call, result, summary] = lines[..] else {
        panic!("{lines:#?}")
    };
    assert!(
        about.contains("of offline: ") && about.contains("no language model"),
        "{about}"
    );
    assert_eq!(call, r#"→ read_file {"path":"notes.txt"}"#);
    assert!(
        result.starts_with("← read_file, ") && result.contains("We met on Monday."),
        "{result}"
    );
    assert!(
        summary.contains(" tokens (")
            && summary.contains("2 model calls")
            && summary.contains(" ms"),
        "{summary}"
    );
}

#[test]
fn the_promise_of_the_readme_is_kept() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = folder();
    let question = "Which crate retries a failed model call? Read docs/architecture.md";
    let ran = chat(
        folder.path(),
        &[question, "--root", root.to_str().unwrap()],
        "",
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("victor-provider"), "{ran:?}");
    let text = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let answer = words(ran.stdout.split(" (from ").next().unwrap());
    assert!(
        words(&text).contains(&answer),
        "not a sentence of the file: {answer}"
    );
}

#[test]
fn the_message_may_come_from_standard_input() {
    let folder = folder();
    for arguments in [&[][..], &["-"]] {
        let ran = chat(folder.path(), arguments, &format!("{QUESTION}\n"));
        assert_eq!((ran.code, &*ran.stdout), (Some(0), ANSWER), "{ran:?}");
    }
}

#[test]
fn quiet_says_the_answer_only() {
    let folder = folder();
    let ran = chat(folder.path(), &["--quiet", QUESTION], "");
    assert_eq!(
        (ran.code, &*ran.stdout, &*ran.stderr),
        (Some(0), ANSWER, "")
    );
}

#[test]
fn the_root_is_where_files_are_read() {
    let (folder, elsewhere) = (folder(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let ran = chat(elsewhere.path(), &["--root", root, QUESTION], "");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ANSWER), "{ran:?}");
}

#[test]
fn output_that_is_no_terminal_has_no_escape_sequences() {
    let folder = folder();
    fs::write(
        folder.path().join("notes.txt"),
        "The deadline is \u{1b}[31mFriday\u{1b}[0m noon.\n",
    )
    .unwrap();
    let mut coloured = victor(folder.path());
    coloured.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    for mut command in [victor(folder.path()), coloured] {
        let ran = ran(command.args(["chat", QUESTION]), "");
        assert!(ran.stdout.contains("Friday"), "{ran:?}");
        assert!(
            !ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'),
            "{ran:?}"
        );
    }
    let mut forced = victor(folder.path());
    let ran = ran(
        forced.env("CLICOLOR_FORCE", "1").args(["chat", QUESTION]),
        "",
    );
    assert!(
        ran.stderr.contains('\u{1b}'),
        "the check above can fail: {ran:?}"
    );
    assert!(
        !ran.stdout.contains('\u{1b}'),
        "what files hold is never obeyed: {ran:?}"
    );
}

#[test]
fn hidden_characters_are_escaped_wherever_they_come_from() {
    let folder = folder();
    let hidden = "\u{7f}\u{9b}\u{202e}\u{200b}\u{e0041}";
    let text = format!("The deadline is {hidden}Friday noon.\n");
    fs::write(folder.path().join("notes.txt"), text).unwrap();
    fs::write(folder.path().join("a\u{202e}b.txt"), "").unwrap();
    let run = |arguments: &[&str]| ran(victor(folder.path()).args(arguments), "");
    let check = |arguments: &[&str], shown: &str| {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.contains(shown), "{shown}: {ran:?}");
        let out = ran.stdout + &ran.stderr;
        assert!(!out.contains(|char| hidden.contains(char)), "{out:?}");
    };
    let escaped = r"\u{7f}\u{9b}\u{202e}\u{200b}\u{e0041}Friday noon";
    let json = r"\u007f\u009b\u202e\u200b\udb40\udc41Friday noon";
    check(&["chat", "--session", "s", QUESTION], escaped);
    check(&["chat", "--json", "--session", "j", QUESTION], json);
    check(&["sessions", "show", "s"], escaped);
    check(&["sessions", "export", "s"], json);
    check(&["sessions", "export", "s", "kept.jsonl"], "");
    let kept = fs::read_to_string(folder.path().join("kept.jsonl")).unwrap();
    assert!(kept.contains(json), "{kept}");
    let read = ["tools", "call", "read_file", r#"{"path":"notes.txt"}"#];
    check(&read, escaped);
    check(
        &["tools", "call", "list_directory", "{}"],
        r"a\u{202e}b.txt",
    );
    // What was exported is what was said.
    check(
        &["sessions", "import", "kept.jsonl", "--session", "t"],
        "t ",
    );
    check(&["sessions", "show", "t"], escaped);
    let named = format!("{hidden}named");
    check(&["sessions", "name", "s", &named], "named");
    check(&["sessions", "list"], r"\u{7f}\u{9b}");
    check(&["sessions", "list", "--json"], r"\u007f\u009b");
}

#[test]
fn files_are_written_only_where_that_is_allowed() {
    let folder = folder();
    let message = "Write 'hello there' to greeting.txt";
    let greeting = folder.path().join("greeting.txt");
    let refused = chat(folder.path(), &[message], "");
    assert!(!greeting.exists(), "{refused:?}");
    let denied = chat(folder.path(), &["--allow-write", message], "");
    assert_eq!(denied.code, Some(0), "{denied:?}");
    assert!(!greeting.exists(), "{denied:?}");
    let advice = "There is no terminal to ask on; --yes allows every call of the offered tools.";
    assert!(
        denied.stderr.contains("denied: run `write_file`") && denied.stderr.contains(advice),
        "{denied:?}"
    );
    let allowed = chat(folder.path(), &["--allow-write", "--yes", message], "");
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    assert_eq!(fs::read_to_string(greeting).unwrap().trim(), "hello there");
}

#[cfg(unix)]
#[test]
fn commands_are_run_only_where_somebody_allows_it() {
    let folder = folder();
    let message = "Run `echo hello > made.txt`";
    let made = folder.path().join("made.txt");
    let unknown = chat(folder.path(), &[message], "");
    assert!(
        !made.exists() && !unknown.stderr.contains("run_command"),
        "{unknown:?}"
    );
    let denied = chat(folder.path(), &["--allow-commands", message], "");
    assert_eq!(denied.code, Some(0), "{denied:?}");
    assert!(!made.exists(), "{denied:?}");
    assert!(
        denied.stderr.contains("denied: run `run_command`") && denied.stderr.contains("--yes"),
        "{denied:?}"
    );
    let allowed = chat(folder.path(), &["--allow-commands", "--yes", message], "");
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    assert_eq!(fs::read_to_string(made).unwrap(), "hello\n");
}

#[test]
fn settings_come_from_the_file_that_is_there_or_named() {
    let folder = folder();
    fs::write(folder.path().join("victor.toml"), "max_output_tokens = 3\n").unwrap();
    let limited = chat(folder.path(), &[QUESTION], "");
    assert_eq!(
        (limited.code, limited.stdout.trim()),
        (Some(0), "The"),
        "{limited:?}"
    );
    assert!(limited.stderr.contains("the answer was cut"), "{limited:?}");
    fs::write(folder.path().join("other.json"), "{}").unwrap();
    let other = chat(folder.path(), &["--config", "other.json", QUESTION], "");
    assert_eq!((other.code, &*other.stdout), (Some(0), ANSWER), "{other:?}");
    let environment = ran(
        victor(folder.path())
            .args(["chat", QUESTION])
            .env("VICTOR_MAX_OUTPUT_TOKENS", "300"),
        "",
    );
    assert_eq!(
        (environment.code, &*environment.stdout),
        (Some(0), ANSWER),
        "{environment:?}"
    );
}

#[test]
fn a_turn_that_fails_is_one_line() {
    let folder = folder();
    let run = |flag: &str| {
        ran(
            victor(folder.path())
                .args(["chat", flag, QUESTION])
                .env("VICTOR_CONTEXT_WINDOW", "1"),
            "",
        )
    };
    let failed = run("--quiet");
    assert_eq!((failed.code, &*failed.stdout), (Some(1), ""), "{failed:?}");
    assert!(
        failed
            .stderr
            .starts_with("error: the conversation does not fit the model: "),
        "{failed:?}"
    );
    assert_eq!(failed.stderr.lines().count(), 1, "{failed:?}");
    let told = run("--json");
    assert_eq!(told.code, Some(1));
    assert!(
        told.stdout
            .lines()
            .last()
            .unwrap()
            .contains(r#""event":"turn_failed""#),
        "{told:?}"
    );
}

#[test]
fn what_happens_within_is_logged_on_demand() {
    let folder = folder();
    let ran = ran(
        victor(folder.path())
            .args(["chat", "-q", QUESTION])
            .env("VICTOR_LOG_LEVEL", "debug"),
        "",
    );
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ANSWER), "{ran:?}");
    assert!(
        ran.stderr.contains("DEBUG") && ran.stderr.contains("victor_"),
        "{ran:?}"
    );
}
