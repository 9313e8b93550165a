//! Programs of Prometheus, where they are installed.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};

/// A program that runs until this is dropped.
pub(crate) struct Running(Child);

/// Returns a program, unless it is not installed. The test is passed over then, and says so; where `CI` is `true`, it
/// fails.
pub(crate) fn installed(name: &str) -> Option<Command> {
    let found = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(Command::new(name));
    }
    let is_ci = std::env::var_os("CI").is_some_and(|value| value == *"true");
    assert!(
        !is_ci,
        "`{name}` is not installed: apt-get install prometheus"
    );
    #[expect(
        clippy::print_stderr,
        reason = "a test that tests nothing must not pass silently"
    )]
    {
        eprintln!("SKIPPED: `{name}` is not installed (apt-get install prometheus)");
    }
    None
}

impl Running {
    pub(crate) fn start<S: AsRef<OsStr>>(
        mut command: Command,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let command = command.args(arguments).stdin(Stdio::null());
        Self(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
