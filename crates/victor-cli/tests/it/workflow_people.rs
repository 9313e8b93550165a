//! `victor workflow` with a person at a terminal, with signals, and in two processes.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::Signal;

use crate::run::victor;
use crate::signals::started;
use crate::terminal::Terminal;
use crate::workflow::{ASKING, check, folder, only_run};

const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const KEYS: &str = "answer [y/n/later/?] ";

/// A step that takes long, between two others.
const SLEEPING: &str = "\
name: sleeping
steps:
  - { id: before, transform: 1 }
  - { id: sleep, tool: { name: run_command, arguments: { command: '{{ input.command }}' } } }
  - { id: after, transform: 'after {{ steps.sleep.text }}' }
";

#[test]
fn a_person_is_asked_and_may_answer_later() {
    let files = folder(&[("asking.yaml", ASKING)]);
    let mut terminal = Terminal::run(files.path(), "workflow run asking.yaml -i what=it --id one");
    terminal.wait_for("step `ok` asks:");
    terminal.wait_for("| Go on about it?");
    terminal.wait_for("\"what\": \"it\"");
    terminal.wait_for(KEYS);
    terminal.type_in("?\r");
    terminal.wait_for("later or Ctrl-D: leave the run as it is");
    terminal.wait_for(KEYS);
    terminal.type_in("perhaps\r");
    terminal.wait_for("`perhaps` is no answer.");
    terminal.wait_for(KEYS);
    terminal.type_in(CTRL_D);
    terminal.wait_for("waits: `victor workflow resume");
    assert_eq!(terminal.exit_code(), Some(3));

    let mut terminal = Terminal::run(files.path(), "workflow resume one");
    terminal.wait_for(KEYS);
    terminal.type_in(CTRL_C);
    terminal.wait_for("is parked: `victor workflow resume");
    assert_eq!(terminal.exit_code(), Some(130));

    let mut terminal = Terminal::run(files.path(), "workflow resume one");
    terminal.wait_for(KEYS);
    terminal.type_in("n too late\r");
    terminal.wait_for("left: too late");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn an_answer_from_elsewhere_ends_the_wait_and_counts() {
    let files = folder(&[("asking.yaml", ASKING)]);
    let mut terminal = Terminal::run(files.path(), "workflow run asking.yaml -i what=it --wait");
    terminal.wait_for(KEYS);
    let run = only_run(files.path());
    check(
        files.path(),
        &["answer", &run, "no from elsewhere"],
        0,
        &["is answered"],
    );
    terminal.type_in("y\r");
    terminal.wait_for("somebody else has answered before; that answer counts");
    terminal.wait_for("left: from elsewhere");
    assert_eq!(terminal.exit_code(), Some(0));

    let mut terminal = Terminal::run(
        files.path(),
        "workflow run asking.yaml -i what=it --wait --id two",
    );
    terminal.wait_for(KEYS);
    terminal.type_in("later\r");
    terminal.wait_for("waiting; Ctrl-C leaves the run as it is");
    check(files.path(), &["answer", "two", "yes"], 0, &["is answered"]);
    terminal.wait_for("done");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn ctrl_c_parks_a_run_and_another_process_goes_on_with_it() {
    let files = folder(&[("sleeping.yaml", SLEEPING)]);
    let flags = ["--allow-commands", "--yes", "--id", "nap", "--input"];
    let mut command = victor(files.path());
    command
        .args(["workflow", "run", "sleeping.yaml"])
        .args(flags)
        .arg("command=sleep 40 > alive");
    let sleeping = started(files.path(), &mut command, "");
    check(
        files.path(),
        &["list"],
        0,
        &["sleeping", "running in process"],
    );
    let resume = ["resume", "nap", "--allow-commands", "--yes"];
    check(
        files.path(),
        &resume,
        1,
        &["is being worked on by process", "`victor workflow show"],
    );
    let mut shown = victor(files.path())
        .args(["workflow", "show", "nap"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shown.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(
        lines.any(|line| line.contains("> sleep")),
        "it follows the run of another process"
    );
    sleeping.signal(Signal::INT);
    let output = sleeping.ended();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(
        said.contains("is parked: `victor workflow resume"),
        "{said}"
    );
    assert!(
        lines.any(|line| line.contains("is parked")),
        "it sees that nobody works on the run"
    );
    shown.wait().unwrap();
    check(files.path(), &["list"], 0, &["parked", "named nap"]);
    // Whether a command that was cut off has had its effect, nobody knows: a person is asked before it runs again.
    check(
        files.path(),
        &resume,
        3,
        &["step `sleep` asks", "Is it to run again?"],
    );
    check(files.path(), &["answer", "nap", "no"], 0, &[]);
    check(
        files.path(),
        &resume,
        1,
        &["has failed: step `sleep` failed: "],
    );
}

#[test]
fn a_run_whose_process_was_killed_goes_on_at_once() {
    let files = folder(&[("sleeping.yaml", SLEEPING)]);
    let flags = ["--allow-commands", "--yes", "--id", "nap", "--input"];
    let mut command = victor(files.path());
    command
        .args(["workflow", "run", "sleeping.yaml"])
        .args(flags)
        .arg("command=sleep 40 > alive");
    let sleeping = started(files.path(), &mut command, "");
    sleeping.signal(Signal::KILL);
    sleeping.ended();
    let resume = ["resume", "nap", "--allow-commands", "--yes"];
    check(
        files.path(),
        &resume,
        3,
        &["step `sleep` asks", "Is it to run again?"],
    );
}
