//! The supervisor of a server: connects, reconnects after growing pauses, and keeps the list of tools.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use victor_core::{Health, HealthStatus, JsonMap, Lock, Problems};
use victor_process::Secrets;
use victor_tool_protocol::{ToolContext, ToolError, ToolOutput};

use super::call_error::CallError;
use super::connection::Connection;
use super::definition::{Definition, Listing};
use super::failure::{service_error, tool_error};
use super::result::{output, redact};
use super::signals::Signals;
use crate::{McpError, McpServerConfig};

/// The pause after the second failure in a row, and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Time of work after which a failure counts as the first one.
const STEADY: Duration = Duration::from_secs(60);

/// Time between two checks, so that a server cannot keep its supervisor busy.
const REST: Duration = Duration::from_millis(200);

/// The components of the health.
const CONNECTION: &str = "connection";
const TOOLS: &str = "tools";

type Listener = Box<dyn Fn() + Send + Sync>;

/// The supervisor of a server, through all the connections that are made to it.
pub(crate) struct Supervisor {
    pub(crate) config: McpServerConfig,
    /// Secrets to remove from results.
    secrets: Secrets,
    signals: Arc<Signals>,
    /// Locked while a connection is made, so that only one is made at a time.
    state: tokio::sync::Mutex<State>,
    definitions: Lock<Arc<[Arc<Definition>]>>,
    problems: Problems,
    listeners: Lock<Vec<Listener>>,
    task: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct State {
    connection: Option<(Arc<Connection>, Instant)>,
    is_shut_down: bool,
    /// The number of failures in a row.
    failures: u32,
    retry_at: Option<Instant>,
    /// The reason of the last failure.
    reason: String,
}

impl Supervisor {
    /// A supervisor without a connection. Must be called within a tokio runtime.
    pub(crate) fn new(config: McpServerConfig) -> Arc<Self> {
        let supervisor = Arc::new(Self {
            secrets: config.secrets(),
            config,
            signals: Arc::default(),
            state: tokio::sync::Mutex::default(),
            definitions: Lock::new(Arc::default()),
            problems: Problems::default(),
            listeners: Lock::default(),
            task: OnceLock::new(),
        });
        let maintenance = maintain(Arc::downgrade(&supervisor), Arc::clone(&supervisor.signals));
        let task = tokio::spawn(maintenance).abort_handle();
        supervisor.task.get_or_init(|| task);
        supervisor
    }

    /// Returns the connection, and makes one if there is none.
    pub(super) async fn connected(&self) -> Result<Arc<Connection>, McpError> {
        let server = || self.config.name.clone();
        let mut state = self.state.lock().await;
        if state.is_shut_down {
            return Err(McpError::ShutDown { server: server() });
        }
        if let Some((connection, since)) = state.connection.take() {
            if connection.is_open() {
                state.connection = Some((Arc::clone(&connection), since));
                return Ok(connection);
            }
            let reason = connection.exit_reason().await;
            if since.elapsed() > STEADY {
                state.failures = 0;
            }
            self.failed(&mut state, reason);
        }
        let now = Instant::now();
        if let Some(retry_at) = state.retry_at.filter(|retry_at| now < *retry_at) {
            return Err(McpError::Waiting {
                server: server(),
                retry_after: retry_at - now,
                reason: state.reason.clone(),
            });
        }
        match self.connect().await {
            Ok(connection) => {
                self.problems.clear(CONNECTION);
                let connection = Arc::new(connection);
                state.connection = Some((Arc::clone(&connection), Instant::now()));
                Ok(connection)
            }
            Err(error) => {
                // A server that cannot be started will hardly start at once.
                state.failures = state.failures.max(1);
                self.failed(&mut state, error.to_string());
                Err(error)
            }
        }
    }

    fn failed(&self, state: &mut State, reason: String) {
        tracing::warn!(server = %self.config.name, %reason, "MCP server failed");
        self.problems.report(CONNECTION, &reason);
        state.retry_at = Some(Instant::now() + pause(state.failures));
        state.failures += 1;
        state.reason = reason;
        self.signals.wake.notify_one();
    }

    async fn connect(&self) -> Result<Connection, McpError> {
        let connection = Connection::open(&self.config, &self.secrets, &self.signals).await?;
        self.signals.take_list_changed(); // the list is asked for below
        self.list(&connection).await?;
        Ok(connection)
    }

    /// Asks for the tools, and calls the listeners.
    async fn list(&self, connection: &Connection) -> Result<(), McpError> {
        let server = || self.config.name.clone();
        let limit = self.config.startup_timeout;
        let listed = match timeout(limit, connection.list()).await {
            Ok(Ok(mut listed)) => {
                listed
                    .iter_mut()
                    .for_each(|tool| redact(tool, &self.secrets));
                listed
            }
            Ok(Err(_)) if !connection.is_open() => {
                let reason = connection.exit_reason().await;
                return Err(McpError::Ended {
                    server: server(),
                    reason,
                });
            }
            Ok(Err(error)) => {
                let reason = format!("it lists no tools: {}", service_error(&self.config, &error));
                return Err(McpError::Protocol {
                    server: server(),
                    reason,
                });
            }
            Err(_) => {
                let output = "; it was asked for its tools".to_owned();
                return Err(McpError::Timeout {
                    server: server(),
                    limit,
                    output,
                });
            }
        };
        let listing = Listing::of(listed, &self.config, &self.definitions());
        match listing.problems.is_empty() {
            true => self.problems.clear(TOOLS),
            false => self.problems.report(TOOLS, listing.problems.join("; ")),
        }
        *self.definitions.lock() = listing.tools.into();
        for listener in &*self.listeners.lock() {
            listener();
        }
        Ok(())
    }

    /// Calls a tool.
    pub(super) async fn call(
        &self,
        definition: &Arc<Definition>,
        arguments: JsonMap,
        cx: &ToolContext,
    ) -> Result<ToolOutput, ToolError> {
        let name = &definition.raw_name;
        let arguments = definition.raw_arguments(arguments);
        let mut is_repeated = false;
        loop {
            let connection = self
                .connected()
                .await
                .map_err(|error| ToolError::Unavailable {
                    message: format!("{error}; the call had no effect"),
                    retry_after: match error {
                        McpError::Waiting { retry_after, .. } => Some(retry_after),
                        _ => None,
                    },
                })?;
            let is_offered = |known: &Arc<Definition>| Arc::ptr_eq(known, definition);
            if !self.definitions().iter().any(is_offered) {
                return Err(ToolError::unavailable(format!(
                    "MCP server `{}` has changed or withdrawn its tool `{name}`, and the call had no effect",
                    self.config.name
                )));
            }
            // Without copying them, large arguments could not be sent a second time.
            let error = match connection.call(name, arguments.clone(), cx).await {
                Ok(result) => return output(result, &self.secrets),
                Err(CallError::NotSent) if !is_repeated => {
                    is_repeated = true;
                    continue;
                }
                Err(error) => error,
            };
            let mut exit_reason = None;
            if error.is_end() {
                exit_reason = Some(connection.exit_reason().await);
                self.signals.wake.notify_one();
            }
            return Err(tool_error(&self.config, &error, exit_reason));
        }
    }

    /// Returns the tools that the server offers, or offered while it was connected.
    pub(crate) fn definitions(&self) -> Arc<[Arc<Definition>]> {
        Arc::clone(&self.definitions.lock())
    }

    /// Calls `listener` after every listing of the tools.
    pub(crate) fn on_listed(&self, listener: Listener) {
        self.listeners.lock().push(listener);
    }

    pub(crate) fn health(&self) -> Health {
        let mut health = self.problems.health(&self.config.name);
        let is_down = |problem: &String| problem.starts_with(CONNECTION);
        if health.problems.iter().any(is_down) {
            health.status = HealthStatus::Unhealthy;
        }
        health
    }

    pub(crate) async fn shutdown(&self) {
        let connection = {
            let mut state = self.state.lock().await;
            state.is_shut_down = true;
            state.connection.take()
        };
        if let Some((connection, _)) = connection {
            connection.close().await;
        }
        self.problems.report(CONNECTION, "it was shut down");
    }

    /// Reconnects or lists the tools anew where that is needed. Returns after which time to check again; `None` waits
    /// for a signal.
    async fn check(&self) -> Option<Duration> {
        match self.connected().await {
            Ok(connection) => {
                if self.signals.take_list_changed()
                    && let Err(error) = self.list(&connection).await
                {
                    self.problems.report(TOOLS, &error);
                }
                None
            }
            Err(McpError::ShutDown { .. }) => None,
            Err(McpError::Waiting { retry_after, .. }) => Some(retry_after),
            Err(_) => Some(Duration::ZERO), // the next check returns the pause
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

/// Checks a supervisor at every signal and after every pause, until it is dropped.
async fn maintain(supervisor: Weak<Supervisor>, signals: Arc<Signals>) {
    let mut wait = None;
    loop {
        match wait {
            None => signals.wake.notified().await,
            Some(wait) => drop(timeout(wait, signals.wake.notified()).await),
        }
        let Some(supervisor) = supervisor.upgrade() else {
            return;
        };
        wait = supervisor.check().await;
        drop(supervisor);
        tokio::time::sleep(REST).await;
    }
}

/// Returns the pause before the next attempt, after this number of earlier failures in a row.
fn pause(failures: u32) -> Duration {
    let pause = failures
        .checked_sub(1)
        .map(|n| FIRST_PAUSE * 2u32.pow(n.min(6)));
    pause.unwrap_or_default().min(LAST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_up_to_a_minute() {
        let pauses: Vec<_> = (0..10).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
