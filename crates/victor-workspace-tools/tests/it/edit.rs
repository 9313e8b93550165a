use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Fixture, block_on};

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
fn what_is_most_like_it_is_shown() {
    check(
        "a\nb\nc\nd\n",
        "b\nC\nd",
        "x",
        false,
        "not found: old_text does not occur in `f`; the text that is most like it begins in line 2, and in line 3 there \
         is \"c\" in place of \"C\": read the file again and copy the text exactly",
        "a\nb\nc\nd\n",
    );
    check(
        "a\nb",
        "b\nc",
        "x",
        false,
        "not found: old_text does not occur in `f`; the text that is most like it begins in line 2, and in line 3 there \
         is the end of the file in place of \"c\": read the file again and copy the text exactly",
        "a\nb",
    );
}

#[test]
fn places_that_overlap_are_several() {
    for (text, old, lines) in [
        ("foo\nfoo\nfoo\n", "foo\nfoo\n", "1, 2"),
        ("}\n}\n}\nend\n", "}\n}", "1, 2"),
        ("aXaXa", "aXa", "1, 1"),
        ("ääää", "ää", "1, 1, 1"),
    ] {
        let count = lines.split(", ").count();
        let refused = format!(
            "invalid arguments: old_text occurs {count} times in `f`, in lines {lines}: take more lines around the one \
             that is meant, or set replace_all"
        );
        check(text, old, "X", false, &refused, text);
    }
    let many = "a".repeat(1_000);
    let refused = "invalid arguments: old_text occurs 100 times or more in `f`, in lines 1, 1, 1, 1, 1, 1, 1, 1, 1, 1: \
                   take more lines around the one that is meant, or set replace_all";
    check(&many, "aa", "X", false, refused, &many);
}

/// An edit, of which only what becomes of the file is of interest.
#[track_caller]
fn check_bytes(before: impl AsRef<[u8]>, old: &str, new: &str, after: impl AsRef<[u8]>) {
    let here = Fixture::new(&[]);
    std::fs::write(here.path("f"), before).unwrap();
    let arguments = json!({ "path": "f", "old_text": old, "new_text": new, "replace_all": true });
    block_on(here.call("edit_file", arguments)).unwrap();
    let found = std::fs::read(here.path("f")).unwrap();
    assert_eq!(
        found.escape_ascii().to_string(),
        after.as_ref().escape_ascii().to_string()
    );
}

#[test]
fn line_ends_are_those_of_the_file() {
    let text = "alpha\r\nbeta\r\ngamma\r\n";
    check_bytes(
        text,
        "alpha\nbeta",
        "ALPHA\nBETA",
        "ALPHA\r\nBETA\r\ngamma\r\n",
    );
    check_bytes(text, "beta", "b1\nb2", "alpha\r\nb1\r\nb2\r\ngamma\r\n");
    check_bytes(text, "beta\n", "", "alpha\r\ngamma\r\n");
    check_bytes(text, "\n", "\n\n", "alpha\r\n\r\nbeta\r\n\r\ngamma\r\n\r\n");
    // Of a file with both, each line keeps its own, and a new one is like the one before it.
    check_bytes("a\nb\r\nc\n", "b\nc", "b\nx\nc", "a\nb\r\nx\r\nc\n");
    check_bytes("a\nb\r\nc\n", "a\nb\nc", "a\nb\nC", "a\nb\r\nC\n");
    // Who knows of them means them, unless all are so.
    check_bytes("a\r\nb\r\n", "a\r\n", "a\n", "a\nb\r\n");
    check_bytes("a\r\nb", "\r", "", "a\nb");
    for (before, after) in [("a\nb\n", "A\nB\n"), ("a\r\nb\r\n", "A\r\nB\r\n")] {
        check_bytes(before, "a\r\nb", "A\r\nB", after);
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    check_bytes("\u{feff}first\n", "first", "FIRST", "\u{feff}FIRST\n");
    check_bytes("\u{feff}a\r\n", "a\n", "b\nc\n", "\u{feff}b\r\nc\r\n");
}

#[test]
fn what_one_call_adds_is_bounded() {
    let text = "a".repeat(1 << 20);
    let new = "b".repeat(1_000);
    let refused = format!(
        "invalid arguments: new_text would stand in {} places of `f`, which is {} bytes, and at most 33554432 are \
         written by one call; nothing was changed",
        1 << 20,
        1_000 << 20
    );
    check(&text, "a", &new, true, &refused, &text);
}

#[tokio::test]
async fn a_search_for_what_is_similar_takes_no_time() {
    let text = "x\n".repeat(1_000_000);
    let here = Fixture::new(&[("f", &text)]);
    let old = format!("{}y", "x\n".repeat(100_000));
    let arguments = json!({ "path": "f", "old_text": old, "new_text": "z" });
    let error = here.call("edit_file", arguments).await.unwrap_err();
    assert!(error.to_string().ends_with("copy the text exactly"));
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
        ("binary", "failed: `binary` is a binary file and not text"),
        (
            "huge",
            "failed: `huge` has more than 8388608 bytes, which is too large to be taken as a whole, as editing and encodings other than UTF-8 need",
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
