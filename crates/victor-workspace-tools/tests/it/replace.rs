//! What stays of a file when its content is replaced, and what is done where it cannot be replaced as a whole.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use rustix::fs::{Uid, XattrFlags, getxattr, setxattr};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
use serde_json::{Value, json};

use crate::support::{Fixture, block_on, said};

/// Each way to change the file `a` from `1` to `2`.
fn ways() -> [(&'static str, Value); 3] {
    [
        ("write_file", json!({ "path": "a", "content": "2\n" })),
        (
            "edit_file",
            json!({ "path": "a", "old_text": "1", "new_text": "2" }),
        ),
        (
            "apply_patch",
            json!({ "patch": "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n" }),
        ),
    ]
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Calls a tool as a user with no privileges.
fn call_unprivileged(here: &Fixture, name: &str, arguments: Value) -> Result<String, String> {
    const NOBODY: u32 = 65_534;
    let is_root = geteuid().is_root();
    // A thread has a user of its own, and the pool begins each of its threads with this.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_start(move || {
            if is_root {
                set_thread_groups(&[]).unwrap();
                set_thread_gid(rustix::fs::Gid::from_raw(NOBODY)).unwrap();
                set_thread_uid(Uid::from_raw(NOBODY)).unwrap();
            }
        })
        .build()
        .unwrap();
    let called = runtime.block_on(here.call(name, arguments));
    called.map_err(|error| said(&error))
}

#[test]
fn owner_and_group_stay() {
    if !geteuid().is_root() {
        return; // who else may give a file away?
    }
    for (name, arguments) in ways() {
        let here = Fixture::new(&[("a", "1\n")]);
        chown(here.path("a"), Some(1234), Some(2345)).unwrap();
        set_mode(&here.path("a"), 0o4751);
        block_on(here.call(name, arguments)).unwrap();
        let found = fs::metadata(here.path("a")).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), found.mode() & 0o7777),
            (1234, 2345, 0o4751),
            "{name}"
        );
        assert_eq!(here.content("a"), "2\n");
    }
}

#[test]
fn extended_attributes_and_access_lists_stay() {
    // An entry for user 1234 that may read, as `setfacl -m u:1234:r` makes it.
    let list: [u32; 11] = [
        2, 0x6_0001, !0, 0x4_0002, 1234, 0x4_0004, !0, 0x4_0010, !0, 0x20, !0,
    ];
    let list: Vec<_> = list.into_iter().flat_map(u32::to_le_bytes).collect();
    for (attribute, value) in [
        ("user.origin", &b"here"[..]),
        ("system.posix_acl_access", &list),
    ] {
        for (name, arguments) in ways() {
            let here = Fixture::new(&[("a", "1\n")]);
            let path = here.path("a");
            match setxattr(&path, attribute, value, XattrFlags::empty()) {
                Err(Errno::NOTSUP) => continue, // not on this file system
                set => set.unwrap(),
            }
            let mode = fs::metadata(&path).unwrap().mode();
            block_on(here.call(name, arguments)).unwrap();
            let mut found = [0; 100];
            let length = getxattr(&path, attribute, &mut found).unwrap();
            assert_eq!(&found[..length], value, "{name} {attribute}");
            assert_eq!(fs::metadata(&path).unwrap().mode(), mode);
            assert_eq!(here.content("a"), "2\n");
        }
    }
}

#[test]
fn a_file_may_be_written_in_a_directory_that_may_not() {
    for (name, arguments) in ways() {
        let here = Fixture::new(&[("a", "1\n")]);
        set_mode(here.folder.path(), 0o755);
        set_mode(&here.path("a"), 0o666);
        set_mode(&here.path(""), 0o555);
        let before = fs::metadata(here.path("a")).unwrap().ino();
        let result = call_unprivileged(&here, name, arguments);
        assert_eq!(here.content("a"), "2\n", "{name}: {result:?}");
        assert_eq!(fs::metadata(here.path("a")).unwrap().ino(), before);
        set_mode(&here.path(""), 0o755);
    }
}

#[test]
fn what_may_not_be_written_is_not_replaced_either() {
    if !geteuid().is_root() {
        return; // a file of one's own may be replaced
    }
    for (name, arguments) in ways() {
        let here = Fixture::new(&[("a", "1\n")]);
        set_mode(here.folder.path(), 0o755);
        set_mode(&here.path(""), 0o777);
        set_mode(&here.path("a"), 0o644);
        let error = call_unprivileged(&here, name, arguments).unwrap_err();
        assert_eq!(
            error,
            "not permitted: the system does not permit access to `a`"
        );
        assert_eq!(here.content("a"), "1\n");
        assert_eq!(here.files().len(), 1, "{:?}", here.files());
    }
}

#[test]
fn what_is_written_in_place_is_taken_back_with_the_rest() {
    // `a` is written in place; then `x` is a file and to be a directory as well.
    let patch = "--- a/fixed/a\n+++ b/fixed/a\n@@ -1 +1 @@\n-1\n+a longer line\n\
                 --- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n\
                 --- /dev/null\n+++ b/x/y\n@@ -0,0 +1 @@\n+y\n";
    let here = Fixture::new(&[("fixed/a", "1\n")]);
    set_mode(here.folder.path(), 0o755);
    set_mode(&here.path("fixed/a"), 0o666);
    set_mode(&here.path("fixed"), 0o555);
    set_mode(&here.path(""), 0o777);
    let before = here.files();
    let error = call_unprivileged(&here, "apply_patch", json!({ "patch": patch })).unwrap_err();
    assert!(error.contains("`x`"), "{error}");
    assert_eq!(here.files(), before);
    set_mode(&here.path("fixed"), 0o755);
}

#[test]
fn the_access_list_of_a_directory_does_not_open_what_is_replaced_in_it() {
    let list: [u32; 11] = [
        2, 0x7_0001, !0, 0x4_0002, 1234, 0x4_0004, !0, 0x7_0010, !0, 0x20, !0,
    ];
    let list: Vec<_> = list.into_iter().flat_map(u32::to_le_bytes).collect();
    for (name, arguments) in ways() {
        let here = Fixture::new(&[("a", "1\n")]);
        let default = "system.posix_acl_default";
        match setxattr(here.path(""), default, &list, XattrFlags::empty()) {
            Err(Errno::NOTSUP) => return, // not on this file system
            set => set.unwrap(),
        }
        block_on(here.call(name, arguments)).unwrap();
        let found = getxattr(here.path("a"), "system.posix_acl_access", &mut [0; 100]);
        assert_eq!(found, Err(Errno::NODATA), "{name}");
    }
}
