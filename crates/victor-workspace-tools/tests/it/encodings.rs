//! Files in other encodings than UTF-8 stay what they are when they are changed.

use serde_json::{Value, json};

use crate::support::{Fixture, block_on, said};

#[test]
fn a_damaged_file_is_read_and_not_changed() {
    let damaged = b"gr\xc3\xbc\xc3\x9fe \xff\n";
    let (said, _) = call(damaged, "read_file", json!({ "path": "f" }));
    assert_eq!(
        said,
        "grüße \u{fffd}\n[`f` has bytes that are not UTF-8, shown as U+FFFD; it cannot be edited]"
    );
    check_refused(
        damaged,
        "edit_file",
        json!({ "path": "f", "old_text": "e", "new_text": "E" }),
        "failed: `f` has bytes that would not be written back as they are, in UTF-8, so it cannot be edited; nothing was \
         changed",
    );
}

/// Calls a tool on the file `f` with these bytes; what it says first, and what is in the file then.
fn call(before: &[u8], name: &str, arguments: Value) -> (String, String) {
    let here = Fixture::new(&[]);
    std::fs::write(here.path("f"), before).unwrap();
    let said = match block_on(here.call(name, arguments)) {
        Ok(text) => text,
        Err(error) => said(&error),
    };
    let after = std::fs::read(here.path("f")).unwrap();
    (said, after.escape_ascii().to_string())
}

#[track_caller]
fn check_edit(before: &[u8], old: &str, new: &str, after: &[u8]) {
    let edit = json!({ "path": "f", "old_text": old, "new_text": new });
    let (said, found) = call(before, "edit_file", edit);
    assert_eq!(found, after.escape_ascii().to_string(), "{said}");
    assert!(said.contains(&format!("-{old}")), "{said}");
    // And the same as a patch.
    let patch = format!("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-{old}\n+{new}\n");
    let (said, found) = call(before, "apply_patch", json!({ "patch": patch }));
    assert_eq!(found, after.escape_ascii().to_string(), "{said}");
}

#[track_caller]
fn check_refused(before: &[u8], name: &str, arguments: Value, expected: &str) {
    let (said, after) = call(before, name, arguments);
    assert_eq!(said, expected);
    assert_eq!(after, before.escape_ascii().to_string());
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_change_keeps_the_encoding() {
    check_edit(
        b"cr\xe8me br\xfbl\xe9e\n",
        "crème brûlée",
        "thé à 5 €",
        b"th\xe9 \xe0 5 \x80\n",
    );
    check_edit(
        &wide("\u{feff}eins\r\n"),
        "eins",
        "zwei ü",
        &wide("\u{feff}zwei ü\r\n"),
    );
    check_edit(&wide("eins\n"), "eins", "zwei", &wide("zwei\n"));
    let line = b"\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x83\x65\x83\x4c\x83\x58\x83\x67\x82\xc5\x82\xb7\x81\x42\r\n";
    check_edit(
        line,
        "日本語のテキストです。",
        "日本",
        b"\x93\xfa\x96\x7b\r\n",
    );
    let line = b"\xd5\xe2\xca\xc7\xd2\xbb\xb8\xf6\xd6\xd0\xce\xc4\xce\xc4\xbc\xfe\xa1\xa3\n";
    check_edit(line, "这是一个中文文件。", "中文", b"\xd6\xd0\xce\xc4\n");
    check_edit(b"\xef\xbb\xbfa\n", "a", "\u{fc}", b"\xef\xbb\xbf\xc3\xbc\n");
}

#[test]
fn a_character_that_the_encoding_lacks_is_told() {
    let lacks = "invalid arguments: `f` is written in windows-1252, which has no character '→' (U+2192): write it in \
                 another way; nothing was changed";
    let before = b"cr\xe8me br\xfbl\xe9e\n";
    check_refused(
        before,
        "edit_file",
        json!({ "path": "f", "old_text": "crème", "new_text": "a → b" }),
        lacks,
    );
    check_refused(
        before,
        "write_file",
        json!({ "path": "f", "content": "a → b" }),
        lacks,
    );
    check_refused(
        before,
        "apply_patch",
        json!({ "patch": "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-crème brûlée\n+a → b\n" }),
        lacks,
    );
}

#[test]
fn what_would_not_come_back_is_not_touched() {
    // In Shift_JIS this character has two codes, of which this is the one that is not written.
    let before = b"# coding: shift_jis\n\xed\x40 a\n";
    check_refused(
        before,
        "edit_file",
        json!({ "path": "f", "old_text": " a", "new_text": " b" }),
        "failed: `f` has bytes that would not be written back as they are, in Shift_JIS, so it cannot be edited; nothing \
         was changed",
    );
}

#[test]
fn a_file_that_is_written_whole_keeps_its_encoding() {
    let write = json!({ "path": "f", "content": "thé\n" });
    let (said, after) = call(b"caf\xe9\n", "write_file", write.clone());
    assert_eq!(after, "th\\xe9\\n");
    assert!(
        said.starts_with(
            "replaced `f`: 1 lines, 4 bytes, in windows-1252 as before\n--- a/f\n+++ b/f\n@@ -1,1 +1,1 @@\n-café\n+thé\n"
        ),
        "{said}"
    );
    let (said, _) = call(b"th\xe9\n", "write_file", write.clone());
    assert!(
        said.starts_with("unchanged, since it was already so: `f`"),
        "{said}"
    );
    // What is no text has no encoding.
    let (_, after) = call(b"\x89PNG\0", "write_file", write);
    assert_eq!(after, "th\\xc3\\xa9\\n");
}
