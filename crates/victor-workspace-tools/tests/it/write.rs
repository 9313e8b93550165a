use std::fs;

use serde_json::json;

use crate::support::{Fixture, block_on, said};

#[track_caller]
fn check(here: &Fixture, path: &str, content: &str, expected: &str) {
    let arguments = json!({ "path": path, "content": content });
    let found = match block_on(here.call("write_file", arguments)) {
        Ok(found) => found.lines().next().unwrap().to_owned(), // without the diff
        Err(error) => said(&error),
    };
    assert_eq!(found, expected);
    let leftover = fs::read_dir(here.path("")).unwrap().flatten();
    for entry in leftover {
        let name = entry.file_name().into_string().unwrap();
        assert!(!name.ends_with(".tmp"), "{name} was left behind");
    }
}

#[test]
fn files_are_created_and_replaced() {
    let here = Fixture::new(&[]);
    check(&here, "a", "one\n", "created `a`: 1 lines, 4 bytes");
    assert_eq!(here.content("a"), "one\n");
    check(&here, "a", "", "replaced `a`: 0 lines, 0 bytes");
    assert_eq!(here.content("a"), "");
    check(&here, "x/y/z", "deep", "created `x/y/z`: 1 lines, 4 bytes");
    assert_eq!(here.content("x/y/z"), "deep");
}

#[test]
fn what_changed_is_shown() {
    let here = Fixture::new(&[]);
    let check = |content: &str, expected: &str| {
        let arguments = json!({ "path": "a b", "content": content });
        here.check("write_file", arguments, expected);
    };
    check(
        "one\ntwo",
        "created `a b`: 2 lines, 7 bytes\n--- /dev/null\n+++ b/a b\n@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of \
         file\n",
    );
    check(
        "two\n",
        "replaced `a b`: 1 lines, 4 bytes\n--- a/a b\n+++ b/a b\n@@ -1,2 +1,1 @@\n-one\n-two\n\\ No newline at end of \
         file\n+two\n",
    );
    check(
        "two\n",
        "unchanged, since it was already so: `a b`: 1 lines, 4 bytes\n",
    );
    fs::write(here.path("a b"), b"\0").unwrap();
    check(
        "two\n",
        "replaced `a b`: 1 lines, 4 bytes\n--- a/a b\n+++ b/a b\n[what was in it is not text]\n",
    );
    let huge = fs::File::create(here.path("a b")).unwrap();
    huge.set_len(1 << 40).unwrap();
    check(
        "",
        "replaced `a b`: 0 lines, 0 bytes\n--- a/a b\n+++ b/a b\n[what was in it is too large to be shown]\n",
    );
}

#[test]
fn a_long_diff_is_cut() {
    let here = Fixture::new(&[]);
    let write = |content: String| {
        let arguments = json!({ "path": "a", "content": content });
        block_on(here.call("write_file", arguments)).unwrap()
    };
    let lines = write("x\n".repeat(100));
    assert!(lines.ends_with("+x\n[60 more lines]\n") && lines.lines().count() == 45);
    let long = write(format!("{}\n", "y".repeat(1050)).repeat(40));
    assert!(long.len() < 42_000);
    assert!(long.ends_with("y\n[the last 2 lines of the diff are left out]\n"));
}

#[test]
fn what_is_no_file_is_refused() {
    let here = Fixture::new(&[("dir/x", "x")]);
    check(
        &here,
        "dir",
        "",
        "invalid arguments: `dir` is a directory and not a file: use `list_directory` to see what is in it",
    );
    check(
        &here,
        "new/",
        "",
        "invalid arguments: `new/` names a directory: add the name of the file",
    );
    check(
        &here,
        ".",
        "",
        "invalid arguments: `.` is a directory and not a file: use `list_directory` to see what is in it",
    );
    check(
        &here,
        "dir/x/y",
        "",
        "invalid arguments: `dir/x/y` is not a directory, or leads through a file as if it were one",
    );
}

#[test]
fn what_belongs_to_git_is_not_changed() {
    let here = Fixture::new(&[(".git/config", "mine")]);
    for path in [
        ".git/config",
        ".git/hooks/pre-commit",
        "sub/.git",
        ".GIT/config",
        "sub/../.git/new",
    ] {
        let refused =
            format!("not permitted: `{path}` belongs to Git, whose own files are not changed");
        check(&here, path, "yours", &refused);
    }
    check(
        &here,
        ".gitignore",
        "x",
        "created `.gitignore`: 1 lines, 1 bytes",
    );
    assert_eq!(here.content(".git/config"), "mine");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn links_stay_and_do_not_lead_to_git() {
        let here = Fixture::new(&[("real/a", "old"), (".git/config", "mine")]);
        symlink("real/a", here.path("link")).unwrap();
        symlink(".git", here.path("innocent")).unwrap();
        symlink("missing", here.path("broken")).unwrap();
        check(&here, "link", "new", "replaced `link`: 1 lines, 3 bytes");
        assert_eq!(here.content("real/a"), "new");
        assert!(here.path("link").is_symlink());
        for path in ["innocent/config", "innocent/new"] {
            let refused =
                format!("not permitted: `{path}` belongs to Git, whose own files are not changed");
            check(&here, path, "yours", &refused);
        }
        check(
            &here,
            "broken",
            "x",
            "not permitted: `broken` is a symbolic link that leads nowhere",
        );
    }

    #[test]
    fn permissions_stay_and_are_kept() {
        let here = Fixture::new(&[("script", "old"), ("locked", "old")]);
        let mode = |path, mode| {
            fs::set_permissions(here.path(path), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("script", 0o750);
        mode("locked", 0o440);
        check(
            &here,
            "script",
            "new",
            "replaced `script`: 1 lines, 3 bytes",
        );
        let found = fs::metadata(here.path("script")).unwrap().permissions();
        assert_eq!(found.mode() & 0o777, 0o750);
        check(
            &here,
            "locked",
            "new",
            "not permitted: `locked` is write-protected",
        );
        assert_eq!(here.content("locked"), "old");
    }

    #[test]
    fn a_replacement_is_a_new_file_so_that_no_reader_sees_a_part() {
        let here = Fixture::new(&[("a", "old")]);
        let before = fs::File::open(here.path("a")).unwrap();
        check(&here, "a", "new", "replaced `a`: 1 lines, 3 bytes");
        assert_eq!(std::io::read_to_string(&before).unwrap(), "old");
        assert_ne!(
            before.metadata().unwrap().ino(),
            fs::metadata(here.path("a")).unwrap().ino()
        );
    }
}
