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
    let expected = format!(
        "a{}\n[line 1 is longer than {MAX} bytes and cut here; continue with offset 2]",
        "ä".repeat((MAX - 1) / 2)
    );
    check(format!("a{}\nb", "ä".repeat(MAX)), &json!({}), &expected);
}

#[test]
fn binary_files_are_refused() {
    let expected = "failed: `f` is not text in UTF-8 but a binary file";
    check(b"a\0b", &json!({}), expected);
    check(b"\xff\xfe", &json!({}), expected);
    check(b"caf\xe9", &json!({}), expected);
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
