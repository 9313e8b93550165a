//! Programs of others that tests talk to.

use std::ffi::OsString;
use std::net::TcpListener;

/// The folder that a variable of the environment names, into which `what` is installed.
///
/// Without it the tests that want one pass over it, and say so; where `CI` is set, they fail.
pub(crate) fn folder(variable: &str, what: &str) -> Option<OsString> {
    let folder = std::env::var_os(variable);
    if folder.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{variable} is not set, so nothing is tested with {what}"
        );
        #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
        {
            eprintln!("SKIPPED: set {variable} to test with {what}");
        }
    }
    folder
}

/// A port of which nobody makes use.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
