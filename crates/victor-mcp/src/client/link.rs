//! The way to a server, through all the connections that are made to it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use victor_core::{Health, HealthStatus, JsonMap, Problems};
use victor_process::Secrets;
use victor_tool_protocol::{ToolContext, ToolError, ToolOutput};

use super::connection::{CallError, Connection};
use super::definition::{Definition, Listing};
use super::reason::{service_error, tool_error};
use super::result::{output, redact};
use super::signals::Signals;
use crate::{McpError, McpServerConfig};

/// How long a server that has failed twice in a row is left alone, and one that fails again and again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// A server that has worked so long has not failed in a row.
const STEADY: Duration = Duration::from_secs(60);

/// How long the keeper rests after each look, so that a server cannot keep it busy.
const REST: Duration = Duration::from_millis(200);

/// The parts of the health.
const CONNECTION: &str = "connection";
const TOOLS: &str = "tools";

type Listener = Box<dyn Fn() + Send + Sync>;

/// The way to a server, through all the connections that are made to it.
pub(crate) struct Link {
    pub(crate) config: McpServerConfig,
    /// What is taken out of results.
    secrets: Secrets,
    signals: Arc<Signals>,
    /// Held while a connection is made, so that only one is.
    state: tokio::sync::Mutex<State>,
    definitions: Mutex<Arc<[Arc<Definition>]>>,
    problems: Problems,
    listeners: Mutex<Vec<Listener>>,
    keeper: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct State {
    connection: Option<(Arc<Connection>, Instant)>,
    is_shut_down: bool,
    /// How often it has failed in a row.
    failures: u32,
    retry_at: Option<Instant>,
    /// Why it failed last.
    reason: String,
}

impl Link {
    /// A way on which nobody has gone yet.
    pub(crate) fn new(config: McpServerConfig) -> Arc<Self> {
        let link = Arc::new(Self {
            secrets: config.secrets(),
            config,
            signals: Arc::default(),
            state: tokio::sync::Mutex::default(),
            definitions: Mutex::new(Arc::default()),
            problems: Problems::default(),
            listeners: Mutex::default(),
            keeper: OnceLock::new(),
        });
        let keeper = keep(Arc::downgrade(&link), Arc::clone(&link.signals));
        let keeper = tokio::spawn(keeper).abort_handle();
        link.keeper.get_or_init(|| keeper);
        link
    }

    /// The connection, which is made if there is none.
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
            let reason = connection.epitaph().await;
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
                // One that cannot be started is not likely to be startable at once.
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
        self.signals.nudge.notify_one();
    }

    async fn connect(&self) -> Result<Connection, McpError> {
        let connection = Connection::open(&self.config, &self.secrets, &self.signals).await?;
        self.signals.take_list_changed(); // the list is asked for below
        self.list(&connection).await?;
        Ok(connection)
    }

    /// Asks for the tools, and tells those who want to know.
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
                let reason = connection.epitaph().await;
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
                let said = "; it was asked for its tools".to_owned();
                return Err(McpError::Timeout {
                    server: server(),
                    limit,
                    said,
                });
            }
        };
        let listing = Listing::of(listed, &self.config, &self.definitions());
        match listing.problems.is_empty() {
            true => self.problems.clear(TOOLS),
            false => self.problems.report(TOOLS, listing.problems.join("; ")),
        }
        *lock(&self.definitions) = listing.tools.into();
        for listener in &*lock(&self.listeners) {
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
            let mut epitaph = None;
            if error.is_end() {
                epitaph = Some(connection.epitaph().await);
                self.signals.nudge.notify_one();
            }
            return Err(tool_error(&self.config, &error, epitaph));
        }
    }

    /// The tools that are offered, or were when there was a connection.
    pub(crate) fn definitions(&self) -> Arc<[Arc<Definition>]> {
        Arc::clone(&lock(&self.definitions))
    }

    /// Has `listener` called whenever the tools have been listed.
    pub(crate) fn on_listed(&self, listener: Listener) {
        lock(&self.listeners).push(listener);
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

    /// Looks after the connection. Returns after how long it wants to be looked after again, if nothing happens.
    async fn tend(&self) -> Option<Duration> {
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
            Err(_) => Some(Duration::ZERO), // to hear how long to wait
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.abort();
        }
    }
}

/// Makes a lost connection anew, and asks for the tools when they have changed, as long as anybody uses the link.
async fn keep(link: Weak<Link>, signals: Arc<Signals>) {
    let mut wait = None;
    loop {
        match wait {
            None => signals.nudge.notified().await,
            Some(wait) => drop(timeout(wait, signals.nudge.notified()).await),
        }
        let Some(link) = link.upgrade() else { return };
        wait = link.tend().await;
        drop(link);
        tokio::time::sleep(REST).await;
    }
}

/// How long a server is left alone that has failed so often in a row before. At first it is not.
fn pause(failures: u32) -> Duration {
    let pause = failures
        .checked_sub(1)
        .map(|n| FIRST_PAUSE * 2u32.pow(n.min(6)));
    pause.unwrap_or_default().min(LAST_PAUSE)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done with them can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
