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
    check(json!({ "query": "open_file" }), &format!("{a}{b}{c}"));
    check(
        json!({ "query": "open_file", "case_sensitive": true }),
        &format!("{a}{c}"),
    );
    check(
        json!({ "query": "open_file", "path": "src" }),
        &format!("{b}{c}"),
    );
    check(json!({ "query": "open_file", "path": "a.rs" }), a);
    check(
        json!({ "query": "open_file", "glob": "*.rs" }),
        &format!("{a}{b}"),
    );
    check(json!({ "query": "open_file", "glob": "src/*.rs" }), b);
    check(
        json!({ "query": "open_file", "glob": "src/**" }),
        &format!("{b}{c}"),
    );
    check(json!({ "query": r"^fn \w+\(\) \{\}$" }), b);
    check(
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
    let glob = said(json!({ "query": "x", "glob": "{a" }));
    assert!(glob.starts_with("invalid arguments: the glob is not one"));
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
    let cut = format!("b:1: {}…\n", "y".repeat(300));
    here.check("search_files", json!({ "query": "y" }), &cut);
}
