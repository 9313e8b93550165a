//! A server that is a child process.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{Notify, watch};
use victor_process::ProcessGroup;
use victor_text::{cleaned, excerpt};

use super::diagnostics::{Diagnostics, MAX_STDERR};
use super::pipe::Pipe;
use crate::McpServerConfig;
use crate::config::Program;

/// The variables of the environment that a server inherits. Others may hold keys.
const INHERITED: [&str; 21] = [
    "APPDATA",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "LANG",
    "LC_ALL",
    "LOCALAPPDATA",
    "LOGNAME",
    "PATH",
    "PATHEXT",
    "PROGRAMFILES",
    "SHELL",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERPROFILE",
];

/// The time that a server gets to end by itself after its input is closed, and again after it is asked to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time to wait for the rest of the error output after the process has ended.
const GRACE: Duration = Duration::from_millis(200);

/// The process of a server with all that it started, killed when this is dropped, and when the program ends.
#[derive(Debug)]
pub(super) struct Process {
    group: Arc<Group>,
    /// The way in which it ended, once it has.
    ended: watch::Receiver<Option<String>>,
    diagnostics: Arc<Diagnostics>,
    /// For the removal of secrets from its output.
    config: McpServerConfig,
}

impl Process {
    /// Starts the process. `wake` is notified when it has ended.
    pub(super) fn start(
        program: &Program,
        config: &McpServerConfig,
        wake: Arc<Notify>,
    ) -> Result<(Self, Pipe), String> {
        let mut command = Command::new(&program.command);
        command
            .args(&program.args)
            .env_clear()
            .envs(
                INHERITED
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(&program.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(folder) = &program.cwd {
            if !folder.is_dir() {
                return Err(format!("`{}` is not a folder", folder.display()));
            }
            command.current_dir(folder);
        }
        let (mut child, processes) = ProcessGroup::spawn(&mut command).map_err(|error| {
            let advice = match error.kind() {
                io::ErrorKind::NotFound => ": is it installed, and on the PATH?",
                _ => "",
            };
            format!("`{}`: {error}{advice}", program.command.display())
        })?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("its standard streams are not there".to_owned());
        };

        let diagnostics = Arc::new(Diagnostics::default());
        let pipe = Pipe::new(stdin, stdout, Arc::clone(&diagnostics));
        let killed = Notify::new();
        let group = Arc::new(Group { processes, killed });
        let (tell, ended) = watch::channel(None);
        let reader = tokio::spawn(read_stderr(stderr, Arc::clone(&diagnostics)));
        tokio::spawn(reap(child, Arc::clone(&group), reader, tell, wake));
        let process = Self {
            group,
            ended,
            diagnostics,
            config: config.clone(),
        };
        Ok((process, pipe))
    }

    /// Whether it has ended, or the connection to it was broken off.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some() || self.diagnostics.fault().is_some()
    }

    /// Waits briefly for the end of a process whose connection has ended, and returns the reason.
    pub(super) async fn exit_reason(&self) -> String {
        let how = match self.diagnostics.fault() {
            Some(fault) => fault.to_owned(),
            None => {
                let mut ended = self.ended.clone();
                let ended = tokio::time::timeout(GRACE * 5, ended.wait_for(Option::is_some)).await;
                match ended
                    .as_ref()
                    .map(|how| how.as_deref().map(Option::as_deref))
                {
                    Ok(Ok(Some(how))) => how.to_owned(),
                    _ => "it closed its output".to_owned(),
                }
            }
        };
        how + &self.stray_output()
    }

    /// Returns its stray output as clauses for an error message.
    pub(super) fn stray_output(&self) -> String {
        let bytes = self.diagnostics.stderr();
        // Secrets go first: a piece of one would not be known any more. Such a piece may stand at the beginning where
        // what was before it has been forgotten.
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if bytes.len() == MAX_STDERR {
            text.drain(..self.config.end_of_secret(&text));
        }
        let text = self.config.redact(text);
        let text = cleaned(&text, MAX_STDERR);
        let start = text.ceil_char_boundary(text.len().saturating_sub(600));
        let mut output = match excerpt(&text[start..], 600) {
            text if text.is_empty() => String::new(),
            text => format!("; its error output ends with: {text}"),
        };
        if let Some(line) = self.diagnostics.first_stray_line() {
            let line = excerpt(&self.config.redact(line.to_owned()), 100);
            output +=
                &format!("; on its standard output, which is for messages only, it wrote: {line}");
        }
        output
    }

    /// Ends it: waits, asks, and kills at last. Its input must be closed before.
    pub(super) async fn end(&self) {
        let mut ended = self.ended.clone();
        let mut wait = async || {
            let ended = ended.wait_for(Option::is_some);
            tokio::time::timeout(PATIENCE, ended).await.is_ok()
        };
        if !wait().await {
            self.group.processes.ask();
            if !wait().await {
                self.group.kill();
                wait().await;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// Reads the error output of a process.
async fn read_stderr(mut stderr: ChildStderr, diagnostics: Arc<Diagnostics>) {
    let mut chunk = vec![0; 4 * 1024];
    // An error is an end.
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        diagnostics.append_stderr(&chunk[..read]);
    }
}

/// Waits for the end of a process, kills what it leaves behind, and reports the end.
async fn reap(
    mut child: Child,
    group: Arc<Group>,
    reader: tokio::task::JoinHandle<()>,
    tell: watch::Sender<Option<String>>,
    wake: Arc<Notify>,
) {
    let status = tokio::select! {
        status = child.wait() => status,
        () = group.killed.notified() => {
            let _ = child.start_kill(); // where there are no groups; fails if it has ended
            child.wait().await
        }
    };
    group.processes.kill_rest();
    let _ = tokio::time::timeout(GRACE, reader).await;
    tell.send_replace(Some(match status {
        Ok(status) => describe(status),
        Err(error) => error.to_string(),
    }));
    wake.notify_one();
}

fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("it was killed by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("it ended with exit code {code}"),
        None => format!("it ended: {status}"),
    }
}

/// The processes of a server.
#[derive(Debug)]
struct Group {
    processes: ProcessGroup,
    /// Notified when the process itself is to be killed, which is all that is done where there are no groups.
    killed: Notify,
}

impl Group {
    fn kill(&self) {
        self.processes.kill();
        self.killed.notify_one();
    }
}
