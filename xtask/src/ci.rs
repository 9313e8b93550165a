//! `cargo xtask ci`: every check of the repository in one command. The tests are not among them:
//! `.ci/run` runs those first.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::cargo::cargo;

/// The checks, cheapest first, so that the first answer comes soon. Each line can be pasted into a
/// shell. One `clippy` with all features covers the `mock` features too, since features only add.
/// Its `-D warnings` stands behind `--`: in `RUSTFLAGS` it would rebuild all dependencies.
const STEPS: [(&str, &str); 9] = [
    ("format", "cargo fmt --all --check"),
    ("layers", "cargo xtask layers"),
    ("bans", "cargo xtask bans"),
    ("tidy", "cargo xtask tidy"),
    (
        "lints",
        "cargo clippy --workspace --all-targets --all-features -- -D warnings",
    ),
    (
        "docs",
        "RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --all-features --no-deps",
    ),
    ("alone", "cargo xtask alone"),
    (
        "third party",
        "cargo test --manifest-path examples/third-party/Cargo.toml --target-dir target",
    ),
    ("counts", "cargo xtask bench --counts"),
];

/// Runs the checks, up to the first that fails.
pub(crate) fn run() -> Result<()> {
    run_steps(&STEPS, run_line)
}

fn run_steps(steps: &[(&str, &str)], run_line: impl Fn(&str) -> Result<()>) -> Result<()> {
    for (name, line) in steps {
        println!("── {name}: {line}");
        let start = Instant::now();
        // The cause would only repeat the line: cargo has said what is wrong.
        ensure!(
            run_line(line).is_ok(),
            "{name} failed; to see it again: {line}"
        );
        println!(
            "── {name}: passed in {:.1} s\n",
            start.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

/// Runs `cargo argument..`, or `NAME=value cargo argument..`.
fn run_line(line: &str) -> Result<()> {
    let (variable, arguments) = line.split_once("cargo ").context("a step runs cargo")?;
    let shell = Shell::new()?;
    let mut command = cargo(&shell).args(arguments.split_whitespace());
    if let Some((name, value)) = variable.trim().split_once('=') {
        command = command.env(name, value);
    }
    Ok(command.run()?)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use anyhow::ensure;

    use super::run_steps;

    #[test]
    fn the_first_failure_stops_and_says_how_to_see_it_again() {
        let ran = RefCell::new(Vec::new());
        let run_line = |line: &str| {
            ran.borrow_mut().push(line.to_owned());
            ensure!(line != "cargo bad");
            Ok(())
        };
        let steps = [
            ("good", "cargo good"),
            ("bad", "cargo bad"),
            ("worse", "cargo worse"),
        ];
        let error = run_steps(&steps, run_line).expect_err("the second step fails");
        assert_eq!(error.to_string(), "bad failed; to see it again: cargo bad");
        assert_eq!(*ran.borrow(), ["cargo good", "cargo bad"]);
        run_steps(&steps[..1], run_line).expect("the first step passes");
    }
}
