//! Cargo, started from a program that cargo has started.

use xshell::{Cmd, Shell};

/// A `cargo` command that builds what the same command would build by hand.
pub(crate) fn cargo(shell: &Shell) -> Cmd<'_> {
    let mut command = shell.cmd("cargo").quiet();
    // `cargo run` describes xtask in these. Build scripts that watch them, as ring's does, would
    // run again, here and at the next build by hand.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command = command.env_remove(&*name);
        }
    }
    command
}
