//! Stored sessions and checkpoints.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::run::{ANSWER, QUESTION, Ran, chat, folder, ran, victor};

/// Runs `victor` with these arguments, which must go well, and returns what it writes to stdout.
#[track_caller]
fn says(folder: &Path, arguments: &[&str]) -> String {
    let ran = ran(victor(folder).args(arguments), "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

/// Runs `victor` with these arguments, which are wrong, and checks what it says.
#[track_caller]
fn fails(folder: &Path, arguments: &[&str], said: &str) {
    let ran = ran(victor(folder).args(arguments), "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains(said), "`{said}` is not in {ran:#?}");
}

/// A folder with a session `notes` of one turn.
fn with_session() -> TempDir {
    let folder = folder();
    let ran = chat(folder.path(), &["--session", "notes", QUESTION], "");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ANSWER), "{ran:?}");
    folder
}

#[test]
fn a_conversation_is_kept_and_gone_on_with() {
    let folder = with_session();
    let folder = folder.path();
    let listed = says(folder, &["sessions", "list"]);
    assert!(
        listed.starts_with("notes ") && listed.contains("4 messages") && listed.contains(QUESTION),
        "{listed}"
    );
    let shown = says(folder, &["sessions", "show", "no"]);
    assert!(
        shown.contains(&format!("user: {QUESTION}")) && shown.contains("→ read_file"),
        "{shown}"
    );

    let again = chat(folder, &["--continue", "And what was there to eat?"], "");
    assert_eq!(again.code, Some(0), "{again:?}");
    let shown = says(folder, &["sessions", "show", "notes"]);
    assert!(shown.contains("And what was there to eat?"), "{shown}");
    assert_eq!(says(folder, &["sessions", "list"]).lines().count(), 1);

    // Without a name, another one begins.
    chat(folder, &[QUESTION], "");
    assert_eq!(says(folder, &["sessions", "list"]).lines().count(), 2);
    chat(folder, &["--no-save", QUESTION], "");
    assert_eq!(
        says(folder, &["sessions", "list", "--json"])
            .lines()
            .count(),
        2
    );
}

#[test]
fn a_session_travels() {
    let (here, there) = (with_session(), folder());
    let file = here.path().join("notes.jsonl");
    says(
        here.path(),
        &["sessions", "export", "notes", file.to_str().unwrap()],
    );
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 5);
    assert_eq!(says(here.path(), &["sessions", "export", "notes"]), text);
    says(
        there.path(),
        &["sessions", "import", file.to_str().unwrap()],
    );
    let path = file.to_str().unwrap();
    let import = |name: &'static str| match name {
        "" => vec!["sessions", "import", path],
        name => vec!["sessions", "import", path, "--session", name],
    };
    fails(there.path(), &import(""), "--session");
    says(there.path(), &import("again"));
    let shown = says(there.path(), &["sessions", "show", "again"]);
    assert_eq!(shown, says(here.path(), &["sessions", "show", "notes"]));
    fails(
        here.path(),
        &["sessions", "export", "notes", file.to_str().unwrap()],
        "cannot be written",
    );

    let torn = text.replacen("deadline", "\"", 1);
    fs::write(&file, torn).unwrap();
    fails(there.path(), &import("torn"), "line ");
    fails(
        there.path(),
        &["sessions", "import", "no.jsonl"],
        "`no.jsonl` cannot be read",
    );
}

#[test]
fn sessions_are_named_found_and_deleted() {
    let folder = with_session();
    let folder = folder.path();
    says(
        folder,
        &[
            "sessions",
            "name",
            "notes",
            "What was agreed",
            "--tag",
            "work",
        ],
    );
    assert!(
        says(
            folder,
            &["sessions", "list", "--text", "AGREED", "--tag", "work"]
        )
        .contains("#work")
    );
    assert_eq!(says(folder, &["sessions", "list", "--tag", "play"]), "");
    fails(
        folder,
        &["sessions", "show", "nothing"],
        "there is no session `nothing`",
    );
    fails(
        folder,
        &["sessions", "delete", "no"],
        "there is no session `no`",
    );
    says(folder, &["sessions", "delete", "notes"]);
    assert_eq!(says(folder, &["sessions", "list"]), "");
    fails(
        folder,
        &["chat", "--continue", "hello"],
        "there is no session to continue",
    );
}

#[test]
fn a_conversation_goes_back_and_forks() {
    let folder = with_session();
    let folder = folder.path();
    let lines = "/checkpoint good\nWhat does notes.txt say about cake?\n/undo\n/checkpoints\n/fork other\n/history\n/quit\n";
    let ran = chat(folder, &["-i", "--session", "notes"], lines);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for said in [
        "is made",
        "4 messages are left out",
        "good",
        "this is session other now",
    ] {
        assert!(ran.stderr.contains(said), "`{said}` is not in {ran:#?}");
    }
    let listed = says(folder, &["checkpoints", "list", "notes"]);
    assert!(
        listed.lines().count() >= 2 && listed.contains("manual  good"),
        "{listed}"
    );
    let newest = listed.split_whitespace().next().unwrap().to_owned();
    let diff = says(folder, &["checkpoints", "diff", "notes", "good", &newest]);
    assert!(diff.contains("4 messages are the same"), "{diff}");
    let restored = says(folder, &["checkpoints", "restore", "notes", "good"]);
    assert!(
        restored.contains("session notes is back at checkpoint"),
        "{restored}"
    );
    let forked = says(folder, &["checkpoints", "fork", "notes", "good", "third"]);
    assert_eq!(forked, "session third begins there\n");
    assert_eq!(says(folder, &["sessions", "list"]).lines().count(), 3);
    fails(
        folder,
        &["checkpoints", "restore", "notes", "bad"],
        "there is no checkpoint `bad`",
    );
}

#[test]
fn what_a_turn_changed_is_undone_with_it() {
    let folder = folder();
    let lines = "Write 'hello' to greeting.txt\n/undo\n/quit\n";
    let ran = chat(folder.path(), &["-i", "--allow-write", "--yes"], lines);
    assert!(ran.stderr.contains("1 files are as they were"), "{ran:#?}");
    assert!(!fs::exists(folder.path().join("greeting.txt")).unwrap());
}

#[test]
fn what_is_not_a_database_is_said_to_be_none() {
    let folder = folder();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/victor.db"), "x".repeat(9_000)).unwrap();
    let Ran { code, stderr, .. } = ran(victor(folder.path()).args(["sessions", "list"]), "");
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("victor.db") && stderr.lines().count() == 1,
        "{stderr}"
    );
    // One can talk all the same.
    let ran = chat(folder.path(), &[QUESTION], "");
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ANSWER), "{ran:?}");
    assert!(
        ran.stderr.contains("the conversation is not stored"),
        "{ran:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_turn_that_was_killed_is_taken_up() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let folder = folder();
    let flags = ["--allow-commands", "--yes"];
    let command = "Run the command 'touch begun; sleep 30; echo finished'";
    let mut killed = victor(folder.path())
        .args(["chat", "--session", "notes", command])
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !fs::exists(folder.path().join("begun")).unwrap() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the command does not begin"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    fs::remove_file(folder.path().join("begun")).unwrap();

    let ran = ran(
        victor(folder.path())
            .args(["sessions", "resume", "notes"])
            .args(flags),
        "",
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("interrupted"), "{ran:?}");
    assert!(
        !fs::exists(folder.path().join("begun")).unwrap(),
        "a command does not run twice"
    );
    let shown = says(folder.path(), &["sessions", "show", "notes"]);
    assert!(shown.contains("run_command interrupted"), "{shown}");
}

#[cfg(unix)]
#[test]
fn who_comes_while_a_turn_runs_elsewhere_is_told_and_has_written_nothing() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let folder = folder();
    let flags = ["--allow-commands", "--yes"];
    let command = "Run the command 'touch begun; while [ ! -e go ]; do sleep 0.05; done'";
    let running = victor(folder.path())
        .args(["chat", "--session", "notes", command])
        .args(flags)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !fs::exists(folder.path().join("begun")).unwrap() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "the command does not begin"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let works = format!("victor (process {})", running.id());
    for arguments in [
        &["chat", "--session", "notes", "a second message"][..],
        &["sessions", "resume", "notes"],
        &["sessions", "resume", "notes", "a second message"],
        &["sessions", "delete", "notes"],
    ] {
        let ran = ran(victor(folder.path()).args(arguments), "");
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(&works), "{arguments:?}: {ran:?}");
    }
    fs::write(folder.path().join("go"), "").unwrap();
    let ended = running.wait_with_output().unwrap();
    assert!(ended.status.success());
    let shown = says(folder.path(), &["sessions", "show", "notes"]);
    assert!(shown.contains("run_command success"), "{shown}");
    assert!(!shown.contains("second"), "{shown}");
    let listed = says(folder.path(), &["sessions", "list"]);
    assert!(!listed.contains("second"), "{listed}");
}
