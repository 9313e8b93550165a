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

#[track_caller]
fn check(arguments: Value, expected: &str) {
    here().check("find_files", arguments, expected);
}

#[test]
fn files_are_found_by_name_or_path_the_newest_first() {
    let all = "src/deep/c.rs\na.rs\nsrc/b.rs\n";
    check(json!({ "patterns": ["*.rs"] }), all);
    check(json!({ "patterns": ["**/*.rs"] }), all);
    check(json!({ "patterns": ["src/*.rs"] }), "src/b.rs\n");
    check(
        json!({ "patterns": ["./src/**/*.rs"] }),
        "src/deep/c.rs\nsrc/b.rs\n",
    );
    check(
        json!({ "patterns": ["[ab].rs", "*.txt"] }),
        "a.rs\nsrc/b.rs\nnotes.txt\n",
    );
    check(
        json!({ "patterns": ["*.{rs,md}"], "path": "src" }),
        "src/deep/c.rs\nsrc/b.rs\n",
    );
    check(json!({ "patterns": ["src"] }), NONE_SRC); // a directory
}

const NONE_SRC: &str = "[no file matches src: a pattern without `/` must match the whole name, one with `/` the whole \
                        path from the root]";

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
        "src/deep/c.rs\na.rs\n[3 files match, of which these are the 2 newest: use narrower patterns, or a path]",
    );
    check(
        json!({ "patterns": ["*.rs"], "limit": 3 }),
        "src/deep/c.rs\na.rs\nsrc/b.rs\n",
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
    let here = here();
    let error = block_on(here.call("find_files", json!({ "patterns": ["{a"] }))).unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("invalid arguments: the glob is not one"),
        "{said}"
    );
    check(
        json!({ "patterns": ["*"], "path": "srk" }),
        "not found: there is no `srk`; there is `src`",
    );
}
