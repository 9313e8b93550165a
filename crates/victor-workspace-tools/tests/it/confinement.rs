use std::fs;

use serde_json::{Value, json};
use victor_tool_protocol::ToolError;

use crate::support::{Fixture, block_on};

/// Every tool that takes a path, with this path.
fn with_path(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("read_file", json!({ "path": path })),
        ("list_directory", json!({ "path": path })),
        ("find_files", json!({ "patterns": ["*"], "path": path })),
        ("search_files", json!({ "query": ".", "path": path })),
        ("write_file", json!({ "path": path, "content": "changed" })),
        (
            "edit_file",
            json!({ "path": path, "old_text": "e", "new_text": "changed", "replace_all": true }),
        ),
    ]
}

/// No tool gets anywhere with this path, and what is outside stays what it is.
#[track_caller]
fn check_refused(here: &Fixture, path: &str) {
    for (name, arguments) in with_path(path) {
        match block_on(here.call(name, arguments)) {
            Err(ToolError::NotPermitted(message)) => assert_eq!(
                message,
                format!("`{path}` leads out of the workspace: use paths relative to its root"),
                "{name}"
            ),
            other => panic!("{name} of {path}: {other:?}"),
        }
    }
    let outside = here.folder.path().join("outside");
    let secret = fs::read_to_string(outside.join("secret")).unwrap();
    assert_eq!(secret, "the secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(fs::read_dir(here.folder.path()).unwrap().count(), 2);
}

#[test]
fn parents_do_not_lead_out() {
    let here = Fixture::new(&[("a/b", "inside")]);
    check_refused(&here, "../outside/secret");
    check_refused(&here, "..");
    check_refused(&here, "../new");
    check_refused(&here, "a/../../outside/secret");
    check_refused(&here, "a/../../root/../outside/secret");
    check_refused(&here, "../root/a/b"); // inside after all, but by way of outside
}

#[test]
fn absolute_paths_do_not_lead_out() {
    let here = Fixture::new(&[]);
    check_refused(&here, "/etc/passwd");
    check_refused(&here, "/");
    let secret = here.folder.path().join("outside/secret");
    check_refused(&here, secret.to_str().unwrap());
    let beside = here.folder.path().join("rootless");
    check_refused(&here, beside.to_str().unwrap());
}

#[test]
fn paths_inside_may_be_written_in_many_ways() {
    let here = Fixture::new(&[("a/b", "inside")]);
    let absolute = here.path("a/b");
    for path in [
        "a/b",
        "./a/b",
        "a//b",
        "a/./b",
        "a/../a/b",
        absolute.to_str().unwrap(),
    ] {
        here.check("read_file", json!({ "path": path }), "inside");
    }
    let root = here.path("");
    here.check("list_directory", json!({ "path": root }), "a/\n");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn symbolic_links_do_not_lead_out() {
        let here = Fixture::new(&[("a/b", "inside")]);
        symlink("/etc/passwd", here.path("passwd")).unwrap();
        symlink("/", here.path("everything")).unwrap();
        symlink("../outside", here.path("beside")).unwrap();
        symlink("../outside/secret", here.path("secret")).unwrap();
        symlink("../outside/new", here.path("nowhere")).unwrap();
        symlink("beside", here.path("twice")).unwrap();
        for path in [
            "passwd",
            "everything",
            "everything/etc/passwd",
            "beside",
            "beside/secret",
            "beside/new",
            "beside/new/file",
            "secret",
            "nowhere",
            "twice/secret",
        ] {
            check_refused(&here, path);
        }
        // Nor does a search come by there.
        let everything = json!({ "query": "." });
        here.check("search_files", everything, "a/b:1: inside\n");
    }

    #[test]
    fn symbolic_links_inside_may_be_followed() {
        let here = Fixture::new(&[("a/b", "inside")]);
        symlink("a", here.path("link")).unwrap();
        symlink("../a/b", here.path("a/c")).unwrap();
        here.check("read_file", json!({ "path": "link/b" }), "inside");
        here.check("read_file", json!({ "path": "a/c" }), "inside");
        symlink("loop", here.path("loop")).unwrap();
        let error = block_on(here.call("read_file", json!({ "path": "loop" }))).unwrap_err();
        assert!(matches!(
            error,
            ToolError::Failed {
                source: Some(_),
                ..
            }
        ));
        assert_eq!(error.to_string(), "could not access `loop`");
    }

    #[test]
    fn what_is_no_plain_file_is_not_opened() {
        let here = Fixture::new(&[]);
        mknodat(CWD, here.path("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = UnixListener::bind(here.path("socket")).unwrap();
        for path in ["pipe", "socket"] {
            let refused = format!(
                "not permitted: `{path}` is neither a file nor a directory but a pipe, socket or device, which is never \
                 opened"
            );
            for (name, arguments) in with_path(path) {
                let expected = match name {
                    "list_directory" | "find_files" => &format!(
                        "invalid arguments: `{path}` is not a directory, or leads through a file as if it were one"
                    ),
                    _ => &refused,
                };
                here.check(name, arguments, expected);
            }
        }
        let listing = "pipe (neither file nor directory)\nsocket (neither file nor directory)\n";
        here.check("list_directory", json!({}), listing);
        let none = "[no line of 0 text files matches `.`]\n";
        here.check("search_files", json!({ "query": "." }), none);
    }

    #[test]
    fn the_root_is_the_folder_that_was_opened_and_not_its_name() {
        let here = Fixture::new(&[("a", "inside")]);
        fs::rename(here.path(""), here.folder.path().join("moved")).unwrap();
        fs::rename(here.folder.path().join("outside"), here.path("")).unwrap();
        here.check("read_file", json!({ "path": "a" }), "inside");
        here.check(
            "read_file",
            json!({ "path": "secret" }),
            "not found: there is no `secret`: list the directory to see what there is",
        );
    }

    #[test]
    fn a_root_may_be_named_by_a_link() {
        let here = Fixture::new(&[("a", "inside")]);
        let link = here.folder.path().join("link");
        symlink("root", &link).unwrap();
        let tools = victor_workspace_tools::WorkspaceTools::open(&link).unwrap();
        let linked = Fixture { tools, ..here };
        for path in [link.join("a"), linked.path("a").canonicalize().unwrap()] {
            linked.check("read_file", json!({ "path": path }), "inside");
        }
    }
}

#[test]
fn a_path_that_is_none_fails() {
    let here = Fixture::new(&[]);
    for (name, arguments) in with_path("a\0b") {
        let error = block_on(here.call(name, arguments)).unwrap_err();
        assert!(
            matches!(error, ToolError::Failed { .. }),
            "{name}: {error:?}"
        );
    }
    let long = "x".repeat(10_000);
    for (name, arguments) in with_path(&long) {
        let error = block_on(here.call(name, arguments)).unwrap_err();
        assert!(
            matches!(error, ToolError::Failed { .. }),
            "{name}: {error:?}"
        );
    }
}
