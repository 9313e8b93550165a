//! `run_command`.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Command;
use victor_core::{Effect, ToolSpec};
use victor_tool_protocol::{Preview, Tool, ToolContext, ToolError, ToolLimits, ToolOutput};

use crate::blocking::{arguments, spec};
use crate::processes::Processes;
use crate::workspace::{MAX_OUTPUT, Workspace};

/// How long the rest of the output is waited for after the command has ended.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct RunCommand {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
    timeout: Duration,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    command: String,
    timeout_seconds: Option<u64>,
}

impl RunCommand {
    pub(crate) fn new(workspace: &Arc<Workspace>, timeout: Duration) -> Self {
        let spec = spec(
            "run_command",
            Effect::Destructive,
            "Runs a shell command in the root of the workspace and returns what it writes and how it ends. Use it to \
             build, test and inspect. It has no input, and what it starts in the background is ended with it.",
            &["command"],
            json!({
                "command": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The command line for `sh`, for example `cargo test --quiet`",
                },
                "timeout_seconds": {
                    "type": "integer",
                    "minimum": 1,
                    "description": format!(
                        "After how many seconds it is killed. Default, and at most: {}",
                        timeout.as_secs()
                    ),
                },
            }),
        );
        Self {
            spec,
            workspace: Arc::clone(workspace),
            timeout,
        }
    }
}

#[async_trait]
impl Tool for RunCommand {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, input: Value) -> Result<ToolOutput, ToolError> {
        let Arguments {
            command,
            timeout_seconds,
        } = arguments(input)?;
        let limit = timeout_seconds
            .map_or(self.timeout, Duration::from_secs)
            .min(self.timeout);
        // One pipe for both outputs, so that they come in the order in which they were written.
        let (reader, writer) = std::io::pipe().map_err(not_started)?;
        let mut reader = Receiver::from_owned_fd(reader.into()).map_err(not_started)?;
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(&command)
            .current_dir(self.workspace.root())
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(not_started)?)
            .stderr(writer);
        for (name, value) in std::env::vars_os() {
            if is_secret(&name, &value) {
                shell.env_remove(name);
            }
        }
        let (mut child, mut processes) = Processes::spawn(&mut shell).map_err(not_started)?;
        drop(shell); // and with it our own writing ends of the pipe

        let mut output = Output::default();
        let mut status = None;
        let run = async {
            let wait = pin!(async {
                status = Some(child.wait().await);
                processes.kill_rest(); // what it left in the background, which would keep the pipe open
            });
            let fill = pin!(output.fill(&mut reader, cx));
            match select(wait, fill).await {
                // What could not be killed may hold the pipe open for ever.
                Either::Left(((), fill)) => drop(tokio::time::timeout(GRACE, fill).await),
                Either::Right(((), wait)) => wait.await,
            }
        };
        let _ = tokio::time::timeout(limit, run).await; // whether it ended is seen from the status
        drop(processes); // what is left when the time is up
        drop(child);

        let how = match status {
            Some(status) => describe(status.map_err(not_started)?),
            None => format!(
                "killed after {limit:?}, the longest that it may take: run less at once, or in smaller steps"
            ),
        };
        let mut text = output.into_text();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let _ = write!(text, "[{how}]"); // writing to a `String` cannot fail
        Ok(text.into())
    }

    async fn preview(&self, _cx: &ToolContext, input: &Value) -> Option<Preview> {
        let Arguments { command, .. } = arguments(input.clone()).ok()?;
        let folder = self.workspace.root().display();
        Some(format!("{command}\n[in {folder}]").into())
    }

    /// More time than the command has, so that what it wrote until its end is not lost.
    fn limits(&self) -> ToolLimits {
        ToolLimits::default().with_timeout(self.timeout.saturating_add(10 * GRACE))
    }
}

fn not_started(error: std::io::Error) -> ToolError {
    ToolError::because("the command could not be run", error)
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Whether an environment variable looks as if it held a secret, which a command has no need to know.
fn is_secret(name: &OsStr, value: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    let words = ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH"];
    let value = value.to_string_lossy();
    // Such as `postgres://user:password@host`.
    let login = value
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next())
        .is_some_and(|authority| authority.contains('@'));
    words.iter().any(|word| name.contains(word)) || login
}

/// The beginning and the end of what a command writes, however much it is.
#[derive(Default)]
struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: usize,
}

impl Output {
    const HALF: usize = MAX_OUTPUT / 2;

    /// Takes all that comes, until it ends.
    async fn fill(&mut self, reader: &mut Receiver, cx: &ToolContext) {
        let mut chunk = vec![0; 16 * 1024];
        // An error is an end: whatever happened, the status tells it.
        while let Ok(read @ 1..) = reader.read(&mut chunk).await {
            self.push(&chunk[..read]);
            cx.heartbeat();
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(Self::HALF - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(Self::HALF);
        self.tail.drain(..surplus);
        self.left_out += surplus;
    }

    fn into_text(self) -> String {
        let (mut bytes, tail) = (self.head, Vec::from(self.tail));
        if self.left_out > 0 {
            let note = format!("\n[{} bytes left out here]\n", self.left_out);
            bytes.extend_from_slice(note.as_bytes());
        }
        bytes.extend_from_slice(&tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_look_like_secrets() {
        let check = |name: &str, value: &str| is_secret(name.as_ref(), value.as_ref());
        assert!(check("ANTHROPIC_API_KEY", "x") && check("github_token", "x"));
        assert!(check("PGPASSWORD", "x") && check("SSH_AUTH_SOCK", "x"));
        assert!(check("DATABASE_URL", "postgres://me:secret@host/db"));
        assert!(!check("PATH", "/bin") && !check("HOME", "/root"));
        assert!(!check("PROXY", "http://host:1/a@b"));
    }

    #[test]
    fn of_a_flood_the_head_and_the_tail_stay() {
        let mut output = Output::default();
        output.push(b"first");
        for _ in 0..1000 {
            output.push(&[b'x'; 1000]);
        }
        output.push(b"last");
        assert!(output.tail.len() <= Output::HALF);
        let text = output.into_text();
        assert!(text.starts_with("firstxxx") && text.ends_with("xxxlast"));
        assert!(text.contains(&format!("[{} bytes left out here]", 1_000_009 - MAX_OUTPUT)));
        assert!(text.len() < MAX_OUTPUT + 100);
    }

    #[test]
    fn a_short_output_stays_whole() {
        let mut output = Output::default();
        output.push("ä".as_bytes());
        output.push(b"\xff");
        assert_eq!(output.into_text(), "ä\u{fffd}");
    }
}
