//! Sessions that one comes back to: in the mode in which they were left, and without what was undone or deleted.

use std::fs;
use std::path::Path;

use crate::run::{ANSWER, QUESTION, Ran, chat, folder, ran, victor};

const WRITE: &str = "Write 'hello' to greeting.txt";
const MAY_WRITE: [&str; 2] = ["--allow-write", "--yes"];

#[track_caller]
fn says(folder: &Path, arguments: &[&str]) -> String {
    let Ran { code, stdout, .. } = ran(victor(folder).args(arguments), "");
    assert_eq!(code, Some(0), "{arguments:?}: {stdout}");
    stdout
}

/// Asks for a file to be written, with these further arguments, and returns whether it was, and what was remarked.
fn writes(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let ran = chat(folder, &[&MAY_WRITE, arguments, &[WRITE]].concat(), "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    (
        fs::remove_file(folder.join("greeting.txt")).is_ok(),
        ran.stderr,
    )
}

#[test]
fn a_session_is_in_the_mode_in_which_it_was_left() {
    let folder = folder();
    let folder = folder.path();
    assert!(!writes(folder, &["--session", "p", "--mode", "plan"]).0);
    for arguments in [
        &["--session", "p"][..],
        &["--continue"],
        &["--session", "p", "--mode", "PLAN"],
    ] {
        let (written, remarks) = writes(folder, arguments);
        assert!(!written, "{arguments:?}");
        let told = remarks.contains("the session is in mode plan");
        assert_eq!(told, arguments.len() < 4, "{remarks}");
    }
    let resume = [&["sessions", "resume", "p"], &MAY_WRITE[..]].concat();
    let resumed = ran(victor(folder).args(resume).arg(WRITE), "");
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(!fs::exists(folder.join("greeting.txt")).unwrap());

    // It goes with what is exported and forked.
    let export = folder.join("p.jsonl");
    let export = export.to_str().unwrap();
    says(folder, &["sessions", "export", "p", export]);
    says(folder, &["sessions", "import", export, "--session", "q"]);
    assert!(!writes(folder, &["--session", "q"]).0);
    let fork = chat(folder, &["-i", "--session", "p"], "/fork r\n/quit\n");
    assert!(fork.stderr.contains("this is session r now"), "{fork:?}");
    assert!(!writes(folder, &["--session", "r"]).0);

    // Another one that is asked for is a switch, which is told and stays.
    let (written, remarks) = writes(folder, &["--session", "p", "--mode", "build"]);
    let told = "the session was in mode plan, and is in mode build now";
    assert!(written && remarks.contains(told), "{remarks}");
    let ran = ran(
        victor(folder)
            .args(["chat", "--session", "p", WRITE])
            .args(MAY_WRITE)
            .env("VICTOR_MODE", "plan"),
        "",
    );
    assert!(
        ran.stderr.contains("the session is in mode build"),
        "{ran:?}"
    );
    assert!(fs::remove_file(folder.join("greeting.txt")).is_ok());

    // So is one in the middle, also if nothing is said after it.
    chat(folder, &["-i", "--session", "p"], "/mode plan\n/quit\n");
    assert!(!writes(folder, &["--session", "p"]).0);

    let unknown = chat(folder, &["--session", "p", "--mode", "warp", "hi"], "");
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
}

#[test]
fn what_was_undone_stays_undone_elsewhere() {
    let (here, there) = (folder(), folder());
    let lines = format!("{QUESTION}\nWhat does notes.txt say about cake?\n/undo\n/quit\n");
    let ran = chat(here.path(), &["-i", "--session", "u"], &lines);
    assert!(ran.stderr.contains("is undone"), "{ran:?}");
    let export = here.path().join("u.jsonl");
    let export = export.to_str().unwrap();
    says(here.path(), &["sessions", "export", "u", export]);
    assert!(fs::read_to_string(export).unwrap().contains("cake"));
    says(there.path(), &["sessions", "import", export]);
    for folder in [here.path(), there.path()] {
        let ran = chat(
            folder,
            &["-i", "--session", "u"],
            "Hello\n/context\n/quit\n",
        );
        assert!(ran.stderr.contains("6 messages"), "{ran:?}");
    }
}

#[test]
fn what_was_deleted_is_in_no_file() {
    let folder = folder();
    let folder = folder.path();
    let lines =
        "SWORDFISH one\n/checkpoint SWORDFISH\nSWORDFISH two\n/undo\nSWORDFISH three\n/quit\n";
    let ran = chat(folder, &["-i", "--session", "secret"], lines);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let kept = || {
        let files = ["victor.db", "victor.db-wal"].map(|name| folder.join("data").join(name));
        let bytes = files
            .map(|file| fs::read(file).unwrap_or_default())
            .concat();
        bytes
            .windows(9)
            .filter(|window| *window == b"SWORDFISH")
            .count()
    };
    assert!(kept() > 5);
    says(folder, &["sessions", "delete", "secret"]);
    assert_eq!(kept(), 0);
    assert_eq!(says(folder, &["sessions", "list"]), "");
}

/// Runs the command without the right to write to the folder of the data, also where the tests run as root.
#[cfg(unix)]
fn as_reader(folder: &Path, arguments: &[&str]) -> Ran {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let data = folder.join("data");
    let mode =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(folder, 0o755);
    for file in fs::read_dir(&data).unwrap() {
        mode(&file.unwrap().path(), 0o444);
    }
    mode(&data, 0o555);
    let mut command = victor(folder);
    if rustix::process::getuid().is_root() {
        command.uid(65534);
    }
    let ran = ran(command.args(arguments), "");
    mode(&data, 0o755);
    for file in fs::read_dir(&data).unwrap() {
        mode(&file.unwrap().path(), 0o644);
    }
    ran
}

#[cfg(unix)]
#[test]
fn conversations_that_can_only_be_read_are_read_and_exported() {
    let folder = folder();
    let folder = folder.path();
    chat(folder, &["--session", "notes", QUESTION], "");
    for arguments in [
        &["sessions", "list"][..],
        &["sessions", "show", "notes"],
        &["sessions", "export", "notes"],
        &["checkpoints", "list", "notes"],
    ] {
        let ran = as_reader(folder, arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        let expected = match arguments[0] {
            "sessions" => "deadline",
            _ => "there are no checkpoints",
        };
        assert!(ran.stdout.contains(expected), "{arguments:?}: {ran:?}");
    }
    // One can talk, and what is said is not kept; a session that is to go on cannot.
    let ran = as_reader(folder, &["chat", QUESTION]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ANSWER), "{ran:?}");
    assert!(ran.stderr.contains("is not stored"), "{ran:?}");
    for arguments in [
        &["chat", "--session", "notes", QUESTION][..],
        &["chat", "--continue", QUESTION],
        &["sessions", "delete", "notes"],
        &["sessions", "name", "notes", "Title"],
    ] {
        let ran = as_reader(folder, arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        let said = ran.stderr.lines().last().unwrap_or_default();
        assert_eq!(said.matches("can only be read").count(), 1, "{said}");
        assert!(
            !said.contains("(code") && !said.contains("lock_timeout"),
            "{said}"
        );
    }
    assert_eq!(says(folder, &["sessions", "list"]).lines().count(), 1);
}
