use std::env;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Signal, getpid, kill_process};
use victor_process::ProcessGroup;

/// Runs in a process of its own, which ends as the last word of the variable says while its groups live.
#[tokio::test]
async fn a_program_that_ends() {
    let Ok(how) = env::var("TEST_END") else {
        return;
    };
    let life = env::var("TEST_LIFE").unwrap();
    let mut groups = Vec::new();
    for command in [
        "sleep 60 & sleep 60",
        "trap '' TERM; sleep 60",
        #[cfg(target_os = "linux")]
        "setsid sleep 60 & exec setsid sh -c 'sleep 60'",
    ] {
        let mut shell = tokio::process::Command::new("sh");
        shell.args(["-c", command]).stdout(open(&life));
        groups.push(ProcessGroup::spawn(&mut shell).unwrap());
    }
    // One that has ended, and one that cannot be started, are no trouble.
    let mut ended = ProcessGroup::spawn(&mut tokio::process::Command::new("true")).unwrap();
    ended.0.wait().await.unwrap();
    ended.1.kill_rest();
    ProcessGroup::spawn(&mut tokio::process::Command::new("no such program")).unwrap_err();
    match &*how {
        "lost" => {
            // Its watcher, of whose end it hears when it next has something to tell.
            let parent = std::process::id().to_string();
            let killed = Command::new("pkill")
                .args(["-KILL", "-f", "-P", &parent, "victor-watcher"])
                .status();
            assert!(killed.unwrap().success());
            let mut shell = tokio::process::Command::new("sh");
            shell.args(["-c", "sleep 60"]).stdout(open(&life));
            groups.push(ProcessGroup::spawn(&mut shell).unwrap());
            kill_process(getpid(), Signal::KILL).unwrap();
        }
        "exit" => std::process::exit(0),
        "kill" => kill_process(getpid(), Signal::KILL).unwrap(),
        "term" => kill_process(getpid(), Signal::TERM).unwrap(),
        _ => std::process::abort(),
    }
    std::future::pending::<()>().await;
}

fn open(path: impl AsRef<Path>) -> File {
    File::options().write(true).open(path).unwrap()
}

fn run(how: &str) {
    let folder = tempfile::tempdir().unwrap();
    let life = folder.path().join("life");
    mknodat(CWD, &life, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut program = Command::new(env::current_exe().unwrap())
        .args(["--exact", "left_behind::a_program_that_ends", "--nocapture"])
        .env("TEST_END", how)
        .env("TEST_LIFE", &life)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = File::open(&life).unwrap(); // waits for a writer
    let status = program.wait().unwrap();
    assert!(
        status.signal().is_some() || how == "exit",
        "{how}: {status}"
    );
    let since = Instant::now();
    reader.read_to_end(&mut Vec::new()).unwrap(); // waits until no writer is left
    assert!(since.elapsed() < Duration::from_secs(20), "{how}");
}

#[test]
fn nothing_outlives_the_program() {
    for how in ["exit", "kill", "term", "abort", "lost"] {
        run(how);
    }
}
