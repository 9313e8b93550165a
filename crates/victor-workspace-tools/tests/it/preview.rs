use std::fs;

use serde_json::{Value, json};

use crate::support::{Fixture, block_on, context};

#[track_caller]
fn check(name: &str, arguments: &Value, expected: Option<&str>) {
    let here = Fixture::new(&[("a", "one\ntwo\n")]);
    let before = here.files();
    assert_eq!(here.preview(name, arguments).as_deref(), expected);
    assert_eq!(here.files(), before);
    assert!(!here.path("new").exists());
}

#[test]
fn what_would_change_is_shown_and_nothing_changes() {
    let changed = "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    check(
        "write_file",
        &json!({ "path": "a", "content": "one\n2\n" }),
        Some(changed),
    );
    check(
        "edit_file",
        &json!({ "path": "a", "old_text": "two", "new_text": "2" }),
        Some(changed),
    );
    check("apply_patch", &json!({ "patch": changed }), Some(changed));
    check(
        "write_file",
        &json!({ "path": "new/b", "content": "x\n" }),
        Some("--- /dev/null\n+++ b/new/b\n@@ -0,0 +1,1 @@\n+x\n"),
    );
}

#[test]
fn what_would_fail_is_said() {
    check(
        "edit_file",
        &json!({ "path": "a", "old_text": "three", "new_text": "3" }),
        Some(
            "it would fail: not found: old_text does not occur in `a`: read the file again and copy the text exactly",
        ),
    );
    check("write_file", &json!({ "path": 1 }), None);
}

#[test]
fn all_of_a_long_change_is_shown() {
    let here = Fixture::new(&[]);
    let arguments = json!({ "path": "a", "content": "x\n".repeat(1000) });
    let preview = here.preview("write_file", &arguments).unwrap();
    assert_eq!(preview.lines().count(), 1003);
}

#[test]
fn what_only_reads_needs_none() {
    check("read_file", &json!({ "path": "a" }), None);
}

/// Approves a call as it is shown, lets `meanwhile` happen, and says whether it is done and is shown as before.
#[track_caller]
fn approve(name: &str, arguments: &Value, meanwhile: impl FnOnce(&Fixture)) -> (bool, bool) {
    let here = Fixture::new(&[
        ("a", "on\n"),
        ("b", "on\n"),
        ("test/c", "on\n"),
        ("prod/c", "on\n"),
    ]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("test", here.path("cur")).unwrap();
    let tool = here.tool(name);
    let evidence = || {
        block_on(tool.preview(&context(), arguments))
            .unwrap()
            .evidence
    };
    let shown = evidence();
    assert!(shown.is_some());
    meanwhile(&here);
    let same = evidence() == shown;
    let before = here.files();
    let called = block_on(tool.call(&context().with_evidence(shown), arguments.clone()));
    let changed = here.files() != before;
    if let Err(error) = &called {
        let said = "not permitted: the files have changed since this call was approved, so nothing was changed";
        assert!(error.to_string().starts_with(said), "{error}");
        assert!(!changed);
    }
    (called.is_ok(), same)
}

#[test]
fn an_approved_change_is_the_one_that_was_shown_or_none() {
    let edit = |path: &str| json!({ "path": path, "old_text": "on", "new_text": "off", "replace_all": true });
    let patch = json!({ "patch": "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-on\n+off\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-on\n+off\n" });
    let write = json!({ "path": "a", "content": "off\n" });
    let new = json!({ "path": "new", "content": "off\n" });
    let write_to = |path: &'static str, text: &'static str| {
        move |here: &Fixture| fs::write(here.path(path), text).unwrap()
    };
    for (name, arguments) in [
        ("edit_file", &edit("a")),
        ("apply_patch", &patch),
        ("write_file", &write),
    ] {
        assert_eq!(approve(name, arguments, |_| {}), (true, true), "{name}");
        let other = approve(name, arguments, write_to("test/c", "other\n"));
        assert_eq!(other, (true, true), "{name}");
        // Also where the diff would read the same.
        let more = approve(name, arguments, write_to("a", "on\n\n\n\n\n\non\n"));
        assert_eq!(more, (false, false), "{name}");
    }
    let added = approve("write_file", &new, write_to("new", "mine\n"));
    assert_eq!(added, (false, false));
    let gone = approve("write_file", &write, |here| {
        fs::remove_file(here.path("a")).unwrap();
    });
    assert_eq!(gone, (false, false));
}

#[cfg(unix)]
#[test]
fn the_real_path_is_shown_and_a_link_that_leads_elsewhere_is_no_longer_approved() {
    use std::os::unix::fs::symlink;

    let arguments = json!({ "path": "cur/c", "content": "off\n" });
    let moved = approve("write_file", &arguments, |here| {
        fs::remove_file(here.path("cur")).unwrap();
        symlink("prod", here.path("cur")).unwrap();
    });
    assert_eq!(moved, (false, false));

    let here = Fixture::new(&[("test/c", "on\n")]);
    symlink("test", here.path("cur")).unwrap();
    assert_eq!(
        here.preview("write_file", &arguments).unwrap(),
        "[cur/c leads to test/c]\n--- a/test/c\n+++ b/test/c\n@@ -1,1 +1,1 @@\n-on\n+off\n"
    );
}

#[test]
fn a_change_that_changes_nothing_is_shown_as_such() {
    let same = json!({ "path": "a", "content": "one\ntwo\n" });
    check("write_file", &same, Some("nothing would change"));
}

#[test]
fn a_preview_is_never_cut_by_the_tool() {
    let here = Fixture::new(&[]);
    let text = "0123456789\n".repeat(50_000) + "last\n";
    let preview = here
        .preview("write_file", &json!({ "path": "a", "content": text }))
        .unwrap();
    assert!(preview.len() > text.len() && preview.ends_with("\n+last\n"));
}
