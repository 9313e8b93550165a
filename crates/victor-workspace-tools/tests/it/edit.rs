use futures_util::future::join_all;
use serde_json::json;

use crate::support::Fixture;

#[track_caller]
fn check(content: &str, old: &str, new: &str, all: bool, said: &str, then: &str) {
    let here = Fixture::new(&[("f", content)]);
    let arguments = json!({ "path": "f", "old_text": old, "new_text": new, "replace_all": all });
    here.check("edit_file", arguments, said);
    assert_eq!(here.content("f"), then);
}

#[test]
fn what_occurs_once_is_replaced_and_shown() {
    check(
        "a\nb\nc\n",
        "b\n",
        "X\nY\n",
        false,
        "changed `f`\n--- a/f\n+++ b/f\n@@ -1,3 +1,4 @@\n a\n-b\n+X\n+Y\n c\n",
        "a\nX\nY\nc\n",
    );
    check(
        "a\r\nb\r\n",
        "b",
        "",
        false,
        "changed `f`\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\r\n-b\r\n+\r\n",
        "a\r\n\r\n",
    );
}

#[test]
fn what_occurs_often_needs_to_be_meant() {
    let text = "a b\na\n";
    check(
        text,
        "a",
        "X",
        false,
        "invalid arguments: old_text occurs 2 times in `f`, in lines 1, 2: take more lines around the one that is \
         meant, or set replace_all",
        text,
    );
    check(
        text,
        "a",
        "X",
        true,
        "changed `f` in 2 places\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a b\n-a\n+X b\n+X\n",
        "X b\nX\n",
    );
}

#[test]
fn what_does_not_occur_is_told_with_what_is_similar() {
    let text = "fn a() {\n    one();\n}\n";
    check(
        text,
        "two();",
        "x",
        true,
        "not found: old_text does not occur in `f`: read the file again and copy the text exactly",
        text,
    );
    check(
        text,
        "fn a() {\n\tone();",
        "x",
        false,
        "not found: old_text does not occur in `f`, but line 1 begins a text that differs from it only in white \
         space: copy that exactly",
        text,
    );
}

#[test]
fn an_edit_that_means_nothing_is_told() {
    check(
        "a",
        "",
        "x",
        false,
        "invalid arguments: old_text is empty: say what is to be replaced, or use `write_file` to write the whole file",
        "a",
    );
    check(
        "a",
        "a",
        "a",
        false,
        "invalid arguments: old_text and new_text are the same, so nothing would change",
        "a",
    );
}

#[test]
fn what_cannot_be_edited_is_told() {
    let here = Fixture::new(&[]);
    std::fs::write(here.path("binary"), b"a\0").unwrap();
    let huge = std::fs::File::create(here.path("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    for (path, expected) in [
        (
            "binary",
            "failed: `binary` is not text in UTF-8 but a binary file",
        ),
        (
            "huge",
            "failed: `huge` has more than 8388608 bytes, which is too large to be edited as a whole",
        ),
        (
            "missing",
            "not found: there is no `missing`: list the directory to see what there is",
        ),
    ] {
        let arguments = json!({ "path": path, "old_text": "a", "new_text": "b" });
        here.check("edit_file", arguments, expected);
    }
}

#[tokio::test]
async fn edits_side_by_side_do_not_undo_each_other() {
    let before: String = (0..20).map(|n| format!("<{n}>\n")).collect();
    let here = Fixture::new(&[("f", &before)]);
    let edits = (0..20).map(|n| {
        let arguments =
            json!({ "path": "f", "old_text": format!("<{n}>"), "new_text": format!("[{n}]") });
        here.call("edit_file", arguments)
    });
    for edit in join_all(edits).await {
        edit.unwrap();
    }
    let after: String = (0..20).map(|n| format!("[{n}]\n")).collect();
    assert_eq!(here.content("f"), after);
}
