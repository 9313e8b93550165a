use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use victor_core::TurnId;
use victor_workspace_tools::{FileHistory, HistoryError, RollbackError, WorkspaceTools};

use crate::support::{Fixture, block_on, said};

fn turn(number: u128) -> TurnId {
    TurnId::from_u128(number)
}

/// A workspace with a history in memory.
fn here(files: &[(&str, &str)]) -> Fixture {
    let mut here = Fixture::new(files);
    here.tools = here.tools.history(FileHistory::in_memory());
    here
}

/// Opens the history in the folder beside the workspace.
fn reopen(here: &mut Fixture, max_bytes: u64) {
    here.tools = WorkspaceTools::open(here.path(""))
        .unwrap()
        .allow_write(true);
    let history = FileHistory::open(here.folder.path().join("history")).unwrap();
    here.tools = here.tools.clone().history(history.max_bytes(max_bytes));
}

#[track_caller]
fn call(here: &Fixture, number: u128, name: &str, arguments: Value) {
    block_on(here.call_in(turn(number), name, arguments)).unwrap();
}

#[track_caller]
fn write(here: &Fixture, number: u128, path: &str, content: &str) {
    call(
        here,
        number,
        "write_file",
        json!({ "path": path, "content": content }),
    );
}

#[track_caller]
fn check_rollback(here: &Fixture, number: u128, expected: &[&str]) {
    let files = block_on(here.tools.rollback(turn(number))).unwrap();
    assert_eq!(
        files,
        expected.iter().map(PathBuf::from).collect::<Vec<_>>()
    );
}

#[track_caller]
fn check_refused(here: &Fixture, number: u128, expected: &str) {
    let before = here.files();
    let error = block_on(here.tools.rollback(turn(number))).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(here.files(), before);
}

#[test]
fn a_turn_is_taken_back_with_all_its_changes() {
    let files = [
        ("a", "1\n"),
        ("b/c", "2\n"),
        ("d", "3\n"),
        ("e", "4\n"),
        ("same", "5\n"),
    ];
    for in_folder in [false, true] {
        let mut here = here(&files);
        if in_folder {
            reopen(&mut here, 1 << 20);
        }
        let before = here.files();
        write(&here, 1, "a", "one\n");
        call(
            &here,
            1,
            "edit_file",
            json!({ "path": "a", "old_text": "one", "new_text": "uno" }),
        );
        write(&here, 1, "new/x", "x\n");
        write(&here, 1, "same", "5\n");
        let patch = "--- a/b/c\n+++ /dev/null\n@@ -1 +0,0 @@\n-2\n\
            diff --git a/d b/f\nrename from d\nrename to f\n\
            --- a/e\n+++ b/e\n@@ -1 +1 @@\n-4\n+four\n";
        call(&here, 1, "apply_patch", json!({ "patch": patch }));
        if in_folder {
            reopen(&mut here, 1 << 20);
        }
        assert_eq!(here.tools.turns(), [turn(1)]);
        check_rollback(&here, 1, &["a", "b/c", "d", "e", "f", "new/x"]);
        assert_eq!(here.files(), before);
        assert!(here.tools.turns().is_empty());
        let unknown = format!("the file history knows of no changes by turn {}", turn(1));
        check_refused(&here, 1, &unknown);
    }
}

#[test]
fn turns_are_taken_back_from_the_last_to_the_first() {
    let here = here(&[("a", "0\n"), ("b", "0\n")]);
    write(&here, 1, "a", "1\n");
    write(&here, 2, "a", "2\n");
    write(&here, 2, "b", "2\n");
    assert_eq!(here.tools.turns(), [turn(1), turn(2)]);
    check_refused(
        &here,
        1,
        "these files were changed by someone else since then: `a`",
    );
    check_rollback(&here, 2, &["a", "b"]);
    check_rollback(&here, 1, &["a"]);
    assert_eq!(
        (here.content("a"), here.content("b")),
        ("0\n".into(), "0\n".into())
    );
}

#[test]
fn what_somebody_else_has_changed_is_not_lost() {
    let here = here(&[
        ("a", "0\n"),
        ("b", "0\n"),
        ("c", "0\n"),
        ("d/e", "0\n"),
        ("f", "0\n"),
    ]);
    for path in ["a", "b", "c", "d/e", "f", "new"] {
        write(&here, 1, path, "1\n");
    }
    fs::write(here.path("a"), "mine\n").unwrap();
    fs::remove_file(here.path("b")).unwrap();
    fs::write(here.path("c"), "0\n").unwrap(); // somebody has put it back already
    fs::rename(here.path("d"), here.path("g")).unwrap();
    fs::create_dir(here.path("d")).unwrap();
    fs::create_dir(here.path("d/e")).unwrap();
    check_refused(
        &here,
        1,
        "these files were changed by someone else since then: `a`, `b`, `d/e`",
    );
    let error = block_on(here.tools.rollback(turn(1))).unwrap_err();
    let RollbackError::Changed { files } = error else {
        panic!("{error:?}");
    };
    assert_eq!(files, ["a", "b", "d/e"].map(PathBuf::from));
    fs::write(here.path("a"), "1\n").unwrap();
    fs::write(here.path("b"), "1\n").unwrap();
    fs::remove_dir(here.path("d/e")).unwrap();
    fs::write(here.path("d/e"), "1\n").unwrap();
    check_rollback(&here, 1, &["a", "b", "d/e", "f", "new"]);
    assert!(!here.path("new").exists());
}

#[test]
fn what_somebody_else_has_changed_between_two_changes_of_a_turn_is_not_lost() {
    let here = here(&[("a", "0\n")]);
    write(&here, 1, "a", "1\n");
    fs::write(here.path("a"), "mine\n").unwrap();
    call(
        &here,
        1,
        "edit_file",
        json!({ "path": "a", "old_text": "mine", "new_text": "ours" }),
    );
    check_refused(
        &here,
        1,
        "these files were changed by someone else since then: `a`",
    );
}

#[test]
fn what_is_no_text_is_put_back_too() {
    let here = here(&[]);
    let binary = [0, 159, 146, 150, b'\n'];
    fs::write(here.path("a"), binary).unwrap();
    write(&here, 1, "a", "1\n");
    check_rollback(&here, 1, &["a"]);
    assert_eq!(fs::read(here.path("a")).unwrap(), binary);
}

#[cfg(unix)]
#[test]
fn permissions_are_put_back() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let here = here(&[("script", "1\n"), ("a", "1\n"), ("b", "1\n")]);
    let mode = |path: &str| fs::metadata(here.path(path)).unwrap().permissions().mode() & 0o777;
    let set = |path: &str, mode| {
        fs::set_permissions(here.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("script", 0o750);
    set("a", 0o600);
    let patch =
        "--- a/script\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n";
    call(&here, 1, "apply_patch", json!({ "patch": patch }));
    set("a", 0o644);
    check_rollback(&here, 1, &["a", "script"]);
    assert_eq!((mode("script"), mode("a")), (0o750, 0o600));

    // A link that somebody put in the way is not followed.
    write(&here, 2, "b", "2\n");
    fs::remove_file(here.path("b")).unwrap();
    fs::write(here.path("other"), "2\n").unwrap();
    symlink("other", here.path("b")).unwrap();
    check_refused(
        &here,
        2,
        "these files were changed by someone else since then: `b`",
    );
}

#[test]
fn the_oldest_turns_are_forgotten_for_want_of_room() {
    for in_folder in [false, true] {
        let mut here = here(&[]);
        here.tools = here
            .tools
            .history(FileHistory::in_memory().max_bytes(10_000));
        if in_folder {
            reopen(&mut here, 10_000);
        }
        let content = |n: u128| n.to_string().repeat(3000);
        for n in 1..=4 {
            fs::write(here.path(n.to_string()), content(n)).unwrap();
            write(&here, n, &n.to_string(), "");
        }
        assert_eq!(here.tools.turns(), [turn(2), turn(3), turn(4)]);
        if in_folder {
            reopen(&mut here, 10_000);
            let contents = here.folder.path().join("history/contents");
            assert_eq!(fs::read_dir(contents).unwrap().count(), 3);
        }
        for n in 2..=4 {
            check_rollback(&here, n, &[&n.to_string()]);
            assert_eq!(here.content(&n.to_string()), content(n));
        }
    }
}

#[test]
fn what_cannot_be_kept_is_not_changed() {
    let mut here = here(&[("a", "0\n"), ("b", &"x".repeat(2000)), ("c", "0\n")]);
    here.tools = here
        .tools
        .history(FileHistory::in_memory().max_bytes(2_000));
    write(&here, 1, "a", "1\n");
    for path in ["b", "huge"] {
        if path == "huge" {
            fs::File::create(here.path(path))
                .unwrap()
                .set_len(1 << 40)
                .unwrap();
        }
        let arguments = json!({ "path": path, "content": "x" });
        let error = block_on(here.call_in(turn(2), "write_file", arguments)).unwrap_err();
        let reason = format!(
            "`{path}` cannot be kept as it is: the file history has at most 2000 bytes for a turn, and 8388608 for a file"
        );
        assert_eq!(
            said(&error),
            format!("failed: nothing was changed: {reason}")
        );
    }
    assert_eq!(here.content("b").len(), 2000);
    assert_eq!(fs::metadata(here.path("huge")).unwrap().len(), 1 << 40);
}

#[test]
fn a_history_is_used_by_one_at_a_time() {
    let mut here = Fixture::new(&[]);
    reopen(&mut here, 1 << 20);
    let folder = here.folder.path().join("history");
    let error = FileHistory::open(&folder).unwrap_err();
    assert!(matches!(&error, HistoryError::InUse { folder: used } if *used == folder));
    assert_eq!(
        error.to_string(),
        format!("the file history in `{}` is in use", folder.display())
    );
}

#[test]
fn a_history_that_is_damaged_is_told() {
    let mut here = Fixture::new(&[("a", "0\n")]);
    reopen(&mut here, 1 << 20);
    write(&here, 1, "a", "1\n");
    let folder = here.folder.path().join("history");
    let content = fs::read_dir(folder.join("contents"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(&content, "forged\n").unwrap();
    let damaged = |path: PathBuf| {
        format!(
            "`{}` is damaged: remove the folder of the file history to start again",
            path.display()
        )
    };
    check_refused(&here, 1, &damaged(content));
    here.tools = WorkspaceTools::open(here.path("")).unwrap();
    let journal = folder.join("journal.jsonl");
    fs::write(&journal, "{}\n").unwrap();
    assert_eq!(
        FileHistory::open(&folder).unwrap_err().to_string(),
        damaged(journal)
    );
}

#[test]
fn a_crash_between_the_note_and_the_change_does_no_harm() {
    let mut here = Fixture::new(&[("a", "0\n")]);
    reopen(&mut here, 1 << 20);
    write(&here, 1, "a", "1\n");
    write(&here, 1, "b", "1\n");
    // The files as they were when the change had been noted and not made.
    fs::write(here.path("a"), "0\n").unwrap();
    fs::remove_file(here.path("b")).unwrap();
    // Another note was begun, and its content was there already.
    let folder = here.folder.path().join("history");
    let journal = fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    fs::write(
        folder.join("journal.jsonl"),
        journal.clone() + &journal[..40],
    )
    .unwrap();
    fs::write(folder.join("contents/orphan"), "x").unwrap();
    here.tools = WorkspaceTools::open(here.path("")).unwrap();
    reopen(&mut here, 1 << 20);
    assert!(!folder.join("contents/orphan").exists());
    check_rollback(&here, 1, &[]);
    assert_eq!(here.content("a"), "0\n");
    write(&here, 2, "a", "2\n");
    reopen_after_drop(&mut here);
    assert_eq!(here.tools.turns(), [turn(2)]);
}

fn reopen_after_drop(here: &mut Fixture) {
    here.tools = WorkspaceTools::open(here.path("")).unwrap();
    reopen(here, 1 << 20);
}

/// Changes files without end, each change in a turn of its own, until it is killed.
fn change_files(folder: &str) {
    let folder = PathBuf::from(folder);
    let history = FileHistory::open(folder.join("history")).unwrap();
    let tools = WorkspaceTools::open(folder.join("root"))
        .unwrap()
        .allow_write(true);
    let here = Fixture {
        tools: tools.history(history),
        ..Fixture::new(&[])
    };
    for n in 1.. {
        let path = format!("{}", n % 5);
        write(&here, n, &path, &format!("{n}\n").repeat(1000));
    }
}

#[test]
fn whenever_a_process_is_killed_all_its_turns_can_be_taken_back() {
    if let Ok(folder) = std::env::var("VICTOR_TEST_CHANGES") {
        return change_files(&folder);
    }
    let mut turns = 0;
    let mut delay = Duration::ZERO;
    while turns < 50 {
        let mut here = Fixture::new(&[("0", "zero\n"), ("1", "one\n"), ("2", "two\n")]);
        let before = here.files();
        let name = "history::whenever_a_process_is_killed_all_its_turns_can_be_taken_back";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env("VICTOR_TEST_CHANGES", here.folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let journal = here.folder.path().join("history/journal.jsonl");
        while !journal.exists() {
            std::thread::yield_now();
        }
        block_on(async { tokio::time::sleep(delay).await });
        delay += Duration::from_millis(7);
        child.kill().unwrap();
        child.wait().unwrap();

        reopen(&mut here, 1 << 30);
        for turn in here.tools.turns().into_iter().rev() {
            block_on(here.tools.rollback(turn)).unwrap();
            turns += 1;
        }
        let mut after = here.files();
        after.retain(|(path, _)| !path.ends_with(".tmp")); // what was being written when it was killed
        assert_eq!(after, before);
    }
}

#[cfg(unix)]
#[test]
fn what_is_kept_is_private() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut here = Fixture::new(&[("a", "a secret")]);
    reopen(&mut here, 1_000);
    write(&here, 1, "a", "1");
    let history = here.folder.path().join("history");
    let contents = fs::read_dir(history.join("contents")).unwrap();
    let all = contents.chain(fs::read_dir(&history).unwrap());
    let paths: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 4, "{paths:?}");
    for path in paths {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}
