use std::fs;

use proptest::prelude::*;
use serde_json::json;

use crate::support::{Fixture, block_on, said};

/// Applies a patch to these files; what it says, and all files after it.
fn apply(files: &[(&str, &str)], patch: &str) -> (Result<String, String>, Vec<(String, String)>) {
    let here = Fixture::new(files);
    let result = block_on(here.call("apply_patch", json!({ "patch": patch })));
    (result.map_err(|error| said(&error)), here.files())
}

/// A patch of the file `f` with one text before and another after it.
#[track_caller]
fn check(before: &str, hunks: &str, after: &str) {
    let patch = format!("--- a/f\n+++ b/f\n{hunks}");
    let (result, files) = apply(&[("f", before)], &patch);
    assert_eq!(files, [("f".to_owned(), after.to_owned())], "{result:?}");
    assert!(
        result
            .unwrap()
            .starts_with("changed `f`\n--- a/f\n+++ b/f\n@@ -")
    );
}

/// A patch that is refused, after which all files are as before.
#[track_caller]
fn check_refused(files: &[(&str, &str)], patch: &str, expected: &str) {
    let (result, after) = apply(files, patch);
    assert_eq!(result.unwrap_err(), expected);
    assert_eq!(after, Fixture::new(files).files());
}

#[track_caller]
fn check_hunks_refused(before: &str, hunks: &str, expected: &str) {
    let patch = format!("--- a/f\n+++ b/f\n{hunks}");
    let expected = format!("invalid arguments: {expected}; nothing was changed");
    check_refused(&[("f", before)], &patch, &expected);
}

const ONE_TO_NINE: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

#[test]
fn hunks_are_applied_where_they_say() {
    check(
        "a\nb\nc\n",
        "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n",
        "a\nB\nc\n",
    );
    check("", "@@ -0,0 +1,2 @@\n+a\n+b\n", "a\nb\n");
    check("a\n", "@@ -1 +0,0 @@\n-a\n", "");
    check(
        ONE_TO_NINE,
        "@@ -1,3 +1,4 @@\n 1\n+1.5\n 2\n 3\n@@ -7,3 +8,2 @@ fn section()\n 7\n-8\n 9\n",
        "1\n1.5\n2\n3\n4\n5\n6\n7\n9\n",
    );
    check("x\nx\nx\n", "@@ -2,1 +2,1 @@\n-x\n+y\n", "x\ny\nx\n");
}

#[test]
fn wrong_numbers_do_not_matter_where_the_lines_occur_once() {
    check(
        ONE_TO_NINE,
        "@@ -1,3 +1,3 @@\n 7\n-8\n+H\n 9\n",
        "1\n2\n3\n4\n5\n6\n7\nH\n9\n",
    );
    check(
        ONE_TO_NINE,
        "@@ -90,30 +1,7 @@\n-2\n 3\n",
        "1\n3\n4\n5\n6\n7\n8\n9\n",
    );
    check(
        ONE_TO_NINE,
        "@@\n 4\n-5\n+five\n",
        "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
    );
    check(ONE_TO_NINE, "@@ ... @@\n-9\n", "1\n2\n3\n4\n5\n6\n7\n8\n");
    // The first `x` is known by the hunk before it, and the last one by the hunk behind it.
    check(
        "x\na\nx\nb\nx\n",
        "@@ -1 +1 @@\n-a\n+A\n@@ -1 +1 @@\n-x\n+X\n@@ -1 +1 @@\n-b\n+B\n",
        "x\nA\nX\nB\nx\n",
    );
}

#[test]
fn what_fits_in_more_than_one_place_is_refused() {
    check_hunks_refused(
        "x\na\nx\na\n",
        "@@ -9,1 +9,1 @@\n-x\n+y\n",
        "hunk 1 of `f` (line 3 of the patch) fits in more than one place, at the lines 1, 3: add more lines around it, \
         or say exactly with which line it begins",
    );
    // The number of the second hunk fits, but that of the first one was wrong, so it cannot be trusted.
    check_hunks_refused(
        "0\na\nx\nx\n",
        "@@ -1,1 +1,1 @@\n-a\n+A\n@@ -3,1 +3,1 @@\n-x\n+y\n",
        "hunk 2 of `f` (line 6 of the patch) fits in more than one place, at the lines 3, 4: add more lines around it, \
         or say exactly with which line it begins",
    );
    check_hunks_refused(
        "a\n",
        "@@ -1,0 +2,1 @@\n+b\n",
        "hunk 1 of `f` (line 3 of the patch) has neither context nor removed lines, so that it would fit anywhere: add \
         lines around it",
    );
}

#[test]
fn what_does_not_fit_is_told_with_what_is_there() {
    let misfit = "does not fit: line";
    let advice = "read the file again and copy its lines exactly";
    check_hunks_refused(
        "fn a() {\n    one();\n}\n",
        "@@ -1,3 +1,3 @@\n fn a() {\n-\tone();\n+    two();\n }\n",
        &format!(
            "hunk 1 of `f` (line 3 of the patch) {misfit} 2 should be \"\\tone();\", but there is \"    one();\"; {advice}"
        ),
    );
    check_hunks_refused(
        ONE_TO_NINE,
        "@@ -1,1 +1,1 @@\n-1\n+one\n@@ -8,3 +8,2 @@\n 8\n 9\n-10\n",
        &format!(
            "hunk 2 of `f` (line 6 of the patch) {misfit} 10 should be \"10\", but the file has only 9 lines; {advice}"
        ),
    );
    check_hunks_refused(
        "",
        "@@ -1,1 +1,1 @@\n-x\n+y\n",
        &format!(
            "hunk 1 of `f` (line 3 of the patch) {misfit} 1 should be \"x\", but the file has only 0 lines; {advice}"
        ),
    );
    check_hunks_refused(
        "a\n",
        "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n",
        &format!(
            "hunk 1 of `f` (line 3 of the patch) {misfit} 1 should be \"a\" as the last, without a line break, but a \
             line break follows there; {advice}"
        ),
    );
    check_hunks_refused(
        ONE_TO_NINE,
        "@@ -5,1 +5,1 @@\n-5\n+V\n@@ -2,1 +2,1 @@\n-2\n+II\n",
        "hunk 2 of `f` (line 6 of the patch) fits at line 2 only, where the hunk before it stands or behind which it \
         stands: put the hunks in the order of the file, and let them not overlap",
    );
}

#[test]
fn the_end_of_the_file_is_as_the_patch_says() {
    let none = "\\ No newline at end of file\n";
    check(
        "a\nb",
        &format!("@@ -1,2 +1,2 @@\n a\n-b\n{none}+c\n"),
        "a\nc\n",
    );
    check(
        "a\nb\n",
        &format!("@@ -1,2 +1,2 @@\n a\n-b\n+c\n{none}"),
        "a\nc",
    );
    check(
        "a\nb",
        &format!("@@ -1,2 +1,2 @@\n-a\n+A\n b\n{none}"),
        "A\nb",
    );
    // That the file has no line break at its end need not be said.
    check("a\nb", "@@ -1,2 +1,2 @@\n-a\n+A\n b\n", "A\nb");
    check("a\nb", "@@ -2,1 +2,2 @@\n b\n+c\n", "a\nb\nc\n");
    // It tells which of two lines is meant.
    check(
        "b\nb",
        &format!("@@ -7,1 +7,1 @@\n-b\n{none}+c\n"),
        "b\nc\n",
    );
}

#[test]
fn line_endings_are_kept() {
    check(
        "a\r\nb\r\nc\r\n",
        "@@ -1,3 +1,4 @@\n a\n-b\n+B\n+BB\n c\n",
        "a\r\nB\r\nBB\r\nc\r\n",
    );
    check("a\r\n", "@@ -1,1 +1,2 @@\n+0\n a\n", "0\r\na\r\n");
    check("a\r\nb", "@@ -2,1 +2,2 @@\n b\n+c\n", "a\r\nb\r\nc\r\n");
    check(
        "a\nb\r\nc\n",
        "@@ -1,3 +1,4 @@\n a\n b\n+new\n c\n",
        "a\nb\r\nnew\r\nc\n",
    );
    // A patch that knows of them means them.
    check(
        "a\r\nb\r\n",
        "@@ -1,2 +1,2 @@\n-a\r\n+a\n b\r\n",
        "a\nb\r\n",
    );
    // One that was sent with CRLF throughout says nothing.
    let patch = "--- a/f\r\n+++ b/f\r\n@@ -1,2 +1,2 @@\r\n-a\r\n+A\r\n b\r\n";
    for (before, after) in [("a\nb\n", "A\nb\n"), ("a\r\nb\r\n", "A\r\nb\r\n")] {
        let (result, files) = apply(&[("f", before)], patch);
        assert_eq!(files, [("f".to_owned(), after.to_owned())], "{result:?}");
    }
}

#[test]
fn hunks_are_read_although_models_write_them_badly() {
    // A blank line without its space, and others behind the hunk.
    check(
        "a\n\nb\n",
        "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n\n\n",
        "a\n\nc\n",
    );
    check("a\nb\n\n", "@@ -1,3 +1,3 @@\n a\n-b\n+c\n\n", "a\nc\n\n");
    // Removed and added lines that look like the header of a file.
    check(
        "-- a/x\nb\n",
        "@@ -1,2 +1,2 @@\n--- a/x\n+++ b/x\n b\n",
        "++ b/x\nb\n",
    );
    check(
        "-- x\n1\n",
        "@@ -1,1 +1,1 @@\n--- x\n+++ y\n@@ -2,1 +2,1 @@\n-1\n+2\n",
        "++ y\n2\n",
    );
    // The signature of a mail, and the end of a code block.
    check("a\n", "@@ -1,1 +1,1 @@\n-a\n+b\n-- \n2.47.0\n", "b\n");
    check("a\n", "@@ -1,1 +1,1 @@\n-a\n+b\n```\n", "b\n");
}

#[test]
fn files_are_created_changed_deleted_and_renamed() {
    let files = [
        ("a", "1\n"),
        ("b", "2\n"),
        ("c/d", "3\n4\n"),
        ("e", "5\n"),
        ("g h", "7\n"),
    ];
    let patch = "Here is the patch:\n\
        diff --git a/a b/a\nindex 123..456 100644\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+one\n\
        diff --git a/b b/b\ndeleted file mode 100644\n--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-2\n\
        diff --git a/c/d b/x/y\nsimilarity index 50%\nrename from c/d\nrename to x/y\n--- a/c/d\n+++ b/x/y\n@@ -1,2 +1,2 @@\n 3\n-4\n+four\n\
        diff --git a/e b/f g\nsimilarity index 100%\nrename from e\nrename to f g\n\
        diff --git a/new/empty b/new/empty\nnew file mode 100644\nindex 0000000..e69de29\n\
        diff --git a/g h b/i j\nrename from g h\nrename to i j\n\
        --- /dev/null\n+++ b/new/file\t2026-01-01 00:00:00\n@@ -0,0 +1 @@\n+6\n";
    let (result, after) = apply(&files, patch);
    let said = result.unwrap();
    let expected = "changed `a`\ndeleted `b`\nrenamed `c/d` to `x/y`\nrenamed `e` to `f g`\ncreated `new/empty`\n\
        renamed `g h` to `i j`\ncreated `new/file`\n\
        --- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-1\n+one\n\
        --- a/b\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-2\n\
        diff --git a/c/d b/x/y\nrename from c/d\nrename to x/y\n--- a/c/d\n+++ b/x/y\n@@ -1,2 +1,2 @@\n 3\n-4\n+four\n\
        diff --git a/e b/f g\nrename from e\nrename to f g\n--- a/e\n+++ b/f g\n\
        --- /dev/null\n+++ b/new/empty\n\
        diff --git a/g h b/i j\nrename from g h\nrename to i j\n--- a/g h\n+++ b/i j\n\
        --- /dev/null\n+++ b/new/file\n@@ -0,0 +1,1 @@\n+6\n";
    assert_eq!(said, expected);
    let expected = [
        ("a", "one\n"),
        ("f g", "5\n"),
        ("i j", "7\n"),
        ("new/empty", ""),
        ("new/file", "6\n"),
        ("x/y", "3\nfour\n"),
    ];
    assert_eq!(
        after,
        expected.map(|(path, text)| (path.to_owned(), text.to_owned()))
    );
}

#[test]
fn names_are_read_as_git_writes_them() {
    let names = |header: &str| format!("{header}\n@@ -1 +1 @@\n-1\n+one\n");
    for (path, header) in [
        ("a b", "--- a/a b\n+++ b/a b"),
        ("a b", "--- a/a b\t\n+++ b/a b\t"),
        (
            "ä\t\"\\",
            r#"--- "a/\303\244\t\"\\"
+++ "b/\303\244\t\"\\""#,
        ),
        // Without prefixes, and with directories that look like them.
        ("src/x", "--- src/x\n+++ src/x"),
        ("a/x", "--- a/x\n+++ a/x"),
        ("a/x", "--- a/a/x\n+++ b/a/x"),
    ] {
        let (result, files) = apply(&[(path, "1\n")], &names(header));
        assert_eq!(files, [(path.to_owned(), "one\n".to_owned())], "{result:?}");
    }
    for (path, header) in [
        ("a b", "a/a b b/a b"),
        ("ä", r#""a/\303\244" "b/\303\244""#),
    ] {
        let patch =
            format!("diff --git {header}\ndeleted file mode 100644\nindex e69de29..0000000\n");
        let (result, files) = apply(&[(path, "")], &patch);
        assert!(result.is_ok() && files.is_empty(), "{result:?}");
    }
}

#[test]
fn what_is_no_patch_is_told() {
    let none = "the patch names no file: it must be a unified diff, with `--- a/path` and `+++ b/path` before the hunks \
                of each file";
    for (patch, expected) in [
        ("", none),
        ("change x to y", none),
        (
            "*** Begin Patch\n",
            "line 1 of the patch: this is another format: write a unified diff",
        ),
        (
            "@@ -1 +1 @@\n-a\n+b\n",
            "line 1 of the patch: a hunk begins before a file is named by `---` and `+++`",
        ),
        (
            "--- a/f\n+++ b/f\n",
            "line 1 of the patch: no hunk follows the names",
        ),
        (
            "--- a/f\n+++ b/f\n@@ -1 +1 @@\n a\n",
            "line 3 of the patch: the hunk changes nothing",
        ),
        (
            "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\nc\n",
            "line 6 of the patch: a line of a hunk must begin with a space, `-` or `+`, and the next hunk with `@@`",
        ),
        (
            "--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n",
            "line 1 of the patch: the names after `---` and `+++` differ: to rename a file, add `rename from` and \
             `rename to`",
        ),
        (
            "diff --git a/f b/g\nrename from f\n",
            "line 1 of the patch: `rename from` and `rename to` belong together",
        ),
        (
            "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n",
            "line 2 of the patch: permissions are not changed by a patch",
        ),
        (
            "diff --git a/g b/g\nnew file mode 120000\n--- /dev/null\n+++ b/g\n@@ -0,0 +1 @@\n+/etc\n",
            "line 2 of the patch: only plain files without special permissions are created",
        ),
        (
            "diff --git a/f b/g\ncopy from f\ncopy to g\n",
            "line 2 of the patch: a file is not copied by a patch: create it with its whole content",
        ),
        (
            "diff --git a/f b/f\nBinary files a/f and b/f differ\n",
            "line 2 of the patch: binary files are not patched",
        ),
        (
            "--- /dev/null\n+++ /dev/null\n",
            "line 1 of the patch: one of the names must be that of a file",
        ),
        (
            "--- \"a/f\n+++ b/f\n",
            "line 1 of the patch: the quoted path is not well formed",
        ),
    ] {
        let ending = if expected == none {
            ""
        } else {
            "; nothing was changed"
        };
        check_refused(
            &[("f", "a\n")],
            patch,
            &format!("invalid arguments: {expected}{ending}"),
        );
    }
}

#[test]
fn a_patch_is_done_as_a_whole_or_not_at_all() {
    let files = [("a", "1\n"), ("b", "2\n"), (".git/config", "mine\n")];
    let good =
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+one\n--- /dev/null\n+++ b/new/x\n@@ -0,0 +1 @@\n+x\n";
    for (bad, expected) in [
        (
            "--- a/b\n+++ b/b\n@@ -1 +1 @@\n-3\n+three\n",
            "invalid arguments: hunk 1 of `b` (line 12 of the patch) does not fit: line 1 should be \"3\", but there is \
             \"2\"; read the file again and copy its lines exactly; nothing was changed",
        ),
        (
            "--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+x\n",
            "invalid arguments: `b` exists already, so it cannot be created; nothing was changed",
        ),
        (
            "diff --git a/b b/a\nrename from b\nrename to a\n",
            "invalid arguments: `a` exists already, so it cannot be created; nothing was changed",
        ),
        (
            "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+uno\n",
            "invalid arguments: the patch names `a` twice: put all hunks of a file under one header; nothing was changed",
        ),
        (
            "--- a/c\n+++ b/c\n@@ -1 +1 @@\n-1\n+uno\n",
            "not found: there is no `c`: list the directory to see what there is",
        ),
        (
            "--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-2\n--- a/.git/config\n+++ b/.git/config\n@@ -1 +1 @@\n-mine\n+yours\n",
            "not permitted: `.git/config` belongs to Git, whose own files are not changed",
        ),
        (
            "--- /dev/null\n+++ b/../outside/new\n@@ -0,0 +1 @@\n+x\n",
            "not permitted: `../outside/new` leads out of the workspace: use paths relative to its root",
        ),
    ] {
        check_refused(&files, &format!("{good}{bad}"), expected);
    }
    let partly = "--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n";
    check_refused(
        &[("a", "1\n2\n")],
        partly,
        "invalid arguments: the patch deletes `a` and leaves 1 of its lines: remove them all; nothing was changed",
    );
}

/// A file and a directory of the same name: both can be prepared, and then one of them is in the way of the other.
const IMPOSSIBLE: &str = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+one\n\
    --- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-2\n\
    diff --git a/old b/moved/old\nrename from old\nrename to moved/old\n\
    --- /dev/null\n+++ b/new/x\n@@ -0,0 +1 @@\n+x\n\
    --- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n\
    --- /dev/null\n+++ b/x/y\n@@ -0,0 +1 @@\n+y\n";

#[test]
fn what_was_done_before_a_failure_is_put_back() {
    let here = Fixture::new(&[("a", "1\n"), ("gone", "2\n"), ("old", "3\n")]);
    let before = here.files();
    let error = block_on(here.call("apply_patch", json!({ "patch": IMPOSSIBLE }))).unwrap_err();
    assert!(said(&error).contains("`x`"), "{}", said(&error));
    assert_eq!(here.files(), before);
    assert_eq!(
        fs::read_dir(here.path("")).unwrap().count(),
        3,
        "directories were left"
    );
    assert!(!here.path("moved").exists() && !here.path("new").exists() && !here.path("x").exists());
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let here = Fixture::new(&[("script", "1\n"), ("real", "1\n"), ("a", "1\n")]);
    for (path, mode) in [("script", 0o750), ("a", 0o640)] {
        fs::set_permissions(here.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("real", here.path("link")).unwrap();
    let change = |path: &str| format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-1\n+one\n");
    let rename = "diff --git a/script b/bin/script\nrename from script\nrename to bin/script\n";
    let mode = |path: &str| fs::metadata(here.path(path)).unwrap().permissions().mode() & 0o777;

    let patch = change("link") + &change("real");
    here.check(
        "apply_patch",
        json!({ "patch": patch }),
        "invalid arguments: the patch names `real` twice: put all hunks of a file under one header; nothing was changed",
    );
    let impossible = format!("{rename}{IMPOSSIBLE}");
    block_on(here.call("apply_patch", json!({ "patch": impossible }))).unwrap_err();
    assert_eq!((mode("script"), mode("a")), (0o750, 0o640));

    let patch = change("link") + rename + &change("a");
    block_on(here.call("apply_patch", json!({ "patch": patch }))).unwrap();
    assert_eq!((mode("bin/script"), mode("a")), (0o750, 0o640));
    assert!(here.path("link").is_symlink());
    assert_eq!(here.content("real"), "one\n");
}

/// The diff from one text to another, as `write_file` shows it before it writes.
fn diff(before: &str, after: &str) -> String {
    let here = Fixture::new(&[("f", before)]);
    let arguments = json!({ "path": "f", "content": after });
    let preview = here.preview("write_file", &arguments).unwrap();
    match &*preview {
        "nothing would change" => String::new(),
        _ => preview,
    }
}

/// Texts that have many lines in common, with and without an end of the last line.
fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "a", "b", "c", "", "-", "+", " ", "-- x", "++ y", "@@", "d\r", "\\",
    ]);
    let lines = prop::collection::vec(line, 0..30);
    (lines, any::<bool>()).prop_map(|(lines, ended)| {
        let text = lines.join("\n");
        if ended && !text.is_empty() {
            text + "\n"
        } else {
            text
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_diff_leads_from_one_text_to_the_other(before in text(), after in text()) {
        let diff = diff(&before, &after);
        prop_assert_eq!(diff.is_empty(), before == after);
        if before != after {
            let (result, files) = apply(&[("f", &before)], &diff);
            prop_assert_eq!(&files[0].1, &after, "{:?}\n{}", result, diff);
        }
    }

    #[test]
    fn a_diff_is_found_where_its_lines_have_gone(
        edits in prop::collection::vec(0..4, 1..60),
        above in 0..20,
        below in 0..5,
    ) {
        // Every line is another, and stays, goes, is changed, or has one before it.
        let before: String = (0..edits.len()).map(|n| format!("line {n}\n")).collect();
        let after: String = edits.iter().enumerate().map(|(n, edit)| match edit {
            0 => format!("line {n}\n"),
            1 => String::new(),
            2 => format!("changed {n}\n"),
            _ => format!("new {n}\nline {n}\n"),
        }).collect();
        prop_assume!(before != after);
        let extra = |name: &str, count: i32| (0..count).map(|n| format!("{name} {n}\n")).collect::<String>();
        let moved = |text: &str| extra("above", above) + text + &extra("below", below);
        let (result, files) = apply(&[("f", &moved(&before))], &diff(&before, &after));
        prop_assert_eq!(&files[0].1, &moved(&after), "{:?}", result);
    }
}
