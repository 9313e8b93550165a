use serde_json::json;

use crate::support::{Fixture, block_on};

#[test]
fn paths_come_in_order_and_as_deep_as_asked() {
    let here = Fixture::new(&[("b.txt", ""), ("a/x/deep", ""), ("a/y", ""), ("c", "")]);
    let check = |arguments, expected: &str| here.check("list_directory", arguments, expected);
    check(json!({}), "a/\nb.txt\nc\n");
    check(json!({ "path": "." }), "a/\nb.txt\nc\n");
    check(json!({ "path": "a" }), "a/x/\na/y\n");
    check(json!({ "path": "a", "depth": 2 }), "a/x/\na/x/deep\na/y\n");
    check(json!({ "depth": 2 }), "a/\na/x/\na/y\nb.txt\nc\n");
}

#[test]
fn git_and_caches_are_not_entered() {
    let here = Fixture::new(&[
        (".git/config", ""),
        ("target/CACHEDIR.TAG", ""),
        ("target/debug/x", ""),
        ("src/x", ""),
    ]);
    here.check(
        "list_directory",
        json!({ "depth": 9 }),
        ".git/\nsrc/\nsrc/x\ntarget/ (ignored)\n",
    );
    here.check("list_directory", json!({}), ".git/\nsrc/\ntarget/\n");
    here.check(
        "list_directory",
        json!({ "path": "target" }),
        "target/CACHEDIR.TAG\ntarget/debug/\n",
    );
}

#[test]
fn ignored_directories_are_entered_only_by_name() {
    let here = Fixture::new(&[
        (".gitignore", "/dist\n*.log"),
        ("a.log", ""),
        ("dist/x/y", ""),
        ("src/dist/z", ""),
    ]);
    here.check(
        "list_directory",
        json!({ "depth": 3 }),
        ".gitignore\na.log\ndist/ (ignored)\nsrc/\nsrc/dist/\nsrc/dist/z\n",
    );
    here.check(
        "list_directory",
        json!({ "path": "dist", "depth": 3 }),
        "dist/x/\ndist/x/y\n",
    );
}

#[cfg(unix)]
#[test]
fn links_are_shown_and_not_followed() {
    let here = Fixture::new(&[("a/b", "")]);
    std::os::unix::fs::symlink("/etc", here.path("etc")).unwrap();
    std::os::unix::fs::symlink("a", here.path("link")).unwrap();
    here.check(
        "list_directory",
        json!({ "depth": 2 }),
        "a/\na/b\netc -> /etc\nlink -> a\n",
    );
}

#[test]
fn what_cannot_be_listed_is_told() {
    let here = Fixture::new(&[("file", ""), ("empty/x", "")]);
    std::fs::remove_file(here.path("empty/x")).unwrap();
    let check = |path: &str, expected: &str| {
        here.check("list_directory", json!({ "path": path }), expected);
    };
    check("empty", "[`empty` is empty]");
    check(
        "file",
        "invalid arguments: `file` is not a directory, or leads through a file as if it were one",
    );
    check("fil", "not found: there is no `fil`; there is `file`");
}

#[test]
fn a_long_listing_is_cut() {
    let here = Fixture::new(&[]);
    for n in 0..500 {
        std::fs::write(here.path(format!("{n:03}{}", "x".repeat(100))), "").unwrap();
    }
    let listing = block_on(here.call("list_directory", json!({}))).unwrap();
    assert!(listing.starts_with("000x") && listing.len() < 42_000);
    assert!(listing.ends_with("\n[there is more: list single directories, or fewer levels]"));
}
