use serde_json::{Value, json};

use crate::support::Fixture;

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
