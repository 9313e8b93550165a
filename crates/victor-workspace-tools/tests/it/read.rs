use serde_json::{Value, json};

use crate::support::Fixture;

const MAX: usize = 40 * 1024;

#[track_caller]
fn check(content: impl AsRef<[u8]>, lines: &Value, expected: &str) {
    let here = Fixture::new(&[]);
    std::fs::write(here.path("f"), content).unwrap();
    let mut arguments = json!({ "path": "f" });
    arguments
        .as_object_mut()
        .unwrap()
        .extend(lines.as_object().unwrap().clone());
    here.check("read_file", arguments, expected);
}

#[test]
fn a_file_is_returned_as_it_is() {
    check("one\ntwo", &json!({}), "one\ntwo");
    check("one\r\ntwo\r\n", &json!({}), "one\r\ntwo\r\n");
    check("", &json!({}), "[`f` is empty]");
    check("\n", &json!({}), "\n");
}

#[test]
fn lines_may_be_chosen() {
    let text = "1\n2\n3\n4\n";
    check(text, &json!({ "offset": 3 }), "3\n4\n");
    check(text, &json!({ "offset": 4, "limit": 9 }), "4\n");
    check(
        text,
        &json!({ "offset": 2, "limit": 2 }),
        "2\n3\n[there is more: continue with offset 4]",
    );
    check(text, &json!({ "limit": 4 }), text);
    check(
        text,
        &json!({ "offset": 5 }),
        "invalid arguments: offset 5 is behind the end of `f`, which has 4 lines",
    );
    check("1\n2", &json!({ "offset": 2 }), "2");
    check(
        "1\n2",
        &json!({ "offset": 3 }),
        "invalid arguments: offset 3 is behind the end of `f`, which has 2 lines",
    );
}

#[test]
fn a_long_file_ends_at_a_line_and_says_how_to_go_on() {
    let line = format!("{}\n", "x".repeat(99));
    let fits = MAX / line.len();
    check(
        line.repeat(100_000),
        &json!({ "offset": 70_001 }),
        &format!(
            "{}[there is more: continue with offset {}]",
            line.repeat(fits),
            70_001 + fits
        ),
    );
    // Exactly as much as fits.
    let line = format!("{}\n", "x".repeat(1023));
    check(line.repeat(40), &json!({}), &line.repeat(40));
    check(
        line.repeat(41),
        &json!({}),
        &format!(
            "{}[there is more: continue with offset 41]",
            line.repeat(40)
        ),
    );
}

#[test]
fn a_line_that_is_too_long_is_cut_between_characters() {
    let cut = |line: u64, column: usize| {
        format!(
            "[line {line} is too long and cut here: continue with offset {line} and column {column}, or with offset {}]",
            line + 1
        )
    };
    let text = format!("a{}\nb", "ä".repeat(MAX));
    let half = "ä".repeat((MAX - 1) / 2);
    check(&text, &json!({}), &format!("a{half}\n{}", cut(1, MAX)));
    // And the rest of it, from within a character as well.
    let half = "ä".repeat(MAX / 2);
    check(
        &text,
        &json!({ "column": MAX }),
        &format!("{half}\n{}", cut(1, 2 * MAX)),
    );
    check(
        &text,
        &json!({ "column": MAX - 1 }),
        &format!("{}\n{}", &half[2..], cut(1, 2 * MAX - 2)),
    );
    check(&text, &json!({ "column": 2 * MAX }), "ä\nb");
    check(
        &text,
        &json!({ "column": 2 * MAX, "limit": 1 }),
        "ä\n[there is more: continue with offset 2]",
    );
    check(
        format!("1\n{text}"),
        &json!({ "offset": 2, "column": 2 }),
        &format!("{half}\n{}", cut(2, MAX + 2)),
    );
}

#[test]
fn a_column_behind_the_end_of_its_line_is_told() {
    let behind = |line: u64, length: usize| {
        format!(
            "invalid arguments: column 4 is behind the end of line {line}, which has {length} bytes"
        )
    };
    check("abc\nd\n", &json!({ "column": 3 }), "c\nd\n");
    check("abc\nd\n", &json!({ "column": 4 }), &behind(1, 3));
    check(
        "abc\nd\n",
        &json!({ "column": 4, "offset": 2 }),
        &behind(2, 1),
    );
    check(
        "abc\nd",
        &json!({ "column": 4, "offset": 2 }),
        &behind(2, 1),
    );
    check("\n", &json!({ "column": 4, "limit": 1 }), &behind(1, 0));
}

#[test]
fn binary_files_are_refused() {
    let expected = "failed: `f` is a binary file and not text";
    check(b"a\0b", &json!({}), expected);
    check(b"\x89PNG\r\n\x1a\n\0", &json!({}), expected);
    check(b"\xe9\x01", &json!({}), expected);
}

#[test]
fn other_encodings_are_read_and_named() {
    let written =
        |encoding: &str| format!("[`f` is written in {encoding}, and stays so when it is edited]");
    let latin = |text: &str| format!("{text}{}", written("windows-1252"));
    check(b"caf\xe9\n", &json!({}), &latin("café\n"));
    check(b"a\ncaf\xe9", &json!({ "offset": 2 }), &latin("café\n"));
    check(
        b"caf\xe9 cr\xe8me",
        &json!({ "column": 6 }),
        &latin(" crème\n"),
    );
    // What is shown is the same in UTF-8.
    check(
        b"a\ncaf\xe9",
        &json!({ "limit": 1 }),
        "a\n[there is more: continue with offset 2]",
    );
    let wide = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<_>>()
    };
    let utf_16 = written("UTF-16LE");
    check(
        wide("\u{feff}中\n文\n"),
        &json!({ "offset": 2 }),
        &format!("文\n{utf_16}"),
    );
    check(
        wide("one\ntwo\n"),
        &json!({ "offset": 2 }),
        &format!("two\n{utf_16}"),
    );
    check("\u{feff}one\n", &json!({}), "one\n");
    check("\x1b[1mbold\n", &json!({}), "\x1b[1mbold\n");
}

#[test]
fn of_a_large_file_only_utf_8_is_read() {
    let line = format!("{}\n", "x".repeat(1023));
    let mut text = line.repeat(9 * 1024).into_bytes();
    let last = json!({ "offset": 9 * 1024 + 1 });
    text.extend_from_slice("ä\n".as_bytes());
    check(&text, &last, "ä\n");
    text.push(0xe9);
    check(
        &text,
        &last,
        "failed: `f` has more than 8388608 bytes, which is too large to be taken as a whole, as editing and encodings \
         other than UTF-8 need",
    );
}

#[test]
fn what_is_not_there_is_told_with_what_is_similar() {
    let here = Fixture::new(&[("src/main.rs", ""), ("src/other.txt", "")]);
    let check = |path: &str, expected: &str| {
        here.check("read_file", json!({ "path": path }), expected);
    };
    check(
        "src/Main.rs",
        "not found: there is no `src/Main.rs`; there is `src/main.rs`",
    );
    check(
        "zzz",
        "not found: there is no `zzz`: list the directory to see what there is",
    );
    check(
        "lib/main.rs",
        "not found: there is no `lib/main.rs`, nor a directory `lib`",
    );
    check(
        "src",
        "invalid arguments: `src` is a directory and not a file: use `list_directory` to see what is in it",
    );
    check(
        "src/main.rs/x",
        "invalid arguments: `src/main.rs/x` is not a directory, or leads through a file as if it were one",
    );
}

#[test]
fn arguments_of_the_wrong_type_are_told() {
    Fixture::new(&[]).check(
        "read_file",
        json!({ "path": 1 }),
        "invalid arguments: invalid type: integer `1`, expected a string",
    );
}
