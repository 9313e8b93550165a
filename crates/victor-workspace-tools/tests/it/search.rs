use serde_json::json;

use crate::support::{Fixture, block_on};

fn here() -> Fixture {
    Fixture::new(&[
        ("a.rs", "fn main() {\n    open_file();\n}\n"),
        ("src/b.rs", "fn Open_File() {}"),
        ("src/deep/c.txt", "open_file in words"),
        (".git/d", "open_file"),
        ("target/CACHEDIR.TAG", ""),
        ("target/e", "open_file"),
    ])
}

#[test]
fn lines_that_match_are_found_in_the_files_that_are_meant() {
    let here = here();
    let check = |arguments, expected: &str| here.check("search_files", arguments, expected);
    let a = "a.rs:2:     open_file();\n";
    let b = "src/b.rs:1: fn Open_File() {}\n";
    let c = "src/deep/c.txt:1: open_file in words\n";
    let check_all = |arguments, expected: &str| {
        let left_out = "[left out: 1 ignored directory; set include_ignored to look there too]";
        here.check("search_files", arguments, &format!("{expected}{left_out}"));
    };
    check_all(json!({ "query": "open_file" }), &format!("{a}{b}{c}"));
    check_all(
        json!({ "query": "open_file", "case_sensitive": true }),
        &format!("{a}{c}"),
    );
    check(
        json!({ "query": "open_file", "path": "src" }),
        &format!("{b}{c}"),
    );
    check(json!({ "query": "open_file", "path": "a.rs" }), a);
    check_all(
        json!({ "query": "open_file", "glob": "*.rs" }),
        &format!("{a}{b}"),
    );
    check_all(json!({ "query": "open_file", "glob": "src/*.rs" }), b);
    check_all(
        json!({ "query": "open_file", "glob": "src/**" }),
        &format!("{b}{c}"),
    );
    check_all(json!({ "query": r"^fn \w+\(\) \{\}$" }), b);
    check_all(
        json!({ "query": "nowhere" }),
        "[no line of 3 text files matches `nowhere`]\n",
    );
}

#[test]
fn a_query_or_glob_that_is_none_is_told() {
    let here = here();
    let said = |arguments| {
        block_on(here.call("search_files", arguments))
            .unwrap_err()
            .to_string()
    };
    let query = said(json!({ "query": "main(" }));
    assert!(query.starts_with("invalid arguments: the query is not a regular expression"));
    assert!(query.ends_with(r"to find the text as it is, search for `main\(`"));
    let glob = block_on(here.call("search_files", json!({ "query": "x", "glob": "{a" }))).unwrap();
    let error = "[no line of 0 text files matches `x`]\n[the glob is taken as a name, since it is not valid: error parsing";
    assert!(glob.starts_with(error), "{glob}");
    assert_eq!(
        said(json!({ "query": "x", "path": "Src" })),
        "not found: there is no `Src`; there is `src`"
    );
}

#[test]
fn binary_and_huge_files_are_passed_over() {
    let here = Fixture::new(&[("text", "needle")]);
    std::fs::write(here.path("binary"), b"needle\0").unwrap();
    let huge = std::fs::File::create(here.path("huge")).unwrap();
    huge.set_len(1 << 40).unwrap(); // takes no space, but would take very long to read
    here.check(
        "search_files",
        json!({ "query": "needle" }),
        "text:1: needle\n[1 files were not searched because they are too large]\n",
    );
}

#[test]
fn many_matches_are_limited() {
    let here = Fixture::new(&[("a", &"x\n".repeat(3)), ("b", &"y".repeat(1000))]);
    here.check(
        "search_files",
        json!({ "query": "x", "limit": 2 }),
        "a:1: x\na:2: x\n[more lines match: search for something rarer, or with a path or glob]\n",
    );
    here.check(
        "search_files",
        json!({ "query": "x", "limit": 3 }),
        "a:1: x\na:2: x\na:3: x\n",
    );
    let cut = format!(
        "b:1: {}… [column 1 of 1000, the first of 100 matches or more]\n",
        "y".repeat(300)
    );
    here.check("search_files", json!({ "query": "y" }), &cut);
}

#[test]
fn of_a_long_line_the_match_is_shown_and_the_rest_can_be_read() {
    let (before, after) = ("a".repeat(5_000), "ä".repeat(5_000));
    let line = format!("{before} needle {after} needle");
    let here = Fixture::new(&[("min.js", &line), ("end", &format!("{before} needle"))]);
    let shown = format!("{} needle {}", &before[..99], "ä".repeat(96));
    here.check(
        "search_files",
        json!({ "query": "needle" }),
        &format!(
            "end:1: …{} needle [column 5002 of 5007]\n\
             min.js:1: …{shown}… [column 5002 of 15015, the first of 2 matches]\n",
            &before[..293]
        ),
    );
    let rest = format!("needle {after} needle");
    here.check(
        "read_file",
        json!({ "path": "min.js", "column": 5_002 }),
        &rest,
    );
}

#[test]
fn text_is_found_in_whatever_encoding() {
    let here = Fixture::new(&[("utf_8", "\u{feff}café")]);
    std::fs::write(here.path("latin"), b"caf\xe9 cr\xe8me").unwrap();
    let wide: Vec<_> = "\u{feff}café"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    std::fs::write(here.path("utf_16"), wide).unwrap();
    here.check(
        "search_files",
        json!({ "query": "^café" }),
        "latin:1: café crème\nutf_16:1: café\nutf_8:1: café\n",
    );
}

#[test]
fn what_a_model_says_at_length_is_not_repeated() {
    let here = Fixture::new(&[("a", "")]);
    let long = "x".repeat(100_000);
    for (name, arguments) in [
        ("search_files", json!({ "query": long })),
        ("search_files", json!({ "query": format!("({long}") })),
        (
            "search_files",
            json!({ "query": "x", "glob": format!("[{long}") }),
        ),
        ("find_files", json!({ "patterns": [&long] })),
        ("read_file", json!({ "path": format!("{long}/x") })),
        ("read_file", json!({ "path": "a", "limit": long })),
        (
            "write_file",
            json!({ "path": format!("/{long}"), "content": "" }),
        ),
        (
            "edit_file",
            json!({ "path": format!("a/../../{long}"), "old_text": "a", "new_text": "b" }),
        ),
        (
            "apply_patch",
            json!({ "patch": format!("--- a/{long}\n+++ b/{long}\n@@ -1 +1 @@\n-a\n+b\n") }),
        ),
    ] {
        let said = match block_on(here.call(name, arguments)) {
            Ok(said) => said,
            Err(error) => error.to_string(),
        };
        assert!(said.len() < 5_000, "{name}: {} bytes", said.len());
    }
}
