//! `run_command`.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
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
use victor_process::{ProcessGroup, Secrets};
use victor_tool_protocol::{Preview, Tool, ToolContext, ToolError, ToolLimits, ToolOutput};

use super::environment::withheld;
use crate::budget::{Budget, HeadAndTail};
use crate::file_tool::{arguments, spec};
use crate::workspace::Workspace;

/// The time for the rest of the output after a command has ended.
const GRACE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct RunCommand {
    spec: ToolSpec,
    workspace: Arc<Workspace>,
    time: CommandTime,
    /// Secrets that are withheld from every command.
    secrets: Secrets,
}

/// The time limits of commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandTime {
    /// The limit of a call that names none.
    pub(crate) usual: Duration,
    /// Whatever the call says.
    pub(crate) longest: Duration,
}

impl Default for CommandTime {
    /// Enough for most builds, and for the longest where that is known beforehand.
    fn default() -> Self {
        Self {
            usual: Duration::from_secs(600),
            longest: Duration::from_secs(3_600),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Arguments {
    command: String,
    timeout_seconds: Option<u64>,
}

impl RunCommand {
    pub(crate) fn new(workspace: &Arc<Workspace>, time: CommandTime, secrets: Secrets) -> Self {
        let (usual, longest) = (time.usual.as_secs(), time.longest.as_secs());
        let limit = match usual == longest {
            true => format!("Default, and at most: {longest}"),
            false => format!("Default: {usual}, and at most: {longest}"),
        };
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
                    "description": format!("After how many seconds it is killed. {limit}"),
                },
            }),
        );
        Self {
            spec,
            workspace: Arc::clone(workspace),
            time,
            secrets,
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
        let longest = self.time.longest;
        let limit = timeout_seconds
            .map_or(self.time.usual, Duration::from_secs)
            .min(longest);
        // One pipe for both outputs, so that they come in the order in which they were written.
        let (reader, writer) = std::io::pipe().map_err(not_started)?;
        let mut reader = Receiver::from_owned_fd(reader.into()).map_err(not_started)?;
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(&command)
            .current_dir(folder(&self.workspace)?)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(not_started)?)
            .stderr(writer);
        for name in withheld(std::env::vars_os(), &self.secrets) {
            shell.env_remove(name);
        }
        let (mut child, processes) = ProcessGroup::spawn(&mut shell).map_err(not_started)?;
        drop(shell); // and with it our own writing ends of the pipe

        let mut output = HeadAndTail::within(Budget::of(cx));
        let mut status = None;
        let run = async {
            let wait = pin!(async {
                status = Some(child.wait().await);
                processes.kill_rest(); // what it left in the background, which would keep the pipe open
            });
            let fill = pin!(fill(&mut output, &mut reader, cx));
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
            None if limit < longest => format!(
                "killed after {limit:?}: allow more by `timeout_seconds`, up to {}, or run less at once",
                longest.as_secs()
            ),
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
        let folder = folder(&self.workspace).ok()?;
        // The handle is a link to where the folder is now.
        let folder = std::fs::read_link(&folder).unwrap_or(folder);
        Some(format!("{command}\n[in {}]", folder.display()).into())
    }

    /// More time than the command has, so that what it wrote until its end is not lost.
    fn limits(&self) -> ToolLimits {
        ToolLimits::default().with_timeout(self.time.longest.saturating_add(10 * GRACE))
    }
}

/// The folder in which commands run: the one that was opened, also when another has taken its place.
fn folder(workspace: &Workspace) -> Result<PathBuf, ToolError> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::{AsFd as _, AsRawFd as _};
        // The child has it too until it becomes the shell, and is in the folder by then.
        let handle = workspace.dir().as_fd().as_raw_fd();
        let handle = PathBuf::from(format!("/proc/self/fd/{handle}"));
        if handle.is_dir() {
            return Ok(handle);
        }
    }
    // Without such links the path must do, as long as it leads to the folder.
    let opened = workspace.dir().dir_metadata().map_err(not_started)?;
    let found = std::fs::metadata(workspace.root()).map_err(not_started)?;
    let id = |device, inode| (device, inode);
    if id(
        cap_std::fs::MetadataExt::dev(&opened),
        cap_std::fs::MetadataExt::ino(&opened),
    ) != id(
        std::os::unix::fs::MetadataExt::dev(&found),
        std::os::unix::fs::MetadataExt::ino(&found),
    ) {
        return Err(ToolError::failed(
            "the command was not run: another folder has taken the place of the workspace; open the workspace again",
        ));
    }
    Ok(workspace.root().to_owned())
}

/// Takes all that a command writes, until it ends.
async fn fill(output: &mut HeadAndTail, reader: &mut Receiver, cx: &ToolContext) {
    let mut chunk = vec![0; 16 * 1024];
    // An error is an end: whatever happened, the status tells it.
    while let Ok(read @ 1..) = reader.read(&mut chunk).await {
        output.push(&chunk[..read]);
        cx.heartbeat();
    }
}

fn not_started(error: std::io::Error) -> ToolError {
    ToolError::failed("the command could not be run").with_source(error)
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}
