use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use victor_core::ToolCallId;
use victor_tool_protocol::ToolListener;
use victor_workspace_tools::WorkspaceTools;

use crate::support::{Fixture, block_on, context};

#[track_caller]
fn check(command: &str, expected: &str) {
    Fixture::new(&[("a", "inside\n")]).check(
        "run_command",
        json!({ "command": command }),
        expected,
    );
}

#[test]
fn output_and_end_are_told() {
    check("cat a", "inside\n[exit code 0]");
    check("printf x; exit 3", "x\n[exit code 3]");
    check("true", "[exit code 0]");
    check("echo 1; echo 2 >&2; echo 3", "1\n2\n3\n[exit code 0]");
    check("kill -9 $$", "[killed by signal 9]");
    check("exec >&- 2>&-; true", "[exit code 0]");
    check("cat", "[exit code 0]"); // there is no input to wait for
    check("basename \"$PWD\"", "root\n[exit code 0]");
}

#[test]
fn secrets_of_the_environment_are_not_passed_on() {
    if std::env::var_os("TEST_ALONE").is_none() {
        // A process cannot safely change its own environment, so the test runs itself once more, in another one.
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "commands::secrets_of_the_environment_are_not_passed_on",
            ])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("TEST_ALONE", "1")
            .env("A_TOKEN", "0123456789abcdef")
            .env("A_CONFIG", "token: 0123456789abcdef")
            .env("A_URL", "http://a http://me:secret@b")
            .env("A_SETTING", "{\"of\":\"the-program\"}")
            .env("A_AUTHOR", "Ada")
            .env("A_TOKENIZER", "false")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let mut here = Fixture::new(&[]);
    here.tools = here.tools.secrets(["the-program"]);
    here.check(
        "run_command",
        json!({ "command": "env | grep ^A_ | sort" }),
        "A_AUTHOR=Ada\nA_TOKENIZER=false\n[exit code 0]",
    );
}

#[tokio::test]
async fn a_command_runs_in_the_folder_that_was_opened() {
    let here = Fixture::new(&[("a", "inside\n")]);
    let run = async |command: &str| {
        let arguments = json!({ "command": command });
        here.call("run_command", arguments).await
    };
    // Another folder takes its place.
    let (root, moved) = (here.path(""), here.folder.path().join("moved"));
    std::fs::rename(&root, &moved).unwrap();
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a"), "impostor\n").unwrap();
    let output = run("cat a; basename \"$PWD\"").await;
    if cfg!(target_os = "linux") {
        assert_eq!(output.unwrap(), "inside\nmoved\n[exit code 0]");
        let tool = here.tool("run_command");
        let (cx, arguments) = (context(), json!({ "command": "true" }));
        let shown = tool.preview(&cx, &arguments).await;
        assert!(shown.unwrap().text.ends_with("/moved]"));
    } else {
        let error = output.unwrap_err().to_string();
        assert!(
            error.contains("another folder has taken the place"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_flood_is_limited() {
    let here = Fixture::new(&[]);
    let command =
        json!({ "command": "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last" });
    let output = here.call("run_command", command).await.unwrap();
    assert!(output.starts_with("first\nxxx") && output.ends_with("xxx\nlast\n[exit code 0]"));
    assert!(output.contains(" bytes left out here]") && output.len() < 42_000);
}

/// A pipe in the workspace by which the test learns that something lives, and when nothing does any more that could
/// write to it.
struct Lifeline {
    alive: oneshot::Receiver<()>,
    /// While this runs, paused time stands still.
    ended: JoinHandle<()>,
    since: Instant,
}

impl Lifeline {
    fn new(here: &Fixture) -> Self {
        let path = here.path("life");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (sender, alive) = oneshot::channel();
        let ended = tokio::task::spawn_blocking(move || {
            let mut pipe = std::fs::File::open(path).unwrap(); // waits for a writer
            pipe.read_exact(&mut [0]).unwrap();
            sender.send(()).unwrap();
            pipe.read_to_end(&mut Vec::new()).unwrap(); // waits until no writer is left
        });
        let since = Instant::now();
        Self {
            alive,
            ended,
            since,
        }
    }

    /// Waits until nothing lives any more, and makes sure that it did not die of old age.
    async fn ended(self) {
        self.ended.await.unwrap();
        assert!(
            self.since.elapsed() < Duration::from_secs(30),
            "it was not killed"
        );
    }
}

/// What outlives the shell, if it is let: it tells that it lives, and then only holds the pipe and the output open.
const LIVE: &str = "echo alive; touch ready; sleep 60";

/// Ways to start it in the background.
fn backgrounds() -> Vec<String> {
    let mut ways = vec![format!("({LIVE}) > life &")];
    if cfg!(target_os = "linux") {
        ways.extend([
            format!("setsid sh -c '{LIVE}' > life &"),
            // The parent ends at once, and there is a child.
            format!("(setsid sh -c '({LIVE}) & sleep 60' > life &);"),
        ]);
    }
    ways
}

/// Without a mark in its environment it can be found as long as its parents live.
fn unmarked() -> Vec<String> {
    let way = format!("env -i PATH=\"$PATH\" setsid sh -c '{LIVE}' > life &");
    Vec::from_iter(cfg!(target_os = "linux").then_some(way))
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_too_long_is_killed_with_all_that_it_started() {
    for background in backgrounds().into_iter().chain(unmarked()) {
        for (seconds, expected) in [(None, 5), (Some(2), 2), (Some(100), 5)] {
            let mut here = Fixture::new(&[]);
            here.tools = here.tools.command_timeout(Duration::from_secs(5));
            let mut life = Lifeline::new(&here);
            let tool = here.tool("run_command");
            let command = format!("echo begun; {background} sleep 60");
            let arguments = json!({ "command": command, "timeout_seconds": seconds });
            let call = tokio::spawn(async move { tool.call(&context(), arguments).await });
            (&mut life.alive).await.unwrap();
            tokio::time::advance(Duration::from_millis(expected * 1000 - 1)).await;
            assert!(!call.is_finished());
            tokio::time::advance(Duration::from_millis(2)).await;
            let advice = match seconds {
                Some(2) => ": allow more by `timeout_seconds`, up to 5, or run less at once",
                _ => ", the longest that it may take: run less at once, or in smaller steps",
            };
            let said = format!("begun\n[killed after {expected}s{advice}]");
            assert_eq!(call.await.unwrap().unwrap(), said.into());
            life.ended().await;
        }
    }
}

#[tokio::test]
async fn a_command_that_is_dropped_is_killed_with_all_that_it_started() {
    for background in backgrounds().into_iter().chain(unmarked()) {
        let here = Fixture::new(&[]);
        let mut life = Lifeline::new(&here);
        let tool = here.tool("run_command");
        let arguments = json!({ "command": format!("{background} sleep 60 > life & wait") });
        let call = tokio::spawn(async move { tool.call(&context(), arguments).await });
        (&mut life.alive).await.unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        life.ended().await;
    }
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_the_command() {
    for background in backgrounds() {
        let here = Fixture::new(&[]);
        let life = Lifeline::new(&here);
        // The second one holds the output open.
        let command = format!("{background} sleep 60 & until [ -e ready ]; do :; done; echo done");
        let output = here
            .call("run_command", json!({ "command": command }))
            .await;
        assert_eq!(output.unwrap(), "done\n[exit code 0]");
        life.ended().await;
    }
}

#[tokio::test]
async fn a_command_of_a_command_is_killed_with_both() {
    // What a tool within the command would start has another mark besides.
    let here = Fixture::new(&[]);
    let life = Lifeline::new(&here);
    let command = format!(
        "VICTOR_COMMAND_1=1 setsid sh -c '({LIVE}) &' > life; until [ -e ready ]; do :; done"
    );
    let output = here
        .call("run_command", json!({ "command": command }))
        .await;
    assert_eq!(output.unwrap(), "[exit code 0]");
    life.ended().await;
}

#[derive(Debug, Default)]
struct Heard(AtomicUsize);

impl ToolListener for Heard {
    fn heard(&self, _: &ToolCallId, _: Option<&str>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn output_is_a_sign_of_life() {
    let here = Fixture::new(&[]);
    let heard = async |command: &str| {
        let heard = Arc::new(Heard::default());
        let cx = context().with_listener(heard.clone());
        let tool = here.tool("run_command");
        tool.call(&cx, json!({ "command": command })).await.unwrap();
        heard.0.load(Ordering::Relaxed)
    };
    assert_eq!(heard("true").await, 0);
    assert!(heard("echo 1; echo 2 >&2").await > 0);
    // As many as there are pieces, and each has 64 KiB at most.
    assert!(heard("head -c 1000000 /dev/zero").await >= 15);
}

#[test]
fn a_call_may_take_longer_than_its_command() {
    let here = Fixture::new(&[]);
    let check = |tools: &WorkspaceTools, expected: &str| {
        let tool = tools.tools().pop().unwrap();
        let schema = tool.spec().input_schema.to_string();
        assert!(schema.contains(expected), "{schema}");
        tool.limits().timeout.unwrap()
    };
    let hour = Duration::from_secs(3_600);
    assert!(check(&here.tools, "Default: 600, and at most: 3600") > hour);
    let long = here.tools.command_timeout(2 * hour);
    assert!(check(&long, "Default, and at most: 7200") > 2 * hour);
    let endless = long.command_timeout(Duration::MAX);
    assert_eq!(check(&endless, "at most"), Duration::MAX);
}

#[test]
fn the_command_and_its_folder_are_shown_before_it_runs() {
    let here = Fixture::new(&[]);
    let shown = here.preview("run_command", &json!({ "command": "touch x" }));
    let folder = here.path("").canonicalize().unwrap();
    assert_eq!(
        shown.unwrap(),
        format!("touch x\n[in {}]", folder.display())
    );
    assert!(!here.path("x").exists());
    assert_eq!(here.preview("run_command", &json!({})), None);
}

/// The most memory that this process has had, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_gibibyte_of_output_takes_no_memory() {
    if std::env::var_os("TEST_ALONE").is_none() {
        // In a process of its own, whose memory other tests do not use.
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "commands::a_gibibyte_of_output_takes_no_memory"])
            .env("TEST_ALONE", "1")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    check("true", "[exit code 0]");
    let before = peak_memory();
    let here = Fixture::new(&[]);
    let command = json!({ "command": "head -c 1073741824 /dev/zero" });
    let output = block_on(here.call("run_command", command)).unwrap();
    let left_out = 1_073_741_824 - 40 * 1024;
    assert!(output.contains(&format!("[{left_out} bytes left out here]")));
    assert!(
        peak_memory() - before < 8 * 1024,
        "{} KiB",
        peak_memory() - before
    );
}

#[tokio::test]
async fn arguments_of_the_wrong_type_are_told() {
    let error = Fixture::new(&[])
        .call("run_command", Value::Null)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("invalid arguments: invalid type: null")
    );
}
