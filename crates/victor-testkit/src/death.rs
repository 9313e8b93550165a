//! Programs that are killed at every single write.

use std::process::{Command, Stdio};

/// System calls that count as writes: to files, to the disk beneath them, and to servers. Those of other processors are
/// passed over.
const WRITES: &str = "?pwrite64,?pwritev,?ftruncate,?fsync,?fdatasync,?unlink,?unlinkat,?rename,?renameat2,\
                      ?sendto,?sendmsg";

/// More writes than any program of a test makes.
const MOST: u32 = 2_000;

/// Runs a program again and again, and kills it at its first write, its second, and so on, until it comes to its end.
/// Returns how often it was killed.
///
/// `start` is asked for the program each time, and puts before that the files in place that it works on. After each
/// death `check` is called with the number of the write before which it came, and looks at what is left. A program with
/// several threads is killed when one of them makes so many.
///
/// It takes `strace`, and a system that lets one process trace another. Where there is none, nothing is run, a line on
/// standard error says so, and none is returned.
///
/// # Panics
///
/// The program ends otherwise than well or by being killed, it does not come to its end within 2,000 writes, or there
/// is no `strace` and the environment variable `CI` says `true`.
///
/// ```
/// use std::process::Command;
/// use victor_testkit::die_at_every_write;
///
/// let deaths = die_at_every_write(|| Command::new("true"), |_| panic!("it writes nothing"));
/// assert!(matches!(deaths, Some(0) | None));
/// ```
pub fn die_at_every_write(
    mut start: impl FnMut() -> Command,
    mut check: impl FnMut(u32),
) -> Option<u32> {
    if !can_trace() {
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!is_ci, "strace is not installed, or may not trace");
        #[expect(
            clippy::print_stderr,
            reason = "a test that tests nothing must not pass silently"
        )]
        {
            eprintln!("SKIPPED: strace is not installed, or may not trace");
        }
        return None;
    }
    for number in 1..=MOST {
        let program = start();
        let output = traced(&program, number)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("strace cannot be run: {error}"));
        if output.status.success() {
            return Some(number - 1);
        }
        assert!(
            output.status.code().is_none(),
            "before write {number} the program failed: {}\n{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        check(number);
    }
    panic!("the program has not come to its end within {MOST} writes");
}

/// The program, killed at its so-manyth write.
fn traced(program: &Command, number: u32) -> Command {
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={WRITES}"))
        .arg("-e")
        .arg(format!("inject={WRITES}:signal=KILL:when={number}"))
        .arg(program.get_program())
        .args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    if let Some(folder) = program.get_current_dir() {
        strace.current_dir(folder);
    }
    strace
}

/// Whether a program can be traced here.
fn can_trace() -> bool {
    let mut program = Command::new("true");
    let traced = traced(program.stdin(Stdio::null()), 1).output();
    traced.is_ok_and(|output| output.status.success())
}
