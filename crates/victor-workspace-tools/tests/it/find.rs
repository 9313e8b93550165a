use std::fs::File;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::{Fixture, block_on};

/// Files of which each is a minute older than the one before.
fn here() -> Fixture {
    let files = [
        "src/deep/c.rs",
        "a.rs",
        "src/b.rs",
        "notes.txt",
        ".git/d.rs",
        "target/CACHEDIR.TAG",
        "target/e.rs",
    ];
    let here = Fixture::new(&files.map(|path| (path, "")));
    let mut time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    for path in files {
        time -= Duration::from_secs(60);
        let file = File::options().append(true).open(here.path(path)).unwrap();
        file.set_modified(time).unwrap();
    }
    here
}

/// What is said of `target`, which is a cache.
const LEFT_OUT: &str = "[left out: 1 ignored directory; set include_ignored to look there too]";

#[track_caller]
fn check(arguments: Value, expected: &str) {
    here().check("find_files", arguments, expected);
}

#[test]
fn files_are_found_by_name_or_path_the_newest_first() {
    let check_all = |patterns: &[&str], expected: &str| {
        check(
            json!({ "patterns": patterns }),
            &format!("{expected}{LEFT_OUT}"),
        );
    };
    let all = "src/deep/c.rs\na.rs\nsrc/b.rs\n";
    check_all(&["*.rs"], all);
    check_all(&["**/*.rs"], all);
    check_all(&["src/*.rs"], "src/b.rs\n");
    check_all(&["./src/**/*.rs"], "src/deep/c.rs\nsrc/b.rs\n");
    check_all(&["[ab].rs", "*.txt"], "a.rs\nsrc/b.rs\nnotes.txt\n");
    check(
        json!({ "patterns": ["*.{rs,md}"], "path": "src" }),
        "src/deep/c.rs\nsrc/b.rs\n",
    );
    check_all(&["src"], &none("src")); // a directory
}

fn none(patterns: &str) -> String {
    format!(
        "[no file matches {patterns}: a pattern without `/` must match the whole name, one with `/` the whole path from \
         the root]\n"
    )
}

#[test]
fn a_name_stands_for_itself_whatever_brackets_it_has() {
    let files = [
        "app/[id].tsx",
        "pages/[...slug]/page.tsx",
        "{rule} a.md",
        "{a",
        "b*?",
    ];
    let here = Fixture::new(&files.map(|path| (path, "x\n")));
    for path in files {
        let name = path.rsplit('/').next().unwrap();
        for pattern in [path, name] {
            here.check(
                "find_files",
                json!({ "patterns": [pattern] }),
                &format!("{path}\n"),
            );
            let hit = format!("{path}:1: x\n");
            here.check(
                "search_files",
                json!({ "query": "x", "glob": pattern }),
                &hit,
            );
        }
    }
    let pattern = json!({ "patterns": ["pages/[...slug]/*.tsx"] });
    here.check("find_files", pattern, "pages/[...slug]/page.tsx\n");
}

/// A project as people have it.
fn project() -> Fixture {
    Fixture::new(&[
        (
            ".gitignore",
            "# made\nnode_modules/\n*.log\n!keep.log\n/build\n",
        ),
        (".git/info/exclude", "private.js\n"),
        ("a.js", "needle"),
        ("build/a.js", "needle"),
        ("keep.log", "needle"),
        ("node_modules/p/index.js", "needle"),
        ("other.log", "needle"),
        ("private.js", "needle"),
        ("src/.gitignore", "*.gen.js\n"),
        ("src/a.gen.js", "needle"),
        ("src/b.js", "needle"),
        ("src/build/c.js", "needle"),
        ("src/node_modules/q.js", "needle"),
    ])
}

const SOURCES: [&str; 4] = ["a.js", "keep.log", "src/b.js", "src/build/c.js"];
const IGNORED: [&str; 6] = [
    "build/a.js",
    "node_modules/p/index.js",
    "other.log",
    "private.js",
    "src/a.gen.js",
    "src/node_modules/q.js",
];

#[test]
fn ignored_files_come_last_and_only_if_they_are_wanted() {
    let here = project();
    for file in SOURCES.iter().chain(&IGNORED) {
        let file = File::options().append(true).open(here.path(file)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let left_out = "[left out: 3 ignored directories and 3 ignored files; set include_ignored to look there too]";
    let lines = |ending: &str, files: &[&str]| -> String {
        files
            .iter()
            .map(|file| format!("{file}{ending}\n"))
            .collect()
    };
    let all = [&SOURCES[..], &IGNORED].concat();
    let patterns = json!(["*.js", "*.log"]);
    here.check(
        "find_files",
        json!({ "patterns": patterns }),
        &(lines("", &SOURCES) + left_out),
    );
    here.check(
        "find_files",
        json!({ "patterns": patterns, "include_ignored": true }),
        &lines("", &all),
    );
    here.check(
        "search_files",
        json!({ "query": "needle" }),
        &(lines(":1: needle", &SOURCES) + left_out),
    );
    here.check(
        "search_files",
        json!({ "query": "needle", "include_ignored": true }),
        &lines(":1: needle", &all),
    );
    here.check(
        "search_files",
        json!({ "query": "needle", "include_ignored": true, "limit": 5 }),
        &(lines(":1: needle", &all[..5])
            + "[more lines match: search for something rarer, or with a path or glob]\n"),
    );
}

#[test]
fn who_names_what_is_ignored_means_it() {
    let here = project();
    let check = |path: &str, expected: &str| {
        here.check(
            "search_files",
            json!({ "query": "needle", "path": path }),
            expected,
        );
    };
    check("node_modules", "node_modules/p/index.js:1: needle\n");
    check("node_modules/p", "node_modules/p/index.js:1: needle\n");
    check("other.log", "other.log:1: needle\n");
    // The rules of the directories above hold.
    check(
        "src",
        "src/b.js:1: needle\nsrc/build/c.js:1: needle\n[left out: 1 ignored directory and 1 ignored file; set \
         include_ignored to look there too]",
    );
}

#[test]
fn names_that_look_alike_stand_for_each_other() {
    let no_break = "Screenshot 9.41\u{202f}AM.txt";
    let here = Fixture::new(&[
        (no_break, "needle"),
        ("e\u{301}te\u{301}/a\u{a0}b", "needle"),
        ("x\u{a0}y", "1"),
        ("x\u{202f}y", "2"),
    ]);
    let read =
        |path: &str, expected: &str| here.check("read_file", json!({ "path": path }), expected);
    read(no_break, "needle");
    read(
        "Screenshot 9.41 AM.txt",
        "needle\n[its name is `Screenshot 9.41\\u202fAM.txt`, as JSON writes it]",
    );
    read(
        "été/a b",
        "needle\n[its name is `e\\u0301te\\u0301/a\\u00a0b`, as JSON writes it]",
    );
    read("x\u{a0}y", "1");
    read(
        "x y",
        "invalid arguments: there is no `x y`, but several names look the same: write the one that is meant as in JSON, \
         `x\\u00a0y` or `x\\u202fy`",
    );
    read(
        "Screenshot 9.42 AM.txt",
        "not found: there is no `Screenshot 9.42 AM.txt`; there is `Screenshot 9.41\\u202fAM.txt`",
    );
    let edit = json!({ "path": "été/a b", "old_text": "needle", "new_text": "pin" });
    block_on(here.call("edit_file", edit)).unwrap();
    // What is new in a directory that is named so.
    let write = json!({ "path": "été/new name", "content": "x" });
    block_on(here.call("write_file", write)).unwrap();
    let all = here.files().into_iter().map(|(path, _)| path);
    let in_folder: Vec<_> = all
        .filter(|path| path.ends_with("me") || path.ends_with('b'))
        .collect();
    assert_eq!(
        in_folder,
        ["e\u{301}te\u{301}/a\u{a0}b", "e\u{301}te\u{301}/new name"]
    );
    assert_eq!(here.content("e\u{301}te\u{301}/a\u{a0}b"), "pin");
}

#[test]
fn files_of_the_same_time_are_in_the_order_of_their_paths() {
    let here = Fixture::new(&[("b", ""), ("a/b", ""), ("c", "")]);
    for path in ["b", "a/b", "c"] {
        let file = File::options().append(true).open(here.path(path)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    here.check("find_files", json!({ "patterns": ["*"] }), "a/b\nb\nc\n");
}

#[test]
fn of_many_the_newest_are_shown() {
    check(
        json!({ "patterns": ["*.rs"], "limit": 2 }),
        &format!(
            "src/deep/c.rs\na.rs\n[3 files match, of which these are the 2 newest: use narrower patterns, or a path]\n{LEFT_OUT}"
        ),
    );
    check(
        json!({ "patterns": ["*.rs"], "limit": 3 }),
        &format!("src/deep/c.rs\na.rs\nsrc/b.rs\n{LEFT_OUT}"),
    );
}

#[test]
fn long_paths_are_bounded_as_well() {
    let here = Fixture::new(&[]);
    let folder = here.path("x".repeat(200)).join("y".repeat(200));
    std::fs::create_dir_all(&folder).unwrap();
    for n in 0..300 {
        std::fs::write(folder.join(n.to_string()), "").unwrap();
    }
    let arguments = json!({ "patterns": ["*"], "limit": 1000 });
    let output = block_on(here.call("find_files", arguments)).unwrap();
    assert!(output.len() < 42_000);
    let shown = output.lines().count() - 1;
    let note = format!("[300 files match, of which these are the {shown} newest");
    assert!(shown < 300 && output.contains(&note), "{shown}");
}

#[test]
fn what_is_no_pattern_or_directory_is_told() {
    let said = block_on(here().call("find_files", json!({ "patterns": ["{a"] }))).unwrap();
    let error = "[taken as a name, since it is not a valid glob: error parsing glob '{a'";
    assert!(said.starts_with(&(none("{a") + error)), "{said}");
    check(
        json!({ "patterns": ["*"], "path": "srk" }),
        "not found: there is no `srk`; there is `src`",
    );
}
